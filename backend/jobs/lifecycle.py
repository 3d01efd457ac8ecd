"""Start, follow and stop jobs, each in a process of its own that outlives the page and the console."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from backend.errors import UserError
from backend.jobs import processes
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import LOG, TEMPORARY_FOLDER
from backend.workspace.records import Job

PATIENCE = 150  # seconds a job has to stop by itself: SageMaker's 120 for a training, and some to clean up after it
LONG_PATIENCE = 1500  # of those that delete what they began to deploy: SageMaker does not let go of what still starts
DEPLOYING = ("deploy", "restart endpoint", "update endpoint")
PROJECT = Path(__file__).resolve().parents[2]

current_job_id: ContextVar[str | None] = ContextVar("current_job_id", default=None)  # the id of the job of this process


def start(workspace: Workspace, verb: str, name: str, /, **params: Any) -> Job:
    """Start `verb` (a key of `backend.jobs.worker.VERBS`) with `params`, which JSON must be able to hold.

    Returns at once with the job's record; `name` is what the page calls it.
    """
    job = workspace.add(Job(name=name, verb=verb, params=params))
    with log_path(workspace, job).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend.jobs.worker", str(workspace.root), job.id],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with workspace.edit(Job, job.id) as stored:
        stored.pid, stored.pid_started = process.pid, processes.start_id(process.pid)
    processes.reap_later(process)
    return workspace.get(Job, job.id)


def refresh(workspace: Workspace) -> list[Job]:
    """All jobs, newest first, after marking as failed those whose process is gone without a word.

    Servers that killed jobs left are ended.
    """
    from backend.steps import deployments  # imports the platforms, which import this module

    for job in workspace.list(Job):
        if not job.active:
            continue
        if job.stop_asked and time.time() - job.stop_asked > (LONG_PATIENCE if job.verb in DEPLOYING else PATIENCE):
            processes.kill_group(job.pid, job.pid_started)
        if not _has_process(job):
            _record_death(workspace, job)
    deployments.sweep(workspace)
    return workspace.list(Job)


def active(workspace: Workspace, verb: str | None = None) -> list[Job]:
    return [job for job in refresh(workspace) if job.active and verb in (None, job.verb)]


def recent(workspace: Workspace, verb: str | None = None, limit: int = 5) -> list[Job]:
    """The newest jobs, running or ended."""
    return [job for job in refresh(workspace) if verb in (None, job.verb)][:limit]


def stop(workspace: Workspace, job_id: str) -> None:
    """Ask the job to stop. Returns at once; the job is `stopping` until its process has cleaned up."""
    with workspace.edit(Job, job_id) as job:
        if not job.active:
            return
        job.status = job.step = "stopping"
        job.stop_asked = job.stop_asked or time.time()  # asking again does not prolong the patience
    processes.ask_to_stop(job.pid, job.pid_started)


def current(workspace: Workspace) -> Job | None:
    """The job that this process runs, if it runs one."""
    job_id = current_job_id.get()
    return workspace.find(Job, job_id) if job_id else None


def note(workspace: Workspace, **facts: Any) -> None:
    """Keep facts about the job that this process runs, for its page; without one, nothing is kept."""
    if job_id := current_job_id.get():
        with workspace.edit(Job, job_id) as job:
            job.facts |= facts


def wait(workspace: Workspace, job_id: str, progress: Progress) -> Job:
    """Follow a job to its end, passing on its progress.

    Raises:
        UserError: with the job's reason, if it failed or was stopped.
    """
    while (job := workspace.get(Job, job_id)).active:
        progress(job.progress, f"{job.name}: {job.step}" if job.step else job.name)
        time.sleep(0.3)
        refresh(workspace)
    if job.status != "done":
        raise UserError(f"{job.name} {job.status}. {job.reason}".strip())
    return job


def log_path(workspace: Workspace, job: Job) -> Path:
    return workspace.folder(job) / LOG


def temporary_folder(workspace: Workspace, job: Job) -> Path:
    """Where the job's temporary files lie; it goes with the job's process, however that ends."""
    return workspace.folder(job) / TEMPORARY_FOLDER


def log(workspace: Workspace, job: Job, lines: int = 200) -> str:
    """The last `lines` lines that the job printed, read from the end of the file."""
    path = log_path(workspace, job)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - lines * 400))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def remove(workspace: Workspace, job_id: str) -> None:
    """Delete the record and the files of an ended job, after any process of its group that is left.

    Raises:
        UserError: if it still runs.
    """
    job = workspace.get(Job, job_id)
    if job.active:
        raise UserError(f"“{job.name}” is still running. Stop it first.")
    processes.kill_group(job.pid, job.pid_started)
    workspace.remove(job)


def _record_death(workspace: Workspace, job: Job) -> None:
    # This comes first because a resumed training writes to the same checkpoints.
    group_is_gone = processes.kill_group(job.pid, job.pid_started)
    with workspace.edit(Job, job.id) as stored:
        if not stored.active or _has_process(stored):  # it ended properly in the meantime
            return
        if stored.status == "stopping":
            stored.status = "stopped"
        else:
            stored.status = "failed"
            stored.reason = (
                "The job's process ended without a word: it was killed, the machine ran out of memory, "
                "or the machine was restarted. Start it again; a training can be resumed."
            )
        stored.step, stored.ended = "", time.time()
    if group_is_gone:  # processes that survived still need their files
        shutil.rmtree(temporary_folder(workspace, job), ignore_errors=True)


def _has_process(job: Job) -> bool:
    if job.pid is None:  # between its record and its process; not for longer than a start takes
        return time.time() - job.created < 20
    return processes.is_alive(job.pid, job.pid_started)
