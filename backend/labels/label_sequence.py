"""The labels of one video between a format's reader and the workspace: parsed, checked against the video, stored."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.box_attributes import BoxAttributes
from backend.wording import count
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks

MOST_FRAMES = 10_000_000  # four days at 30 frames/s: a number beyond it is a mistake or an attack
MISFIT = 0.1  # the share of boxes or frames that may lie outside a video before the labels are called another one's
VIDEO_SUFFIX = re.compile(r"\.(mp4|mov|m4v|avi|mkv|webm|mpe?g|ts|wmv|flv)$", re.IGNORECASE)

FrameNumber = Annotated[int, Field(ge=0, lt=MOST_FRAMES)]
Pixels = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
M = TypeVar("M", bound=BaseModel)
Boxes = Mapping[tuple[int, int], tuple[float, float, float, float, int]]


@dataclass(frozen=True)
class LabelSequence:
    """The labels of one video as a file gives them.

    Attributes:
        name: what the file calls the video or clip.
        tracks: the boxes, ids unique within the sequence; not yet clipped to the frame.
        labeled_frames: sorted numbers of the frames that a person looked at, those without any box included; none
            where the sequence could not be read, and then `notes` say why.
        frames: how many frames the video has according to the labels, None where they do not tell. Unless `placed`,
            how many pictures the sequence has.
        size: width and height of the frames in pixels according to the labels, None where they do not tell.
        notes: what was odd, a sentence each.
        marks: what people noted of boxes.
        fps: Frame rate of the pictures according to the labels, None where they do not tell.
        placed: Whether the file itself states which frames of the video its pictures are.
        shifted: Whether the file numbers the pictures from 1, or from 0 but without the first one. 1 is subtracted.
    """

    name: str
    tracks: Tracks
    labeled_frames: list[int]
    frames: int | None = None
    size: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)
    box_attributes: BoxAttributes = field(default_factory=dict)
    fps: float | None = None
    placed: bool = False
    shifted: bool = False

    @property
    def length(self) -> int:
        """The number of frames that a video needs to have for all of this."""
        return max(self.frames or 0, max(self.labeled_frames, default=-1) + 1)


def bare(name: str) -> str:
    """A video's name without folder and ending, for comparing."""
    return VIDEO_SUFFIX.sub("", Path(name).name).casefold()


def is_named(video: Video, name: str) -> bool:
    """Return whether a sequence of this name is the video's, by the name of the video or of its file."""
    return bare(name) in (bare(video.name), bare(video.path))


def table(boxes: Boxes, classes: tuple[str, ...]) -> Tracks:
    """Tracks from `(frame, id) → (left, top, right, bottom, class_id)`."""
    rows = np.array(list(boxes.values()), np.float64).reshape(-1, 5)
    frame, identity = np.array(list(boxes), np.int64).reshape(-1, 2).T
    return Tracks(frame, identity, rows[:, :4], np.ones(len(rows)), rows[:, 4], classes)


def parse(model: type[M], content: bytes | str, where: str) -> M:
    """JSON from a stranger as a checked `model`; `where` names its place for the message.

    Raises:
        UserError: naming the first field that is not as it should be.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field_path = " → ".join(str(step) for step in first["loc"])
        raise UserError(
            f"{where} is not what it should be{f' at {field_path}' * bool(field_path)}: {first['msg']}."
        ) from error


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def untracked_note(untracked: int, boxes: int) -> str:
    """Return the note that `untracked` of a sequence's `boxes` have no track."""
    what = "The boxes have" if untracked == boxes else count(untracked, "box has", "boxes have")
    return f"{what} no track id: detections only, which can train a detector but cannot score tracks."


def find(folder: Path, name: str, depth: int = 4) -> list[Path]:
    """Files of this name in `folder` and at most `depth` folders below, the shallowest first, then by path."""
    found = []
    for place, folders, files in os.walk(folder):
        below = len(Path(place).relative_to(folder).parts)
        if below >= depth:
            folders.clear()
        found += [(below, Path(place) / name)] if name in files else []
    return [path for _, path in sorted(found)]


def fit(sequence: LabelSequence, video: Video) -> LabelSequence:
    """The labels as they are on `video`: boxes clipped to its frame, what lies outside of it left out, with notes.

    Raises:
        UserError: if so much does not fit that the labels must be of another video.
    """
    tracks, notes, size = sequence.tracks, list(sequence.notes), (video.width, video.height)
    # A clip cut from a video of odd size is a pixel larger.
    if sequence.size is not None and max(abs(a - b) for a, b in zip(sequence.size, size)) > 1:
        raise UserError(
            f"The labels of “{sequence.name}” were made on frames of {sequence.size[0]}x{sequence.size[1]} pixels, but "
            f"“{video.name}” has {video.width}x{video.height}. Choose the video that was labeled, in its size then."
        )

    beyond = sum(frame >= video.frames for frame in sequence.labeled_frames)
    if beyond > MISFIT * len(sequence.labeled_frames):
        raise UserError(
            f"The labels of “{sequence.name}” reach frame {max(sequence.labeled_frames)}, but “{video.name}” has only "
            f"{video.frames} frames, counted from 0: they are the labels of another video. Choose that one."
        )
    if beyond:
        notes.append(f"{count(beyond, 'labeled frame')} beyond the video's {video.frames} left out.")
    labeled = [frame for frame in sequence.labeled_frames if frame < video.frames]
    tracks = tracks.select(tracks.frame < video.frames)

    limits = np.array([*size, *size], np.float64)
    clipped = tracks.xyxy.clip(0, limits)
    sides = clipped[:, 2:] - clipped[:, :2]
    inside = (sides > 0.5).all(axis=1)  # what is left must cover a part of some pixel
    if (lost := int((~inside).sum())) > MISFIT * len(tracks):
        raise UserError(
            f"{lost} of {len(tracks)} boxes of “{sequence.name}” lie outside the {video.width}x{video.height} pixels "
            f"of “{video.name}” or have no area: they are the labels of another video. Choose that one."
        )
    if lost:
        notes.append(f"{count(lost, 'box', 'boxes')} outside the frame or without area left out.")
    over = int((inside & (np.abs(clipped - tracks.xyxy).max(axis=1, initial=0) > 0)).sum())
    if over:
        notes.append(f"{count(over, 'box', 'boxes')} reaching over the frame's border clipped to it.")
    tracks = replace(tracks, xyxy=clipped).select(inside)

    if len(labeled) < video.frames:
        notes.append(f"{len(labeled)} of {video.frames} frames are labeled; the others are not used.")
    if not len(tracks):
        notes.append("No object in any labeled frame.")
    return replace(sequence, tracks=tracks, labeled_frames=labeled, frames=video.frames, size=size, notes=notes)


def store_labels(workspace: Workspace, video: Video, sequence: LabelSequence, source: str) -> Labels:
    """Keep the labels, already fitted to `video`, in the workspace."""
    record = Labels(
        name=video.name,
        video=video.id,
        source=source,
        classes=list(sequence.tracks.classes),
        labeled_frames=sequence.labeled_frames,
        boxes=len(sequence.tracks),
        objects=len(np.unique(sequence.tracks.id)),
        notes=sequence.notes,
    )
    sequence.tracks.save(workspace.folder(record) / TRACKS_JSON)
    box_attributes.save(workspace.folder(record), sequence.box_attributes)
    return workspace.add(record)


def load_labels(workspace: Workspace, labels: Labels) -> Tracks:
    """The boxes of stored labels."""
    return Tracks.load(workspace.folder(labels) / TRACKS_JSON)
