from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from waiting import until

from backend.steps import other_work
from backend.steps.other_work import OTHER_MACHINES, OtherWorkMeter

BUSY = "while True: pass"


@contextmanager
def program(*, own: bool = False) -> Iterator[int]:
    """Run a program that keeps a core busy; one that is not `own` is no child of this process."""
    starter = (
        "import subprocess, sys;"
        f"print(subprocess.Popen([sys.executable, '-c', {BUSY!r}], stdout=subprocess.DEVNULL).pid, flush=True)"
    )
    if own:
        process = subprocess.Popen([sys.executable, "-c", BUSY])
        pid = process.pid
    else:
        pid = int(subprocess.run([sys.executable, "-c", starter], stdout=subprocess.PIPE, check=True).stdout)
    try:
        yield pid
    finally:
        psutil.Process(pid).kill()
        if own:
            process.wait()


def spend(pid: int, seconds: float) -> None:
    """Wait until a process has used so much processor time."""
    start = _used(pid)
    until(lambda: _used(pid) - start >= seconds)


def _used(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])


def test_the_work_of_other_programs_is_measured_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_work, "MAX_NAMED", 1000)  # other tests may run meanwhile
    with program() as pid:
        meter = OtherWorkMeter()
        started = time.perf_counter()
        spend(pid, 0.5)
        work = meter.stop()
        capacity = (time.perf_counter() - started) * (psutil.cpu_count() or 1)
    assert work.share >= 0.4 / capacity
    if 0.5 / capacity > 0.06:  # on a machine with many cores it is not worth a name
        assert any(f"(process {pid})" in name for name in work.names)


@pytest.mark.parametrize("as_child", [True, False])
def test_work_that_belongs_to_the_measurement_does_not_count(as_child: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child, or a server that is named. What else this machine does is left out of this test."""
    monkeypatch.setattr(other_work, "_busy_seconds", lambda: (_used(pid), 0.0))
    with program(own=as_child) as pid:
        meter = OtherWorkMeter([] if as_child else [pid])
        spend(pid, 0.3)
        work = meter.stop()
        assert work.share < 0.05 and not any(f"(process {pid})" in name for name in work.names)


def test_time_that_the_host_gives_to_other_machines_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(100.0, 10.0), (1000.0, 910.0)])
    monkeypatch.setattr(other_work, "_busy_seconds", lambda: next(readings))
    work = OtherWorkMeter().stop()
    assert work.share == 1.0 and work.names[0] == OTHER_MACHINES
