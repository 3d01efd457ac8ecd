"""Start, follow and stop jobs, each in a process of its own that outlives the page and the console."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from backend.errors import UserError
from backend.jobs import processes
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import LOG, PROJECT, TEMPORARY_FOLDER
from backend.workspace.query import Query
from backend.workspace.records import ACTIVE_STATUSES, Job, JobFacts, Verb

STOP_TIMEOUT_SECONDS = 150  # SageMaker gives a training 120 seconds to stop; the rest is for the job's own clean-up
DEPLOYMENT_STOP_TIMEOUT_SECONDS = 1500  # SageMaker deletes an endpoint only once it has finished starting
DEPLOYMENT_VERBS: tuple[Verb, ...] = ("deploy", "restart endpoint", "update endpoint")
START_TIMEOUT_SECONDS = 20  # between the job's record and its process
POLL_SECONDS = 0.3
PARAMS_OF_ONE_START = frozenset({"checkpoints"})  # parameters that differ each time the user starts the same job
LOG_LINE_BYTES = 400  # assumed when the last lines are read from the end of a log

current_job_id: ContextVar[str | None] = ContextVar("current_job_id", default=None)
"""Id of the job that this process runs; None in the console and in scripts."""


class Submission(NamedTuple):
    """What `submit` returns: the job, and whether it is new or one that has not ended yet does the same."""

    job: Job
    is_new: bool


def start(workspace: Workspace, verb: Verb, name: str, /, **params: Any) -> Job:
    """Start a job in a process of its own and return at once, see `submit`."""
    return submit(workspace, verb, name, **params).job


def submit(workspace: Workspace, verb: Verb, name: str, /, **params: Any) -> Submission:
    """Start a job in a process of its own and return at once.

    No-op if a job with the same verb and parameters has not ended, as after a double click or in another tab.

    Args:
        workspace: Workspace that the job works on.
        verb: What the job does.
        name: Title of the job on the page.
        **params: Keyword arguments of the verb's function, see `backend.jobs.worker.VERBS`. They must fit in JSON.

    Returns:
        The record of the new job, or of the one that does the same.
    """
    wanted = _comparable(params)

    def is_same(other: Job) -> bool:
        return _comparable(other.params) == wanted

    for other in workspace.list(Job, verb=verb, status=ACTIVE_STATUSES):
        if is_same(other) and not _has_process(other):
            _record_death(workspace, other)
    new_job = Job(name=name, verb=verb, params=params)
    job = workspace.find_or_add(new_job, is_same, verb=verb, status=ACTIVE_STATUSES)
    if job is not new_job:
        return Submission(job, is_new=False)
    return Submission(_launch(workspace, job), is_new=True)


def start_again(workspace: Workspace, job_id: str) -> Job:
    """Start a job that has ended once more, with the same parameters, and return at once.

    It stays one job: its log continues, and its duration and cost include the earlier attempts.

    Raises:
        UserError: If it has not ended.
    """
    with workspace.edit(Job, job_id) as job:
        if job.active:
            raise UserError(f"“{job.name}” is still running.")
        cost = job.facts.get("cost", 0.0)
        job.attempts.append({"status": job.status, "started": job.started, "ended": job.ended, "cost": cost})
        job.status, job.queued = "queued", time.time()
        job.first_progress, job.first_reported = 0.0, None
        job.step, job.reason, job.result, job.facts = "", "", {}, JobFacts()
        job.started = job.ended = job.stop_asked = job.pid = job.pid_started = None
    with log_path(workspace, job).open("a") as log:
        print(f"\nstarted again, attempt {len(job.attempts) + 1}", file=log)
    return _launch(workspace, job)


def _launch(workspace: Workspace, job: Job) -> Job:
    """Start the process of a job and return the job's record."""
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


def refresh(workspace: Workspace, *verbs: Verb) -> list[Job]:
    """Update the records of jobs whose process has died, and return the jobs of some verbs or all, newest first.

    Jobs that take too long to stop are killed. Local endpoints that killed jobs left behind are ended.
    """
    _notice_deaths(workspace)
    return workspace.list(Job, verb=verbs) if verbs else workspace.list(Job)


def active(workspace: Workspace, *verbs: Verb) -> list[Job]:
    """Return the jobs that have not ended, newest first, of some verbs or of all."""
    _notice_deaths(workspace)
    return [job for job in workspace.list(Job, status=ACTIVE_STATUSES) if not verbs or job.verb in verbs]


