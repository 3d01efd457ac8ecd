"""The labels of one video between a format's reader and the workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from backend.errors import UserError
from backend.labels.attributes import AttributeDefinition
from backend.labels.box_attributes import BoxAttributes
from backend.wording import count
from backend.workspace.records import Video
from bytetrack.tracks import Tracks

MAX_MISFIT = 0.1  # share of boxes or frames outside a video from which on the labels must be of another video
MIN_SIDE_PIXELS = 0.5  # of a box, so that it covers a part of some pixel
VIDEO_SUFFIX = re.compile(r"\.(mp4|mov|m4v|avi|mkv|webm|mpe?g|ts|wmv|flv)$", re.IGNORECASE)


@dataclass(frozen=True)
class LabelSequence:
    """The labels of one video or clip, as a file gives them.

    Attributes:
        name: Name of the video or clip in the file.
        tracks: Boxes with IDs that are unique within the sequence. They may reach beyond the frame.
        labeled_frames: Sorted numbers of the frames that were labeled, including those without any box. Empty if the
            sequence could not be read; `notes` then hold the reason.
        frames: Number of labeled images of the sequence, None if the labels do not state it. If
            `has_video_frame_numbers`, number of frames of the video.
        size: Width and height of the frames in pixels, None if the labels do not state it.
        notes: Irregularities that the user should know of, one sentence each.
        box_attributes: Attributes of the boxes.
        attributes: Definitions of these attributes, None if the labels do not state them.
        fps: Frame rate of the images, None if the labels do not state it.
        has_video_frame_numbers: Whether the file states which frames of the video the numbers are. If not, they count
            images, which may be every nth frame of the video.
        may_lack_first_image: Whether the lowest number in the file is 1, and nothing shows if numbers count from 1,
            or from 0 and the first image has no labels. The reader assumes the former and subtracts 1.
    """

    name: str
    tracks: Tracks
    labeled_frames: list[int]
    frames: int | None = None
    size: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)
    box_attributes: BoxAttributes = field(default_factory=dict)
    attributes: list[AttributeDefinition] | None = None
    fps: float | None = None
    has_video_frame_numbers: bool = False
    may_lack_first_image: bool = False

    @property
    def length(self) -> int:
        """Number of images up to the last one, whether the labels state it or only number them."""
        return max(self.frames or 0, max(self.labeled_frames, default=-1) + 1)


def bare_name(name: str) -> str:
    """Return the name of a video without folder and suffix, in lower case, so that names can be compared."""
    return VIDEO_SUFFIX.sub("", Path(name).name).casefold()


def is_named(video: Video, name: str) -> bool:
    """Return whether a video or its file has a name, ignoring folder, suffix and case."""
    return bare_name(name) in (bare_name(video.name), bare_name(video.path))


def fit_to_video(sequence: LabelSequence, video: Video) -> LabelSequence:
    """Clip boxes to the frame, and drop boxes and frames outside the video; `notes` say what was changed.

    Raises:
        UserError: If so much lies outside that the labels must belong to another video.
    """
    notes = list(sequence.notes)
    size = (video.width, video.height)
    # A clip that was cut from a video of odd size is a pixel larger.
    if sequence.size is not None and max(abs(a - b) for a, b in zip(sequence.size, size)) > 1:
        raise UserError(
            f"The labels of “{sequence.name}” were made on frames of {sequence.size[0]}x{sequence.size[1]} pixels, but "
            f"“{video.name}” has {video.width}x{video.height}. Choose the video that was labeled, in its original size."
        )
    labeled_frames = _frames_within(sequence, video, notes)
    tracks = _boxes_within(sequence, video, notes)
    if len(labeled_frames) < video.frames:
        notes.append(f"{len(labeled_frames)} of {video.frames} frames are labeled. The others are not used.")
    if not len(tracks):
        notes.append("No labeled frame has a box.")
    return replace(sequence, tracks=tracks, labeled_frames=labeled_frames, frames=video.frames, size=size, notes=notes)


def _frames_within(sequence: LabelSequence, video: Video, notes: list[str]) -> list[int]:
    """Return the labeled frames that the video has. Add a note if it lacks some."""
    beyond = sum(frame >= video.frames for frame in sequence.labeled_frames)
    if beyond > MAX_MISFIT * len(sequence.labeled_frames):
        raise UserError(
            f"The labels of “{sequence.name}” reach frame {max(sequence.labeled_frames)}, but “{video.name}” has only "
            f"{video.frames} frames, counted from 0: they are the labels of another video. Choose that one."
        )
    if beyond:
        notes.append(f"{count(beyond, 'labeled frame')} beyond the last frame of the video dropped.")
    return [frame for frame in sequence.labeled_frames if frame < video.frames]


def _boxes_within(sequence: LabelSequence, video: Video, notes: list[str]) -> Tracks:
    """Return the boxes inside the video, clipped to its frame. Add notes if some were clipped or dropped."""
    tracks = sequence.tracks.select(sequence.tracks.frame < video.frames)
    clipped = tracks.xyxy.clip(0, np.array([video.width, video.height] * 2, np.float64))
    is_inside = (clipped[:, 2:] - clipped[:, :2] > MIN_SIDE_PIXELS).all(axis=1)
    outside = int((~is_inside).sum())
    if outside > MAX_MISFIT * len(tracks):
        raise UserError(
            f"{outside} of {len(tracks)} boxes of “{sequence.name}” have no area or lie outside “{video.name}” "
            f"({video.width}x{video.height} pixels): they are the labels of another video. Choose that one."
        )
    if outside:
        notes.append(f"{count(outside, 'box', 'boxes')} outside the frame or without area dropped.")
    changed = int((is_inside & (np.abs(clipped - tracks.xyxy).max(axis=1, initial=0) > 0)).sum())
    if changed:
        notes.append(f"{count(changed, 'box', 'boxes')} clipped to the frame.")
    return replace(tracks, xyxy=clipped).select(is_inside)
