from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from waiting import until

from backend.jobs import processes
from backend.workspace.paths import PROJECT

LINUX = pytest.mark.skipif(not psutil.LINUX, reason="other systems identify a process by a number")


@pytest.fixture
def leader() -> Iterator[subprocess.Popen]:
    """A process that leads a group of its own and starts a child in it."""
    code = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); child.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    yield process
    for member in group(process):
        member.kill()
    process.communicate()


def group(leader: subprocess.Popen) -> list[psutil.Process]:
    """Return the living processes of the group."""
    members = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == leader.pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
        except (OSError, psutil.Error):
            continue
    return members


def wait_for_child(leader: subprocess.Popen) -> processes.StartId:
    """Wait until the leader has started its child; return the leader's start ID."""
    assert leader.stdout is not None
    leader.stdout.readline()
    started = processes.start_id(leader.pid)
    assert started is not None
    return started


@pytest.mark.parametrize("seconds", [1, -1, 86400])
def test_a_clock_change_does_not_change_start_ids(
    leader: subprocess.Popen, step_clock: Callable[[float], None], seconds: float
) -> None:
    started, displayed = wait_for_child(leader), processes.start_time(leader.pid)
    step_clock(seconds)
    assert processes.start_id(leader.pid) == started and processes.is_alive(leader.pid, started)
    assert processes.start_time(leader.pid) != displayed
    leader.kill()
    leader.wait()
    assert not processes.is_alive(leader.pid, started) and len(group(leader)) == 1
    assert processes.kill_group(leader.pid, started) and group(leader) == []


@LINUX
def test_blanks_and_brackets_in_the_name_do_not_break_the_start_id(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([program, "60"])
    until(lambda: psutil.Process(process.pid).name() == program.name)
    started = processes.start_id(process.pid)
    ticks = psutil.Process(process.pid)._proc.create_time(monotonic=True) * os.sysconf("SC_CLK_TCK")
    assert str(started).rpartition("/")[2] == f"{ticks:.0f}"
    process.kill()
    process.wait()
    assert processes.start_id(process.pid) is None


@LINUX
def test_a_start_id_of_an_earlier_boot_kills_nothing(leader: subprocess.Popen) -> None:
    ticks = str(wait_for_child(leader)).rpartition("/")[2]
    earlier = f"an-earlier-boot/{ticks}"
    assert not processes.is_alive(leader.pid, earlier)
    assert processes.kill_group(leader.pid, earlier) and len(group(leader)) == 2
    leader.kill()
    leader.wait()
    assert processes.kill_group(leader.pid, earlier) and len(group(leader)) == 1


def test_a_float_of_an_earlier_version_is_accepted_within_the_tolerance(leader: subprocess.Popen) -> None:
    wait_for_child(leader)
    created = psutil.Process(leader.pid).create_time()
    assert processes.is_alive(leader.pid, created + 2) and not processes.is_alive(leader.pid, created + 60)
    assert not processes.kill_group(leader.pid, created + 60) and len(group(leader)) == 2
    assert processes.kill_group(leader.pid, created + 2) and group(leader) == []
    leader.wait()
    assert processes.kill_group(leader.pid, created + 60)  # because no process has this pid any more


def test_without_proc_the_start_time_identifies_a_process(
    leader: subprocess.Popen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    started = wait_for_child(leader)
    assert isinstance(started, float) and processes.is_alive(leader.pid, started)
    leader.kill()
    leader.wait()
    assert processes.start_id(leader.pid) is None and not processes.is_alive(leader.pid, started)
    assert processes.kill_group(leader.pid, started) and group(leader) == []


def test_processes_are_killed_by_environment_variable() -> None:
    sleeping = {}
    for place in ("here", "there"):
        sleeping[place] = subprocess.Popen(["sleep", "60"], env={**os.environ, "BYTETRACK_TEST_PLACE": place})
    assert processes.kill_with_variable("BYTETRACK_TEST_PLACE", "here")
    assert sleeping["here"].wait(5) < 0 and sleeping["there"].poll() is None
    sleeping["there"].kill()
    sleeping["there"].wait()


@pytest.mark.parametrize("where", ["finalizer", "callback"])
def test_a_stop_that_python_ignores_is_raised_again(where: str) -> None:
    """Python itself runs such code when it releases the lock of an imported module, for example."""
    code = f"""
import os, signal, time, weakref
from backend.jobs.processes import Stopped, stop_on_sigterm

class Temporary:
    pass

def signal_self(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)

stop_on_sigterm()
temporary = Temporary()
if "{where}" == "finalizer":
    Temporary.__del__ = signal_self
else:
    reference = weakref.ref(temporary, signal_self)
try:
    del temporary
    time.sleep(20)
except Stopped:
    print("stopped")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, cwd=PROJECT)
    assert (done.stdout, done.stderr) == ("stopped\n", "")