def recent(workspace: Workspace, verb: Verb | None = None, limit: int = 5) -> list[Job]:
    """Return the newest jobs, active or ended, of one verb or of all."""
    _notice_deaths(workspace)
    fields = {"verb": verb} if verb else {}
    return list(workspace.search(Job, Query(fields=fields, descending=True, limit=limit))[0])


def _notice_deaths(workspace: Workspace) -> None:
    from backend.steps import deployments  # imports the platforms, which import this module

    for job in workspace.list(Job, status=ACTIVE_STATUSES):
        if job.stop_asked and time.time() - job.stop_asked > _stop_timeout(job):
            processes.kill_group(job.pid, job.pid_started)
        if not _has_process(job):
            _record_death(workspace, job)
    deployments.end_unrecorded_servers(workspace)


def stop(workspace: Workspace, job_id: str) -> None:
    """Ask a job to stop. Returns at once; the job is `stopping` until its process has cleaned up. No-op if it ended."""
    with workspace.edit(Job, job_id) as job:
        if not job.active:
            return
        job.status = "stopping"
        job.step = "stopping"
        job.stop_asked = job.stop_asked or time.time()  # asking again does not extend the time-out
    processes.ask_to_stop(job.pid, job.pid_started)


def current(workspace: Workspace) -> Job | None:
    """Return the job that this process runs, if it runs one."""
    job_id = current_job_id.get()
    return workspace.find(Job, job_id) if job_id else None


def note(workspace: Workspace, **facts: Unpack[JobFacts]) -> None:
    """Store facts about the job that this process runs. No-op if it runs none."""
    if job_id := current_job_id.get():
        with workspace.edit(Job, job_id) as job:
            job.facts |= facts


def wait(workspace: Workspace, job_id: str, progress: Progress) -> Job:
    """Wait until a job is done, passing on its progress.

    Raises:
        UserError: If it failed or was stopped, with the job's reason.
    """
    while (job := workspace.get(Job, job_id)).active:
        progress(job.progress, f"{job.name}: {job.step}" if job.step else job.name)
        time.sleep(POLL_SECONDS)
        refresh(workspace)
    if job.status != "done":
        raise UserError(f"{job.name} {job.status}. {job.reason}".strip())
    return job


def log_path(workspace: Workspace, job: Job) -> Path:
    """Return the file with everything that the job printed."""
    return workspace.folder(job) / LOG


def temporary_folder(workspace: Workspace, job: Job) -> Path:
    """Return the folder for the job's temporary files, which is deleted when the job's process ends in any way."""
    return workspace.folder(job) / TEMPORARY_FOLDER


def log(workspace: Workspace, job: Job, lines: int = 200) -> str:
    """Return the last lines that the job printed, without reading the whole file."""
    path = log_path(workspace, job)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - lines * LOG_LINE_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def remove(workspace: Workspace, job_id: str) -> None:
    """Remove the record and the files of an ended job, after killing what is left of its process group.

    Raises:
        UserError: If it is still running.
    """
    job = workspace.get(Job, job_id)
    if job.active:
        raise UserError(f"“{job.name}” is still running. Stop it first.")
    processes.kill_group(job.pid, job.pid_started)
    workspace.remove(job)


def _comparable(params: dict[str, Any]) -> str:
    """Return the parameters by which jobs are compared, as JSON, in which the database stores them."""
    return json.dumps({key: value for key, value in params.items() if key not in PARAMS_OF_ONE_START}, sort_keys=True)


def _stop_timeout(job: Job) -> float:
    return DEPLOYMENT_STOP_TIMEOUT_SECONDS if job.verb in DEPLOYMENT_VERBS else STOP_TIMEOUT_SECONDS


def _record_death(workspace: Workspace, job: Job) -> None:
    # This comes first because a resumed training writes to the same checkpoints.
    group_is_gone = processes.kill_group(job.pid, job.pid_started)
    with workspace.edit(Job, job.id) as stored:
        if not stored.active or _has_process(stored):  # the job ended properly in the meantime
            return
        if stored.status == "stopping":
            stored.status = "stopped"
        else:
            stored.status = "failed"
            stored.reason = (
                "The job's process ended unexpectedly: it was killed, the machine ran out of memory, or the machine "
                "was restarted. Start the job again; a training can be resumed."
            )
        stored.step, stored.ended = "", time.time()
    if group_is_gone:  # processes that survived still need their files
        shutil.rmtree(temporary_folder(workspace, job), ignore_errors=True)


def _has_process(job: Job) -> bool:
    if job.pid is None:  # the job is being started
        return time.time() - (job.queued or job.created) < START_TIMEOUT_SECONDS
    return processes.is_alive(job.pid, job.pid_started)
