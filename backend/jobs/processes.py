"""Processes that outlive the console: told apart from later ones that got the same pid, ended with their children."""

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

import psutil

StartId = str | float  # see `start_id`
PROC = Path("/proc")
CLOCK_STEP = 10.0  # seconds by which a start time that was recorded as a float may differ: see `_is`
AGAIN_SECONDS = 0.05  # until an ignored `Stopped` is raised again
KILL_SECONDS = 10.0  # how long a killed process may take to disappear


class Stopped(BaseException):
    """Raised in a process that was told to stop; not an `Exception`, so that no step swallows it."""


def stop_on_sigterm() -> None:
    """From now on SIGTERM raises `Stopped` in the main thread, so that `finally` blocks run.

    Python ignores what is raised in a finalizer or in a callback of a weak reference, and a signal may come there, too.
    `Stopped` is raised again then, a moment later.
    """

    def raise_stopped(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not break off the cleaning up
        raise Stopped

    def raise_again(ignored: sys.UnraisableHookArgs) -> None:
        if isinstance(ignored.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        else:
            sys.__unraisablehook__(ignored)

    signal.signal(signal.SIGTERM, raise_stopped)
    signal.signal(signal.SIGALRM, raise_stopped)
    sys.unraisablehook = raise_again


def start_time(pid: int) -> float | None:
    """Return when the process started, in seconds since 1970 by the clock as it is set now; None if there is none.

    For display only: on Linux it moves with the system clock, so it does not identify a process. See `start_id`.
    """
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def start_id(pid: int) -> StartId | None:
    """Return what distinguishes a process from later ones with the same pid, or None if there is no such process.

    On Linux this is text, the boot ID and the start in clock ticks since boot, which a step of the system clock leaves
    alone. Elsewhere it is a number, the start time in seconds since 1970, which the kernel records once.
    """
    if not (PROC / "self" / "stat").exists():
        return _start_seconds(pid)
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()  # from the third on: the second, the name, may contain blanks
    ticks = fields[22 - 3].decode()
    return f"{_boot_id()}/{ticks}"


def is_alive(pid: int | None, started: StartId | None) -> bool:
    """Return whether the process that had this pid and start ID still runs."""
    if pid is None or started is None or not _is(pid, started):
        return False
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def this_process() -> dict:
    """Return the `pid` and `pid_started` of this process, as `alive` takes them."""
    return {"pid": os.getpid(), "pid_started": start_id(os.getpid())}


def reap_later(process: subprocess.Popen) -> None:
    """Collect the exit status of a child when it comes, so that no zombie of ours stays."""
    threading.Thread(target=process.wait, daemon=True).start()


def ask_to_stop(pid: int | None, started: StartId | None) -> None:
    """SIGTERM, if the process is still there."""
    if pid is not None and is_alive(pid, started):
        with suppress(psutil.NoSuchProcess):  # it may have ended since
            psutil.Process(pid).terminate()


def kill_group(leader: int | None, started: StartId | None) -> bool:
    """Kill every process in the process group of the leader that had this pid and start ID, dead or alive.

    Returns:
        Whether no process of the group is left, so that its files can be deleted. False also if there is a group of
        this number that a start time recorded as a float does not identify: it is left alone.
    """
    if leader is None or started is None:
        return True

    def belongs(process: psutil.Process) -> bool:
        return os.getpgid(process.pid) == leader

    if _is(leader, started) or (start_id(leader) is None and not _rebooted_since(started)):
        return _kill(belongs)
    if isinstance(started, str):  # the machine was restarted, or the pid is used again: only after its group was gone
        return True
    return not any(_is_running(process, belongs) for process in psutil.process_iter())


def kill_with_variable(name: str, value: str) -> bool:
    """Kill every process of this user whose environment had this variable at its start; return whether none is left."""
    return _kill(lambda process: process.environ().get(name) == value)


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def _kill(chosen: Callable[[psutil.Process], bool]) -> bool:
    """Kill the chosen processes, and those they start meanwhile; return whether none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    while remaining := [process for process in psutil.process_iter() if _is_running(process, chosen)]:
        if time.monotonic() > deadline:
            return False
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)
    return True


def _is_running(process: psutil.Process, chosen: Callable[[psutil.Process], bool]) -> bool:
    try:
        return chosen(process) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _is(pid: int, started: StartId) -> bool:
    """Return whether the process with this pid has this start ID.

    Earlier versions recorded psutil's `create_time()`, a float which on Linux moves with the system clock. It is
    accepted if it differs by less than `CLOCK_STEP`, so that an upgrade loses nothing that runs.
    """
    if isinstance(started, str):
        return start_id(pid) == started
    seconds = _start_seconds(pid)
    return seconds is not None and abs(seconds - started) < CLOCK_STEP


def _start_seconds(pid: int) -> float | None:
    """Return the start time as psutil knows it; on macOS the kernel's own, which psutil otherwise adjusts."""
    try:
        process = psutil.Process(pid)
        return process._proc.create_time(monotonic=True) if psutil.MACOS else process.create_time()
    except psutil.Error:
        return None


def _rebooted_since(started: StartId) -> bool:
    if isinstance(started, str):
        return not started.startswith(f"{_boot_id()}/")
    return started < psutil.boot_time() - CLOCK_STEP


@lru_cache(maxsize=1)
def _boot_id() -> str:
    """Return the ID that the kernel drew when the machine was started; empty where it cannot be read."""
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""
