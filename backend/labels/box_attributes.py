"""Attributes of single boxes: the flags occluded and truncated, and those that a labeling job defines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from backend.errors import UserError
from backend.workspace.paths import BOX_ATTRIBUTES
from bytetrack.files import write_atomically

FLAGS = {"occluded": "Partly hidden by something else", "truncated": "Partly outside the picture"}
"""Attributes that every box can have, with their descriptions."""

AttributeValue = bool | str
"""True for a flag or a checkbox that is set, else a text. An attribute that is not set is left out."""

BoxAttributes = Mapping[tuple[int, int], Mapping[str, AttributeValue]]
"""Values by name, by the frame number and the object ID of the box. Boxes without attributes are left out."""

# Version 1.0 stored the names of the flags that are set.
_Rows = TypeAdapter(list[tuple[int, int, dict[str, AttributeValue] | list[str]]])


def save(folder: Path, attributes: BoxAttributes) -> None:
    """Write attributes to the folder of a `Labels` record. No-op if there are none."""
    if attributes:
        rows = [[frame, object_id, dict(values)] for (frame, object_id), values in sorted(attributes.items())]
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
        rows = _Rows.validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is damaged. Import the labels again.") from error
    return {
        (frame, object_id): dict.fromkeys(values, True) if isinstance(values, list) else values
        for frame, object_id, values in rows
    }


def slice_frames(attributes: BoxAttributes, start: int, stop: int) -> BoxAttributes:
    """Return the attributes on frames `start` to `stop`, exclusive, with frames counted from `start`."""
    return {
        (frame - start, object_id): values for (frame, object_id), values in attributes.items() if start <= frame < stop
    }


def subsample(attributes: BoxAttributes, every: int) -> BoxAttributes:
    """Return the attributes on every `every`-th frame, with these frames numbered 0, 1, 2 and so on."""
    return {
        (frame // every, object_id): values for (frame, object_id), values in attributes.items() if frame % every == 0
    }


def renumber_frames(attributes: BoxAttributes, step: int, first_frame: int = 0) -> BoxAttributes:
    """Renumber each frame `k` to `first_frame + step * k`. Inverse of `subsample` if `first_frame` is 0."""
    return {(first_frame + step * frame, object_id): values for (frame, object_id), values in attributes.items()}


def names_of(attributes: BoxAttributes) -> list[str]:
    """Return the names of all attributes that occur, flags first, then by name."""
    names = {name for values in attributes.values() for name in values}
    return [*(flag for flag in FLAGS if flag in names), *sorted(names - FLAGS.keys())]
