"""How busy the processor of this machine is with work that does not belong to a measurement."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

NAMED_SHARE = 0.05  # of the processor, from which on a program is named
MAX_NAMED = 3
OTHER_MACHINES = "other virtual machines on this host"


class OtherWork(NamedTuple):
    """Work beside a measurement.

    Attributes:
        share: Share of the processor time of all cores that it took, 0..1.
        names: The programs that took most of it, such as `ffmpeg (process 312)`.
    """

    share: float
    names: list[str]


class OtherWorkMeter:
    """Measures other work from its creation until `stop`.

    This process, its children and the given processes with their children belong to the measurement.

    Args:
        processes: Ids of processes that belong to the measurement, such as servers.
    """

    def __init__(self, processes: Sequence[int] = ()) -> None:
        self._processes = processes
        self._started = time.perf_counter()
        self._busy, self._stolen = _busy_seconds()
        self._own = self._own_seconds()
        self._others = _seconds_by_process()

    def stop(self) -> OtherWork:
        """Return the work since the creation."""
        own = self._own_seconds() - self._own
        busy, stolen = (now - before for now, before in zip(_busy_seconds(), (self._busy, self._stolen)))
        capacity = (time.perf_counter() - self._started) * (psutil.cpu_count() or 1)
        ours = {process.pid for process in self._own_processes()}
        seconds = {
            f"{name} (process {pid})": total - self._others.get((pid, started, name), 0.0)
            for (pid, started, name), total in _seconds_by_process().items()
            if pid not in ours
        }
        seconds[OTHER_MACHINES] = stolen
        largest = sorted(seconds, key=lambda name: -seconds[name])[:MAX_NAMED]
        return OtherWork(
            share=round(min(max((busy - own) / capacity, 0.0), 1.0), 3),
            names=[name for name in largest if seconds[name] >= NAMED_SHARE * capacity],
        )

    def _own_processes(self) -> list[psutil.Process]:
        processes = []
        for pid in (os.getpid(), *self._processes):
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                processes += [process, *process.children(recursive=True)]
        return processes

    def _own_seconds(self) -> float:
        times = os.times()
        total = times.children_user + times.children_system  # of children that have ended
        for process in self._own_processes():
            with suppress(psutil.Error):
                spent = process.cpu_times()
                total += spent.user + spent.system
        return total


def _busy_seconds() -> tuple[float, float]:
    """Return the seconds for which cores have been busy since the start of the machine, and those stolen from it.

    The first include the second: while the host runs other virtual machines, ours waits.
    """
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)  # on Linux only
    # `user` and `nice` include the time of guests.
    idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - idle, stolen


def _seconds_by_process() -> dict[tuple[int, float, str], float]:
    """Return the processor time of each process by its id, start and name."""
    seconds = {}
    for process in psutil.process_iter(["pid", "name", "create_time", "cpu_times"]):
        info = process.info
        if spent := info["cpu_times"]:
            seconds[(info["pid"], info["create_time"], info["name"] or "?")] = spent.user + spent.system
    return seconds
