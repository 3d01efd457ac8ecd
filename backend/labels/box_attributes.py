"""Attributes that labelers set on single boxes: occluded, truncated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from backend.errors import UserError
from backend.workspace.paths import BOX_ATTRIBUTES
from bytetrack.files import write_atomically

ATTRIBUTES = {"occluded": "Partly hidden by something else", "truncated": "Partly outside the picture"}

BoxAttributes = Mapping[tuple[int, int], Sequence[str]]
"""Names of `ATTRIBUTES` that a box has, by its frame number and object ID. Boxes without any are left out."""

_Rows = TypeAdapter(list[tuple[int, int, list[str]]])


def save(folder: Path, attributes: BoxAttributes) -> None:
    """Write attributes to the folder of a `Labels` record. No-op if there are none."""
    if attributes:
        rows = [[frame, object_id, list(names)] for (frame, object_id), names in sorted(attributes.items())]
        write_atomically(folder / BOX_ATTRIBUTES, json.dumps(rows).encode())


def load(folder: Path) -> BoxAttributes:
    """Read the attributes from the folder of a `Labels` record.

    Raises:
        UserError: If the file is damaged.
    """
    path = folder / BOX_ATTRIBUTES
    if not path.exists():
        return {}
    try:
        return {(frame, object_id): names for frame, object_id, names in _Rows.validate_json(path.read_bytes())}
    except ValidationError as error:
        raise UserError(f"{path} is damaged. Import the labels again.") from error


def slice_frames(attributes: BoxAttributes, start: int, stop: int) -> BoxAttributes:
    """Return the attributes on frames `start` to `stop`, exclusive, with frames counted from `start`."""
    return {
        (frame - start, object_id): names for (frame, object_id), names in attributes.items() if start <= frame < stop
    }


def subsample(attributes: BoxAttributes, every: int) -> BoxAttributes:
    """Return the attributes on every `every`-th frame, with these frames numbered 0, 1, 2 and so on."""
    return {
        (frame // every, object_id): names for (frame, object_id), names in attributes.items() if frame % every == 0
    }


def renumber_frames(attributes: BoxAttributes, step: int, first_frame: int = 0) -> BoxAttributes:
    """Renumber each frame `k` to `first_frame + step * k`. Inverse of `subsample` if `first_frame` is 0."""
    return {(first_frame + step * frame, object_id): names for (frame, object_id), names in attributes.items()}
