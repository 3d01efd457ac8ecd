"""Removing something with all that makes no sense without it, and telling beforehand what that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backend import jobs
from backend.errors import UserError
from backend.wording import count, enumerate_words
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job, LabelingJob, Labels, Record, Run, Score, TrackerSearch, Video

WORDS = {
    Labels: ("label set", "label sets"),
    Run: ("run", "runs"),
    Score: ("score", "scores"),
    TrackerSearch: ("search", "searches"),
}


def consequences(workspace: Workspace, record: Record) -> str:
    """What `remove` would take along and what it leaves, in a sentence or two; empty where there is nothing to say."""
    dependents = workspace.dependents(record)
    sentences = []
    if dependents:
        counts = Counter(type(each) for each in dependents)
        sentences.append(f"This also removes {enumerate_words(_amount(*kind) for kind in counts.items())}.")
    endpoints = [each for each in (record, *dependents) if isinstance(each, Endpoint) and each.keeps_running]
    if endpoints:
        stops = "stops answering" if len(endpoints) == 1 else "stop answering"
        sentences.append(f"{enumerate_words(f'“{each.name}”' for each in endpoints)} {stops} at once.")
    if any(isinstance(each, LabelingJob) for each in (record, *dependents)):
        sentences.append("Who is still labeling is stopped; what was drawn and not brought in may be lost.")
    kept = [
        each.path for each in (record, *dependents) if isinstance(each, Video) and not _own(workspace, Path(each.path))
    ]
    if kept:
        sentences.append(
            f"{'The video file itself stays' if len(kept) == 1 else 'The video files stay'} at {enumerate_words(kept)}."
        )
    return " ".join(sentences)


def remove(workspace: Workspace, record: Record) -> None:
    """Remove a record, its dependents and their files; endpoints are deleted on their platform first.

    A video's file outside the workspace is a person's own, and stays.

    Raises:
        UserError: if a job that is not done uses any of it; nothing is removed then.
    """
    if isinstance(record, Job):
        jobs.remove(workspace, record.id)
        return
    # Those without dependents of their own first, so that a failure on the way leaves nothing without its owner.
    doomed = [*reversed(workspace.dependents(record)), record]
    for job in jobs.active(workspace):
        used = set(_texts(job.params))
        for each in doomed:
            if each.id in used or each.name in used:
                raise UserError(
                    f"“{each.name}” is in use by the job “{job.name}”. Wait for it to end, or stop it first."
                )
    for each in doomed:
        if isinstance(each, Endpoint):
            from backend.steps import deployments  # which imports the platforms; only endpoints need them

            deployments.deployment_of(workspace, each).stop()
        if isinstance(each, LabelingJob):
            from backend.steps import labeling

            labeling.remove(workspace, each)
        if isinstance(each, Video) and _own(workspace, path := Path(each.path)):
            path.unlink(missing_ok=True)
        workspace.remove(each)


def _own(workspace: Workspace, path: Path) -> bool:
    return path.resolve().is_relative_to(workspace.root)


def _texts(value: Any) -> Iterable[str]:
    """All strings in a job's parameters, except the name that it gives to what it makes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key != "name":
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _amount(kind: type[Record], number: int) -> str:
    return count(number, *WORDS.get(kind, (kind.__name__.lower(),)))
