"""Processes that outlive the console: recognized although pids are used again, and killed with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import psutil

StartId = str | float  # see `start_id`
PROC = Path("/proc")
CLOCK_TOLERANCE_SECONDS = 10.0  # between a start time recorded as a float and the process's: see `_has_start`
RAISE_AGAIN_SECONDS = 0.05  # between an ignored `Stopped` and the next one
KILL_TIMEOUT_SECONDS = 10.0


class ProcessIdentity(TypedDict):
    """What identifies a process, even after its pid is used again."""

    pid: int
    pid_started: StartId | None


class Stopped(BaseException):
    """Raised in a process that is asked to stop; not an `Exception`, so that no step swallows it."""


def stop_on_sigterm() -> None:
    """Make SIGTERM raise `Stopped` in the main thread, so that `finally` blocks run.

    Python ignores exceptions in finalizers and in callbacks of weak references. If the signal arrives there, `Stopped`
    is raised again a moment later.
    """

    def raise_stopped(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
        raise Stopped

    def raise_again(ignored: sys.UnraisableHookArgs) -> None:
        if isinstance(ignored.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, RAISE_AGAIN_SECONDS)
        else:
            sys.__unraisablehook__(ignored)

    signal.signal(signal.SIGTERM, raise_stopped)
    signal.signal(signal.SIGALRM, raise_stopped)
    sys.unraisablehook = raise_again


def start_time(pid: int) -> float | None:
    """Return when the process started, in seconds since 1970 by the current system clock; None if it does not exist.

    For display only: on Linux it moves with the system clock, so it does not identify a process. See `start_id`.
    """
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def start_id(pid: int) -> StartId | None:
    """Return what distinguishes a process from later ones with the same pid, or None if there is no such process.

    On Linux this is text: the boot ID and the start in clock ticks since boot, which do not change when the system
    clock does. Elsewhere it is a number: the start time in seconds since 1970, which the kernel records once.
    """
    if not (PROC / "self" / "stat").exists():
        return _start_seconds(pid)
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()  # from the third field on: the second, the name, may contain blanks
    ticks = fields[22 - 3].decode()
    return f"{_boot_id()}/{ticks}"


def is_alive(pid: int | None, started: StartId | None) -> bool:
    """Return whether the process with this pid and start ID is running."""
    if pid is None or started is None or not _has_start(pid, started):
        return False
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def this_process() -> ProcessIdentity:
    """Return what identifies this process, as `is_alive` takes it."""
    return {"pid": os.getpid(), "pid_started": start_id(os.getpid())}


def reap_later(process: subprocess.Popen[bytes]) -> None:
    """Collect the exit status of a child when it ends, so that it does not stay a zombie."""
    threading.Thread(target=process.wait, daemon=True).start()


def ask_to_stop(pid: int | None, started: StartId | None) -> None:
    """Send SIGTERM to the process with this pid and start ID. No-op if it has ended."""
    if pid is not None and is_alive(pid, started):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).terminate()


def kill_group(leader: int | None, started: StartId | None) -> bool:
    """Kill every process in a process group, whether or not its leader still exists.

    Args:
        leader: Pid of the group's leader, which is the number of the group.
        started: Start ID of the leader.

    Returns:
        Whether the group is gone, so that its files can be deleted. It is False, too, if `started` is a float that
        does not match the leader: the group may be another one then, and is left alone.
    """
    if leader is None or started is None:
        return True

    def is_member(process: psutil.Process) -> bool:
        return os.getpgid(process.pid) == leader

    if _has_start(leader, started) or (start_id(leader) is None and not _rebooted_since(started)):
        return _kill(is_member)
    if isinstance(started, str):  # after a reboot, or if the pid is used again, which it is only once the group is gone
        return True
    return not any(_is_selected(process, is_member) for process in psutil.process_iter())


def kill_with_variable(name: str, value: str) -> bool:
    """Kill every process of this user that was started with this environment variable.

    Returns:
        Whether none is left.
    """
    return _kill(lambda process: process.environ().get(name) == value)


def describe_exit(code: int) -> str:
    """Return a phrase for an exit code, such as `killed by SIGTERM`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def _kill(select: Callable[[psutil.Process], bool]) -> bool:
    """Kill the selected processes, and those that they start meanwhile; return whether none is left."""
    deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
    while remaining := [process for process in psutil.process_iter() if _is_selected(process, select)]:
        if time.monotonic() > deadline:
            return False
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)
    return True


def _is_selected(process: psutil.Process, select: Callable[[psutil.Process], bool]) -> bool:
    try:
        return bool(select(process) and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):  # it has ended, or belongs to another user
        return False


def _has_start(pid: int, started: StartId) -> bool:
    """Return whether the process with this pid has this start ID.

    Earlier versions recorded psutil's `create_time()`, a float which on Linux moves with the system clock. It is
    accepted with a tolerance, so that running jobs survive an upgrade.
    """
    if isinstance(started, str):
        return start_id(pid) == started
    seconds = _start_seconds(pid)
    return seconds is not None and abs(seconds - started) < CLOCK_TOLERANCE_SECONDS


def _start_seconds(pid: int) -> float | None:
    """Return psutil's start time; on macOS the kernel's own, which psutil otherwise adjusts to the clock."""
    try:
        process = psutil.Process(pid)
        return float(process._proc.create_time(monotonic=True) if psutil.MACOS else process.create_time())
    except psutil.Error:
        return None


def _rebooted_since(started: StartId) -> bool:
    if isinstance(started, str):
        return not started.startswith(f"{_boot_id()}/")
    return bool(started < psutil.boot_time() - CLOCK_TOLERANCE_SECONDS)


@lru_cache(maxsize=1)
def _boot_id() -> str:
    """Return the random ID that the kernel chose at boot; empty if it cannot be read."""
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""
