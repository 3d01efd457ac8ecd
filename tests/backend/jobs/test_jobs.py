from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from deployment_helpers import add_model, add_video, all_ended, deploy, processes_about
from waiting import until

from backend import jobs
from backend.errors import UserError
from backend.jobs import processes
from backend.progress import silent
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Job, Run, Video

pytestmark = pytest.mark.slow

SAMPLE = {"scenes": 1, "frames": 6, "size": [64, 48]}


@pytest.fixture
def tracking(workspace: Workspace, tmp_path: Path) -> Job:
    """A running job that has just started its child, the program `process`."""
    video, endpoint = add_video(workspace, tmp_path), deploy(workspace, add_model(workspace), "batch")
    job = jobs.start(workspace, "track", "Track", video=video.id, endpoint=endpoint.id)
    assert job.pid is not None
    worker = psutil.Process(job.pid)
    until(worker.children)
    return job


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen]:
    """A process that is not a job's."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_job_runs_to_its_end(workspace: Workspace) -> None:
    job = jobs.start(workspace, "make sample", "Sample", **SAMPLE)
    assert job.active
    steps: list[str] = []
    ended = jobs.wait(workspace, job.id, lambda fraction, step: steps.append(step))
    assert ended.status == "done" and ended.progress == 1 and len(ended.result["videos"]) == 1
    assert all(step.startswith("Sample") for step in steps)
    assert jobs.recent(workspace, "make sample") == [ended] and jobs.active(workspace) == []
    jobs.remove(workspace, job.id)
    assert jobs.refresh(workspace) == [] and all_ended(job.id)


def test_the_log_of_a_failed_job_has_the_reason(workspace: Workspace) -> None:
    job = jobs.start(workspace, "add video", "Add", source="/nowhere/yard.mp4")
    with pytest.raises(UserError, match="Add failed. .*yard.mp4"):
        jobs.wait(workspace, job.id, silent)
    log = jobs.log(workspace, job)
    assert "yard.mp4" in log and "Traceback" not in log


def test_a_killed_job_has_failed_and_its_children_are_killed(workspace: Workspace, tracking: Job) -> None:
    assert tracking.pid is not None
    children = psutil.Process(tracking.pid).children()
    psutil.Process(tracking.pid).kill()
    until(lambda: not jobs.active(workspace))
    (job,) = jobs.refresh(workspace)
    assert job.status == "failed" and "was killed" in job.reason and job.ended
    psutil.wait_procs(children, timeout=5)
    assert all_ended(workspace.root)
    assert not jobs.temporary_folder(workspace, tracking).exists()


@pytest.mark.parametrize("seconds", [2, -3600])
def test_a_clock_change_does_not_end_a_job(
    workspace: Workspace, tracking: Job, step_clock: Callable[[float], None], seconds: float
) -> None:
    worker = psutil.Process(tracking.pid)
    worker.suspend()  # so that it does not end before the clock changes
    step_clock(seconds)
    (job,) = jobs.refresh(workspace)
    assert job.active and jobs.temporary_folder(workspace, job).exists()
    jobs.stop(workspace, job.id)
    worker.resume()
    with pytest.raises(UserError, match="Track stopped"):
        jobs.wait(workspace, job.id, silent)
    assert all_ended(workspace.root)


def test_children_of_a_killed_job_are_killed_after_a_clock_change(
    workspace: Workspace, tracking: Job, step_clock: Callable[[float], None]
) -> None:
    worker = psutil.Process(tracking.pid)
    (program,) = worker.children()
    program.suspend()
    step_clock(3600)
    worker.kill()
    until(lambda: not jobs.active(workspace))
    assert all_ended(workspace.root) and not jobs.temporary_folder(workspace, tracking).exists()


def test_a_job_of_an_earlier_version_survives_an_upgrade(workspace: Workspace, tracking: Job) -> None:
    worker = psutil.Process(tracking.pid)
    worker.suspend()
    with workspace.edit(Job, tracking.id) as job:
        job.pid_started = worker.create_time() + 1  # as earlier versions recorded it, before a clock change
    (job,) = jobs.refresh(workspace)
    assert job.active and jobs.temporary_folder(workspace, job).exists()
    jobs.stop(workspace, job.id)
    worker.resume()
    with pytest.raises(UserError, match="Track stopped"):
        jobs.wait(workspace, job.id, silent)


def test_files_of_a_job_that_may_be_alive_are_not_deleted(workspace: Workspace, tracking: Job) -> None:
    """A start time that an earlier version recorded does not identify the process after a large clock change."""
    worker = psutil.Process(tracking.pid)
    worker.suspend()
    with workspace.edit(Job, tracking.id) as job:
        job.pid_started = worker.create_time() - 3600
    (job,) = jobs.refresh(workspace)
    assert job.status == "failed" and worker.is_running() and jobs.temporary_folder(workspace, job).exists()
    worker.resume()
    worker.terminate()
    assert all_ended(workspace.root)


def test_removing_a_job_kills_the_rest_of_its_processes_first(workspace: Workspace, tracking: Job) -> None:
    """An earlier version took a living job for dead after a clock change."""
    psutil.Process(tracking.pid).suspend()
    with workspace.edit(Job, tracking.id) as job:
        job.status = "failed"
    jobs.remove(workspace, tracking.id)
    assert processes_about(tracking.id) == [] and jobs.refresh(workspace) == []


def test_a_stopped_job_leaves_nothing(workspace: Workspace, tracking: Job) -> None:
    with pytest.raises(UserError, match="still running"):
        jobs.remove(workspace, tracking.id)
    jobs.stop(workspace, tracking.id)
    stopping = workspace.get(Job, tracking.id)
    assert stopping.status in ("stopping", "stopped")
    jobs.stop(workspace, tracking.id)
    assert workspace.get(Job, tracking.id).stop_asked == stopping.stop_asked
    with pytest.raises(UserError, match="Track stopped"):
        jobs.wait(workspace, tracking.id, silent)
    assert all_ended(workspace.root)
    assert workspace.list(Run) == [] and not jobs.temporary_folder(workspace, tracking).exists()
    jobs.stop(workspace, tracking.id)  # as if from another tab
    assert workspace.get(Job, tracking.id).status == "stopped"


def test_a_job_outlives_the_console(workspace: Workspace) -> None:
    start = f"""
