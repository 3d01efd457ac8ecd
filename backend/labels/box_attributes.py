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

BoxAttributes = Mapping[tuple[int, int], Sequence[str]]  # names of `ATTRIBUTES` by frame and id

_Rows = TypeAdapter(list[tuple[int, int, list[str]]])


def save(folder: Path, attributes: BoxAttributes) -> None:
    """Keep them with the labels in `folder`, if there are any."""
    if attributes:
        rows = [[frame, identity, list(names)] for (frame, identity), names in sorted(attributes.items())]
        write_atomically(folder / FILE, json.dumps(rows).encode())


def load(folder: Path) -> BoxAttributes:
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


def slice_frames(attributes: BoxAttributes, start: int, stop: int) -> BoxAttributes:
    """Those of frames `start` to `stop`, exclusive, counted from `start`."""
    return {(frame - start, id): names for (frame, id), names in attributes.items() if start <= frame < stop}


def subsample(attributes: BoxAttributes, every: int) -> BoxAttributes:
    """Those of every `every`-th frame, by the numbers that these have among themselves."""
    return {(frame // every, id): names for (frame, id), names in attributes.items() if frame % every == 0}


def renumber_frames(attributes: BoxAttributes, step: int, first_frame: int = 0) -> BoxAttributes:
    """Return the attributes with each frame `k` renumbered to `first_frame + step * k`."""
    return {(first_frame + step * frame, id): names for (frame, id), names in attributes.items()}
