"""Remove records together with their dependents, and describe the consequences beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend import jobs
from backend.errors import UserError
from backend.wording import count, enumerate_words
from backend.workspace import Workspace
from backend.workspace.records import KINDS, Endpoint, Job, LabelingJob, Labels, Record, TrackerSearch, Video, noun

NOUNS = {Labels: ("label set", ""), TrackerSearch: ("search", "searches")}  # singular and plural, if not a kind's own
MAX_LISTED = 3  # places where video files stay


def count_records(kind: type[Record], amount: int) -> str:
    """Name an amount of records: `1 label set`, `3 searches`."""
    return count(amount, *NOUNS.get(kind, (noun(kind), "")))


def consequences(workspace: Workspace, *records: Record) -> str:
    """Describe what else `remove` would remove, and which files stay, in a few sentences; empty if nothing."""
    dependents = workspace.dependents(*records)
    sentences = []
    if dependents:
        counts = Counter(type(dependent) for dependent in dependents)
        amounts = (count_records(kind, number) for kind, number in counts.items())
        sentences.append(f"This also removes {enumerate_words(amounts)}.")
    removed = (*records, *dependents)
    endpoints = [f"“{other.name}”" for other in removed if isinstance(other, Endpoint) and other.keeps_running]
    if endpoints:
        stops = "stops" if len(endpoints) == 1 else "stop"
        sentences.append(f"{enumerate_words(endpoints)} {stops} answering at once.")
    if any(isinstance(other, LabelingJob) for other in removed):
        sentences.append("Labeling is stopped, and boxes that were not saved as labels may be lost.")
    remaining = [video.path for video in removed if isinstance(video, Video) and not _is_owned(workspace, video)]
    if remaining:
        files = "The video file itself stays" if len(remaining) == 1 else "The video files stay"
        listed = remaining[:MAX_LISTED]
        if len(listed) < len(remaining):
            listed.append(f"{len(remaining) - len(listed):,} other places")
        sentences.append(f"{files} at {enumerate_words(listed)}.")
    return " ".join(sentences)


def remove(workspace: Workspace, *records: Record) -> None:
    """Remove records, their dependents and their files. Endpoints are deleted on their platform first.

    A video file outside the workspace stays.

    Raises:
        UserError: If a job that has not ended uses any of them, or is one of them. Nothing is removed then.
    """
    # Dependents come first, so that an error on the way leaves no record without its owner.
    all_doomed = sorted([*records, *workspace.dependents(*records)], key=_position_of_kind, reverse=True)
    for job in jobs.active(workspace):
        used = set(strings_in(job.params))
        for doomed in all_doomed:
            if doomed.id == job.id:
                raise UserError(f"“{job.name}” is still running. Stop it first.")
            if not isinstance(doomed, Job) and (doomed.id in used or doomed.name in used):
                raise UserError(
                    f"“{doomed.name}” is in use by the job “{job.name}”. Wait for it to end, or stop it first."
                )
    for doomed in all_doomed:
        if isinstance(doomed, Job):
            jobs.remove(workspace, doomed.id)
            continue
        if isinstance(doomed, Endpoint):
            from backend.steps import deployments  # imports the platforms, which only endpoints need

            deployments.deployment_of(workspace, doomed).stop()
        if isinstance(doomed, LabelingJob):
            from backend.steps import labeling

            labeling.remove(workspace, doomed)
        if isinstance(doomed, Video) and _is_owned(workspace, doomed):
            Path(doomed.path).unlink(missing_ok=True)
        workspace.remove(doomed)


def _position_of_kind(record: Record) -> int:
    return list(KINDS.values()).index(type(record))


def _is_owned(workspace: Workspace, video: Video) -> bool:
    return Path(video.path).resolve().is_relative_to(workspace.root)


def strings_in(value: Any) -> Iterator[str]:
    """Yield all strings in a job's parameters but `name`, which is that of the record to be made."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "name":
                yield from strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_in(item)
