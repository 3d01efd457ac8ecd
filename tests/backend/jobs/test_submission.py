"""Identical jobs are started once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from backend import jobs
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Job

STARTERS = 8
SUBMIT = """
import sys
from backend import jobs
from backend.workspace import Workspace
workspace = Workspace(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(jobs.submit(workspace, "make sample", "Sample", size=[64, 48], scenes=1).is_new)
"""


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The commands of the jobs' processes, which are replaced by one that does nothing for a minute."""
    commands: list[list[str]] = []
    processes: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        commands.append(command)
        processes.append(popen(["sleep", "60"], start_new_session=True))
        return processes[-1]

    monkeypatch.setattr("backend.jobs.lifecycle.subprocess.Popen", start)
    yield commands
    for process in processes:
        process.kill()
        process.wait()


def test_of_many_identical_starts_at_once_one_counts(tmp_path: Path, no_workers: list[list[str]]) -> None:
    Workspace(tmp_path)
    at_once = Barrier(STARTERS)

    def submit(_: int) -> jobs.Submission:
        workspace = Workspace(tmp_path)
        at_once.wait()
        return jobs.submit(workspace, "train", "Training", dataset="d", hyperparameters={"a": "1", "b": "2"})

    with ThreadPoolExecutor(STARTERS) as pool:
        submissions = list(pool.map(submit, range(STARTERS)))
    assert [submission.is_new for submission in submissions].count(True) == 1
    assert len({submission.job.id for submission in submissions}) == len(Workspace(tmp_path).list(Job)) == 1
    assert len(no_workers) == 1


@pytest.mark.slow
def test_of_identical_starts_in_several_processes_one_counts(workspace: Workspace) -> None:
    command = [sys.executable, "-c", SUBMIT, str(workspace.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starters = [subprocess.Popen(command, cwd=PROJECT, **pipes) for _ in range(3)]
    for starter in starters:
        assert starter.stdout and starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("\n")
        starter.stdin.flush()
    answers = [starter.communicate(timeout=60)[0].strip() for starter in starters]
    assert sorted(answers) == ["False", "False", "True"]
    (job,) = workspace.list(Job)
    jobs.stop(workspace, job.id)


def test_other_parameters_make_another_job(workspace: Workspace, no_workers: list[list[str]]) -> None:
    first = jobs.submit(workspace, "track", "Track", video="v", classes=["person"])
    assert jobs.submit(workspace, "track", "Track", video="v", classes=["car"]).is_new
    assert jobs.submit(workspace, "track", "Track", video="w", classes=["person"]).is_new
    assert jobs.submit(workspace, "track video", "Track", video="v", classes=["person"]).is_new
    same = jobs.submit(workspace, "track", "Another title", classes=["person"], video="v")
    assert not same.is_new and same.job.id == first.job.id


def test_what_differs_between_two_clicks_on_one_button_does_not_count(
    workspace: Workspace, no_workers: list[list[str]]
) -> None:
    assert jobs.submit(workspace, "train", "Training", dataset="d", checkpoints="1").is_new
    assert not jobs.submit(workspace, "train", "Training", dataset="d", checkpoints="2").is_new


@pytest.mark.parametrize("status", ["done", "failed", "stopped"])
def test_an_ended_job_can_be_started_again(workspace: Workspace, no_workers: list[list[str]], status: str) -> None:
    workspace.add(Job(name="ended", verb="train", params={"dataset": "d"}, status=status))
    assert jobs.submit(workspace, "train", "Training", dataset="d").is_new


def test_a_job_whose_process_was_killed_can_be_started_again(workspace: Workspace, no_workers: list[list[str]]) -> None:
    lost = workspace.add(
        Job(name="lost", verb="train", params={"dataset": "d"}, status="running", pid=2**22, pid_started="x/1")
    )
    workspace.add(Job(name="never started", verb="train", params={"dataset": "d"}, created=time.time() - 60))
    assert jobs.submit(workspace, "train", "Training", dataset="d").is_new
    assert workspace.get(Job, lost.id).status == "failed"
