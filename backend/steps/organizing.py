"""Rename records, tag them, and note something about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend import jobs
from backend.errors import UserError
from backend.steps.removal import strings_in
from backend.workspace import Workspace
from backend.workspace.records import Record, check_tag

MAX_DESCRIPTION_LENGTH = 2000


def rename(workspace: Workspace, record: Record, name: str) -> Record:
    """Give a record another name. What a platform calls its resources stays as it is.

    Raises:
        UserError: If the name is invalid or taken, or a running job refers to the record by its name.
    """
    for job in jobs.active(workspace):
        if record.name in strings_in(job.params):
            raise UserError(
                f"The job “{job.name}” refers to “{record.name}” by its name. Wait for it to end, then rename it."
            )
    return workspace.rename(record, name)


def describe(workspace: Workspace, record: Record, text: str) -> None:
    """Replace the notes about a record.

    Raises:
        UserError: If the text is too long.
    """
    text = text.strip()
    if len(text) > MAX_DESCRIPTION_LENGTH:
        raise UserError(f"Notes can have {MAX_DESCRIPTION_LENGTH:,} characters; these have {len(text):,}.")
    with workspace.edit(type(record), record.id) as stored:
        stored.description = text


def tag(
    workspace: Workspace, records: Sequence[Record], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> None:
    """Add tags to records and remove others from them. Tags that differ only in case are the same tag.

    Raises:
        UserError: If a tag is invalid. No record is changed then.
    """
    added = [check_tag(tag) for tag in add]
    removed = {tag.strip().casefold() for tag in remove}
    for record in records:
        with workspace.edit(type(record), record.id) as stored:
            tags = {tag.casefold(): tag for tag in [*added, *stored.tags]}  # what the record calls a tag has priority
            stored.tags = sorted((tag for key, tag in tags.items() if key not in removed), key=str.casefold)
