"""Long steps as jobs, each run by a worker process that outlives the page and the console."""

from backend.jobs.lifecycle import (
    Submission,
    active,
    current,
    current_job_id,
    log,
    log_path,
    note,
    recent,
    refresh,
    remove,
    start,
    start_again,
    stop,
    submit,
    temporary_folder,
    wait,
)

__all__ = [
    "Submission",
    "active",
    "current",
    "current_job_id",
    "log",
    "log_path",
    "note",
    "recent",
    "refresh",
    "remove",
    "start",
    "start_again",
    "stop",
    "submit",
    "temporary_folder",
    "wait",
]
