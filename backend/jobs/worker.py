"""The process of one job: `python -m backend.jobs.worker WORKSPACE JOB` runs it and records the outcome."""

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
from typing import Any

from backend import jobs
from backend.errors import UserError, explain
from backend.jobs.processes import Stopped, start_id, stop_on_sigterm
from backend.workspace import Workspace
from backend.workspace.records import Job, JobStatus, Verb

PROGRESS_INTERVAL_SECONDS = 0.25

VERBS: dict[Verb, str] = {
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
    "add model": "backend.steps.model_import:add",
    "try model": "backend.steps.model_trial:try_model",
    "change model input": "backend.steps.model_input:change_input",
    "download model": "backend.steps.pretrained:download",
    "deploy": "backend.steps.deployments:deploy",
    "restart endpoint": "backend.steps.deployments:restart",
    "update endpoint": "backend.steps.deployments:update",
    "track": "backend.steps.tracking:track",
    "track video": "backend.steps.video_tracking:track_video",
    "evaluate": "backend.steps.evaluation:evaluate",
    "search tracker settings": "backend.steps.tracker_search:run",
    "compare": "backend.steps.comparison:compare",
    "make report": "backend.steps.report:make",
    "publish model": "backend.steps.models:publish",
    "set up": "backend.steps.platform_setup:fix",
    "take down": "backend.steps.platform_setup:revert",
}
"""The function of each verb, imported on demand so that a small job does not wait for a large library."""


class JobProgress:
    """Writes the progress of a job into its record."""

    def __init__(self, workspace: Workspace, job_id: str) -> None:
        self._workspace, self._job_id = workspace, job_id
        self._last_write = 0.0  # by the monotonic clock

    def __call__(self, fraction: float, step: str) -> None:
        """Write progress, unless the last write was a moment ago.

        Args:
            fraction: Share of the job that is done, 0..1.
            step: A few words on what it does now.
        """
        if time.monotonic() - self._last_write < PROGRESS_INTERVAL_SECONDS:
            return
        with self._workspace.edit(Job, self._job_id) as job:
            job.progress = min(max(fraction, 0.0), 1.0)
            if job.first_reported is None and fraction > 0:  # a resumed training says how far it is only later
                job.first_progress, job.first_reported = job.progress, time.time()
            if job.status == "running":
                job.step = step
        self._last_write = time.monotonic()


def run(workspace: Workspace, job_id: str) -> bool:
    """Run the job in this process and return whether it was done."""
    with workspace.edit(Job, job_id) as job:
        if job.status != "queued":  # stopped before it started
            return False
        job.status, job.started = "running", time.time()
        # The process that started this one records the same, unless it was killed before it could.
        job.pid, job.pid_started = os.getpid(), start_id(os.getpid())
    token = jobs.current_job_id.set(job_id)
    status: JobStatus = "done"
    reason, result = "", {}
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
    finally:
        jobs.current_job_id.reset(token)
    with workspace.edit(Job, job_id) as job:
        job.status, job.reason, job.result, job.ended = status, reason, result, time.time()
        job.step = ""
        if status == "done":
            job.progress = 1.0
    return status == "done"


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Make `tempfile` use `folder`: on the workspace's disk, and removable if this process is killed."""
    previous = tempfile.tempdir
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = previous
        shutil.rmtree(folder, ignore_errors=True)


def _check_params(job: Job, verb: Callable[..., Any]) -> None:
    try:
        inspect.signature(verb).bind(None, None, **job.params)
    except TypeError as error:
        raise UserError(f"The parameters of “{job.verb}” are wrong: {error}.") from error


if __name__ == "__main__":
    stop_on_sigterm()
    sys.exit(0 if run(Workspace(sys.argv[1]), sys.argv[2]) else 1)
