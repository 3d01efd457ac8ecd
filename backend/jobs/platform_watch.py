"""The connection between a job and its counterpart on a platform: log lines, states, cost and progress."""

from __future__ import annotations

import time

from backend import jobs
from backend.platforms.base import JobState, LogLine, Watch
from backend.progress import Progress
from backend.workspace import Workspace


def make_watch(
    workspace: Workspace,
    progress: Progress,
    on_line: LogLine = lambda line: None,
    work: tuple[float, float] = (0.0, 1.0),
) -> Watch:
    """Make the watch that a platform reports to: it prints each line and stores states as facts of the job.

    Args:
        workspace: Workspace of the job that this process runs.
        progress: Progress of that job.
        on_line: Called with each line of the log, usually to derive progress from it.
        work: Start and end of the platform job's own work within `progress`. Files are uploaded before and downloaded
            after it.
    """
    states: list[tuple[str, float]] = []

    def print_line(line: str) -> None:
        print(line, flush=True)
        on_line(line)

    def store_state(state: JobState) -> None:
        if not states or states[-1][0] != state.status:
            states.append((state.status, time.time()))
            print_line(f"status: {state.status}")
        jobs.note(
            workspace,
            states=states,
            where=state.job_name,
            link=state.link,
            billable_seconds=state.billable_seconds,
            cost=state.cost,
        )

    def report_files(fraction: float, step: str) -> None:
        start, stop = work
        progress(2 * fraction * start if fraction < 0.5 else stop + (2 * fraction - 1) * (1 - stop), step)

    return Watch(print_line, store_state, report_files)