import time
from backend import jobs
from backend.workspace import Workspace
jobs.start(Workspace({str(workspace.root)!r}), "make sample", "Sample", scenes=1, frames=6, size=[64, 48])
print("started", flush=True)
time.sleep(60)
"""
    console = subprocess.Popen([sys.executable, "-c", start], cwd=PROJECT, stdout=subprocess.PIPE)
    assert console.stdout and console.stdout.readline() == b"started\n"
    console.send_signal(signal.SIGKILL)
    console.communicate()
    (job,) = jobs.refresh(workspace)
    assert jobs.wait(workspace, job.id, silent).status == "done"
    assert len(workspace.list(Video)) == 1


def test_a_job_without_a_process_fails_after_a_while(workspace: Workspace) -> None:
    workspace.add(Job(name="new", verb="train", params={}))
    workspace.add(Job(name="old", verb="train", params={}, created=time.time() - 60))
    assert {job.name: job.status for job in jobs.refresh(workspace)} == {"new": "queued", "old": "failed"}


def test_a_reused_pid_is_not_the_job(workspace: Workspace, stranger: subprocess.Popen) -> None:
    actual = processes.start_id(stranger.pid)
    assert isinstance(actual, str) and processes.is_alive(stranger.pid, actual)
    another = f"{actual.rpartition('/')[0]}/1"
    job = Job(name="lost", verb="train", params={}, status="running", pid=stranger.pid, pid_started=another)
    workspace.add(job)
    jobs.stop(workspace, job.id)
    (ended,) = jobs.refresh(workspace)
    assert not ended.active
    stranger.send_signal(signal.SIGUSR1)
    assert stranger.wait() == -signal.SIGUSR1  # no other signal has ended it


def test_the_last_lines_of_a_long_log_are_read(workspace: Workspace) -> None:
    job = workspace.add(Job(name="long", verb="train", params={}))
    assert jobs.log(workspace, job) == ""
    jobs.log_path(workspace, job).write_text("".join(f"line {number} {'é' * 50}\n" for number in range(5000)))
    lines = jobs.log(workspace, job, lines=20).splitlines()
    assert len(lines) == 20 and lines[-1].startswith("line 4999")
