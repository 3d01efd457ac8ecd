"""What a platform tells of its job, kept with the console's job: log, states with their times, cost so far."""

from __future__ import annotations

import time

from backend import jobs
from backend.platforms.base import JobState, LogLine, Watch
from backend.progress import Progress
from backend.workspace import Workspace


def make_watch(
    workspace: Workspace,
    progress: Progress,
    log: LogLine = lambda line: None,
    work: tuple[float, float] = (0.0, 1.0),
) -> Watch:
    """A watch that prints each line, passes it on to `log`, and keeps states in the facts of this process's job.

    Args:
        work: the part of the progress that is the job's own, from its log; files come before it and go after it.

    The facts: `where` and `link` (its name and page on the platform), `billable_seconds`, `cost` (US dollars), and
    `states`, pairs of a status and when it began (seconds since 1970).
    """
    states: list[tuple[str, float]] = []

    def tell(line: str) -> None:
        print(line, flush=True)
        log(line)

    def keep(state: JobState) -> None:
        if not states or states[-1][0] != state.status:
            states.append((state.status, time.time()))
            tell(f"status: {state.status}")
        jobs.note(
            workspace,
            states=states,
            where=state.where,
            link=state.link,
            billable_seconds=state.billable_seconds,
            cost=state.cost,
        )

    def files(fraction: float, step: str) -> None:
        start, stop = work
        progress(2 * fraction * start if fraction < 0.5 else stop + (2 * fraction - 1) * (1 - stop), step)

    return Watch(tell, keep, files)
