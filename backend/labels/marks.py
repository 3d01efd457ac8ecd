"""What people note of single boxes: that the object is partly hidden, or partly outside the picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from backend.errors import UserError
from bytetrack.files import write_atomically

ATTRIBUTES = {"occluded": "Partly hidden by something else", "truncated": "Partly outside the picture"}  # of a box
FILE = "marks.json"

Marks = Mapping[tuple[int, int], Sequence[str]]  # names of `ATTRIBUTES` by frame and id

_Rows = TypeAdapter(list[tuple[int, int, list[str]]])


def save(folder: Path, marks: Marks) -> None:
    """Keep them with the labels in `folder`, if there are any."""
    if marks:
        rows = [[frame, identity, list(names)] for (frame, identity), names in sorted(marks.items())]
        write_atomically(folder / FILE, json.dumps(rows).encode())


def load(folder: Path) -> Marks:
    """Those of the labels in `folder`.

    Raises:
        UserError: if the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        return {(frame, identity): names for frame, identity, names in _Rows.validate_json(path.read_bytes())}
    except ValidationError as error:
        raise UserError(f"{path} is damaged. Import the labels again.") from error


def between(marks: Marks, start: int, stop: int) -> Marks:
    """Those of frames `start` to `stop`, exclusive, counted from `start`."""
    return {(frame - start, id): names for (frame, id), names in marks.items() if start <= frame < stop}


def thinned(marks: Marks, every: int) -> Marks:
    """Those of every `every`-th frame, by the numbers that these have among themselves."""
    return {(frame // every, id): names for (frame, id), names in marks.items() if frame % every == 0}


def moved(marks: Marks, step: int, first_frame: int = 0) -> Marks:
    """Return the marks with each frame `k` renumbered to `first_frame + step * k`."""
    return {(first_frame + step * frame, id): names for (frame, id), names in marks.items()}
