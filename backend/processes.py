"""Processes that outlive the console: told apart from later ones that got the same pid, ended with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress

import psutil


class Stopped(BaseException):
    """Raised in a process that was told to stop; not an `Exception`, so that no step swallows it."""


def stop_on_sigterm() -> None:
    """From now on SIGTERM raises `Stopped` in the main thread, so that `finally` blocks run."""

    def raise_stopped(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not break off the cleaning up
        raise Stopped

    signal.signal(signal.SIGTERM, raise_stopped)


def start_time(pid: int) -> float | None:
    """When the process started, in seconds since 1970; None if there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def alive(pid: int | None, started: float | None) -> bool:
    """Whether the process that had this pid and start time still runs."""
    if pid is None or started is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def reap_later(process: subprocess.Popen) -> None:
    """Collect the exit status of a child when it comes, so that no zombie of ours stays."""
    threading.Thread(target=process.wait, daemon=True).start()


def ask_to_stop(pid: int | None, started: float | None) -> None:
    """SIGTERM, if the process is still there."""
    if pid is not None and alive(pid, started):
        with suppress(psutil.NoSuchProcess):  # it may have ended since
            psutil.Process(pid).terminate()


def end_group(leader: int | None, since: float | None) -> None:
    """SIGKILL to every process in the process group of the leader that had this pid and start time, dead or alive."""
    if leader is None or since is None or since < psutil.boot_time():
        return
    now = start_time(leader)
    if now is not None and abs(now - since) >= 1:  # a pid is used again only when its group is gone
        return
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == leader:
                process.kill()
        except (psutil.Error, OSError):
            continue


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
