"""`python -m backend.jobs.worker WORKSPACE JOB`: run one job to its end and record how it went."""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend import jobs
from backend.errors import UserError, explain
from backend.jobs.processes import Stopped, start_id, stop_on_sigterm
from backend.workspace import Workspace
from backend.workspace.records import Job

# What a job can be. Named as text and imported on demand, so that a small job does not wait for a large library.
VERBS = {
    "make sample": "backend.steps.sample:make",
    "add video": "backend.steps.videos:add",
    "cut video": "backend.steps.videos:cut",
    "draw tracks": "backend.steps.overlays:make",
    "make browser copy": "backend.steps.browser_copies:make",
    "extract frames": "backend.steps.videos:extract",
    "import labels": "backend.steps.importing:import_labels",
    "start labeling": "backend.steps.labeling:start",
    "fetch labels": "backend.steps.labeling:fetch",
    "split labels": "backend.steps.datasets:split_in_time",
    "build dataset": "backend.steps.datasets:build",
    "train": "backend.steps.training:train",
    "search hyperparameters": "backend.steps.hyperparameter_search:run",
    "add model": "backend.steps.models:add",
    "download model": "backend.steps.pretrained:download",
    "deploy": "backend.steps.deployments:deploy",
    "restart endpoint": "backend.steps.deployments:restart",
    "update endpoint": "backend.steps.deployments:update",
    "track": "backend.steps.tracking:track",
    "evaluate": "backend.steps.evaluation:evaluate",
    "search tracker settings": "backend.steps.tracker_search:run",
    "compare": "backend.steps.comparison:compare",
    "publish model": "backend.steps.models:publish",
    "set up": "backend.steps.platform_setup:fix",
    "take down": "backend.steps.platform_setup:revert",
}


class JobProgress:
    """Writes a job's progress into its record, at most four times a second."""

    def __init__(self, workspace: Workspace, job_id: str) -> None:
        self.workspace, self.job_id = workspace, job_id
        self.written = 0.0

    def __call__(self, fraction: float, step: str) -> None:
        if time.monotonic() - self.written < 0.25:
            return
        with self.workspace.edit(Job, self.job_id) as job:
            job.progress = min(max(fraction, 0.0), 1.0)
            if job.first_reported is None:
                job.first_progress, job.first_reported = job.progress, time.time()
            if job.status == "running":
                job.step = step
        self.written = time.monotonic()


def run(workspace: Workspace, job_id: str) -> bool:
    """Run the job in this process; whether it was done."""
    with workspace.edit(Job, job_id) as job:
        if job.status != "queued":  # stopped before it began
            return False
        job.status, job.started = "running", time.time()
        # Known to who started it, too, but that process may be gone before it could say so.
        job.pid, job.pid_started = os.getpid(), start_id(os.getpid())
    jobs.current_job_id.set(job_id)
    status, reason, result = "done", "", {}
    try:
        module, function = VERBS[job.verb].split(":")
        verb = getattr(importlib.import_module(module), function)
        _check_params(job, verb)
        with _temporary_files_in(jobs.temporary_folder(workspace, job)):
            result = verb(workspace, JobProgress(workspace, job_id), **job.params)
    except Stopped:
        status = "stopped"
    except UserError as error:
        status, reason = "failed", str(error)
        print(reason, flush=True)
    except Exception as error:
        status, reason = "failed", explain(error)
        traceback.print_exc()
    with workspace.edit(Job, job_id) as job:
        job.status, job.reason, job.result, job.ended = status, reason, result, time.time()
        job.step = ""
        if status == "done":
            job.progress = 1.0
    return status == "done"


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let `tempfile` work in `folder`: on the workspace's disk, and found again if this process is killed."""
    before = tempfile.tempdir
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def _check_params(job: Job, verb: Callable) -> None:
    try:
        inspect.signature(verb).bind(None, None, **job.params)
    except TypeError as error:
        raise UserError(f"“{job.verb}” cannot be done so: {error}.") from error


if __name__ == "__main__":
    stop_on_sigterm()
    sys.exit(0 if run(Workspace(sys.argv[1]), sys.argv[2]) else 1)
