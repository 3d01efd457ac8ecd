"""Read label files that other tools wrote: find them, check their JSON, and turn their boxes into tracks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from backend.errors import UserError
from backend.wording import count
from bytetrack.tracks import Tracks

MAX_FRAMES = 10_000_000  # four days at 30 frames/s: a larger frame number is a mistake or an attack

FrameNumber = Annotated[int, Field(ge=0, lt=MAX_FRAMES)]
Pixels = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Box = tuple[float, float, float, float, int]  # left, top, right, bottom in pixels, and the class ID
ModelT = TypeVar("ModelT", bound=BaseModel)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        UserError: If the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def parse_json(model: type[ModelT], content: bytes | str, title: str) -> ModelT:
    """Parse and validate JSON from an untrusted file.

    Args:
        model: Schema of the JSON.
        content: The JSON.
        title: What the content is, such as the name of the file. Error messages start with it.

    Raises:
        UserError: With the first field that is invalid.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _invalid(title, error) from error


def parse_fields(model: type[ModelT], fields: Mapping[str, str], title: str) -> ModelT:
    """Parse and validate texts by the name of their field, as `parse_json` does for JSON.

    Raises:
        UserError: With the first field that is invalid.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _invalid(title, error) from error


def _invalid(title: str, error: ValidationError) -> UserError:
    first = error.errors(include_url=False, include_input=False)[0]
    field_path = " → ".join(str(step) for step in first["loc"])
    location = f" at {field_path}" if field_path else ""
    return UserError(f"{title} is invalid{location}: {first['msg']}.")


def find_files(folder: Path, name: str, max_depth: int = 4) -> list[Path]:
    """Return the files of this name in a folder, the shallowest first, then by path.

    Args:
        folder: Folder to search.
        name: File name to look for.
        max_depth: How many folders deep to search; 0 for files that are directly in `folder`.
    """
    matches = []
    for directory, subfolders, files in os.walk(folder):
        depth = len(Path(directory).relative_to(folder).parts)
        if depth >= max_depth:
            subfolders.clear()
        if name in files:
            matches.append((depth, Path(directory) / name))
    return [path for _, path in sorted(matches)]


def tracks_from_boxes(boxes: Mapping[tuple[int, int], Box], classes: tuple[str, ...]) -> Tracks:
    """Return tracks with score 1 from boxes by frame number and object ID."""
    rows = np.array(list(boxes.values()), np.float64).reshape(-1, 5)
    frame, object_id = np.array(list(boxes), np.int64).reshape(-1, 2).T
    return Tracks(frame, object_id, rows[:, :4], np.ones(len(rows)), rows[:, 4].astype(np.int64), classes)


def untracked_note(untracked: int, boxes: int) -> str:
    """Return the note that `untracked` of `boxes` boxes have no track ID."""
    subject = "The boxes have" if untracked == boxes else count(untracked, "box has", "boxes have")
    return f"{subject} no track ID. Such detections can train a detector but cannot score tracks."


def duplicates_note(duplicates: int) -> str:
    """Return the note that boxes were dropped because their object has another one in the same frame."""
    return f"{count(duplicates, 'box', 'boxes')} dropped: an object has two boxes in one frame. The last one is used."
