"""Map labeled images to frames of their video, also if only every nth frame was labeled.

Readers number the images of a sequence 0, 1, 2, …, whichever frames of the video they are. Image `k` is frame
`first_frame + step * k`. If the user does not give these two numbers, they are 0 and 1, provided that the labels then
fit the length of the video and no larger step does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.label_files import MAX_FRAMES
from backend.labels.label_sequence import LabelSequence, fit_to_video
from backend.workspace.records import Video

MAX_LOST_FRAMES = 5  # encoders drop or repeat a few frames at the ends of a video
MAX_RATE_DIFFERENCE = 0.01  # as a fraction: 29.97 and 30 frames/s count as the same rate


class AmbiguousFrames(UserError):
    """Labels that fit several frame mappings. It concerns all labels of an import, not only one sequence."""


@dataclass(frozen=True)
class FrameMapping:
    """The step and the first frame that the user gave.

    Attributes:
        step: Frames of the video from one labeled image to the next. None to infer it from the labels.
        first_frame: Frame of the video, counted from 0, that image 0 shows. None means 0.

    Raises:
        UserError: If `step` is not an integer from 1, or `first_frame` not one from 0.
    """

    step: int | None = None
    first_frame: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers, which may come from a command line."""
        for name, value, minimum in (("step", self.step, 1), ("first_frame", self.first_frame, 0)):
            if value is not None and (type(value) is not int or not minimum <= value < MAX_FRAMES):
                raise UserError(f"{name} must be an integer, at least {minimum}, not {value!r}. Import again.")

    @property
    def is_given(self) -> bool:
        """Whether the user gave a number."""
        return self.step is not None or self.first_frame is not None

    def frame(self, image: int) -> int:
        """Return the video frame that an image shows."""
        return (self.first_frame or 0) + (self.step or 1) * image

    def images(self, frames: int) -> int:
        """Return how many labeled images a video of this many frames has."""
        return max(0, math.ceil((frames - (self.first_frame or 0)) / (self.step or 1)))

    def frames_needed(self, sequence: LabelSequence) -> int:
        """Return how many frames a video needs to have all labeled images of a sequence."""
        if sequence.has_video_frame_numbers or not sequence.length:
            return sequence.length
        return self.frame(sequence.length - 1) + 1


def map_to_video(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> LabelSequence:
    """Return the labels by frame numbers of `video`, fitted to it.

    Raises:
        AmbiguousFrames: If the labels fit several mappings.
        UserError: If the labels belong to another video.
    """
    if sequence.has_video_frame_numbers:
        _check_mapping_is_redundant(sequence, mapping)
        fitted = fit_to_video(sequence, video)
        if mapping.step is None:
            _check_stated_length(sequence, video)
        return fitted
    fitted = fit_to_video(_apply(mapping, sequence, video) if mapping.is_given else sequence, video)
    if mapping.step is None:
        _check_every_frame_is_labeled(sequence, video, mapping.first_frame or 0)
    _check_first_image(sequence, video, mapping)
    if mapping.step is None and _has_other_rate(sequence, video):
        note = f"The labels have {sequence.fps:g} frames/s, the video {video.fps:g}, but as many frames as the labels."
        fitted = replace(fitted, notes=[*fitted.notes, note])
    return fitted


def length_tolerance(frames: int) -> int:
    """Return by how many frames the lengths of two files of the same video may differ."""
    return min(MAX_LOST_FRAMES, max(1, frames // 10))


def may_be_subsampled(images: list[int], frames: int) -> bool:
    """Return whether image numbers may count every nth frame of a video instead of its frames.

    Numbers with a step of their own, such as 0, 5, 10, …, are frame numbers. So are numbers that reach beyond half of
    the video, as no larger step fits into it.

    Args:
        images: Numbers of the labeled images.
        frames: Number of frames of the video.
    """
    spacing = np.gcd.reduce(np.diff(np.unique(images))) if len(images) > 1 else 0
    return bool(spacing == 1) and 2 * max(images) < frames


def suggest_step(images: int, frames: int, rate_ratio: float | None = None) -> int | None:
    """Return the step above 1 at which the images span the video, None if there is none.

    Args:
        images: Number of labeled images.
        frames: Number of frames of the video.
        rate_ratio: Frame rate of the video, divided by that of the images, if both are known.
    """
    candidates = [
        round(rate_ratio or 0),
        round(frames / images),
        int((frames - 1) / max(1, images - 1)),
    ]
    return next((step for step in candidates if step > 1 and step * (images - 1) < frames < step * (images + 1)), None)


def ask_for_step(step: int | None, max_step: int) -> str:
    """Return the end of an error message: the question which frames were labeled, and how to answer it.

    Args:
        step: The step that fits, None if none does exactly.
        max_step: The largest step that is possible.
    """
    if max_step < 2:
        return "If they are its first frames, import again with step=1; else choose the video that was labeled."
    if step:
        every = f"every {ordinal(step)} frame, import again with step={step}"
        first_frame = step - 1
    else:
        every = f"every nth frame, import again with step=n, at most {max_step}"
        first_frame = 4
    return (
        f"Which frames were labeled? If {every} (and with first_frame={first_frame}, for example, if the first labeled "
        f"one is frame {first_frame}, counted from 0). If the first frames, one after the other, import again with "
        "step=1."
    )


def ordinal(number: int) -> str:
    """Return the number as in "every 5th"."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{suffix}"


def _apply(mapping: FrameMapping, sequence: LabelSequence, video: Video) -> LabelSequence:
    """Return the labels by frame numbers of the video, as the user's mapping says.

    Raises:
        UserError: If the video is too short for it.
    """
    first_frame, step = mapping.first_frame or 0, mapping.step or 1
    last = mapping.frame(max(sequence.labeled_frames))
    if last >= video.frames + length_tolerance(video.frames):
        spacing = int(np.gcd.reduce(np.diff(sequence.labeled_frames))) if len(sequence.labeled_frames) > 1 else 1
        hint = f" Its numbers are already {spacing} apart, so try step=1." if step > 1 and spacing > 1 else ""
        raise UserError(
            f"With step={step} and first_frame={first_frame} the labels of “{sequence.name}” reach frame {last}, but "
            f"“{video.name}” has only {video.frames} frames, counted from 0. Import again with a smaller step, or "
            f"choose the video that was labeled.{hint}"
        )
    labeled = f"every {ordinal(step)} frame" if step > 1 else "every frame"
    return replace(
        sequence,
        tracks=replace(sequence.tracks, frame=first_frame + step * sequence.tracks.frame),
        labeled_frames=[mapping.frame(image) for image in sequence.labeled_frames],
        box_attributes=box_attributes.renumber_frames(sequence.box_attributes, step, first_frame),
        frames=None,
        notes=[
            *sequence.notes,
            f"Imported as labels of {labeled} from frame {first_frame} on (step={step}, first_frame={first_frame}).",
        ],
    )


def _check_every_frame_is_labeled(sequence: LabelSequence, video: Video, first_frame: int) -> None:
    """Check that the images can only be consecutive frames of `video` from `first_frame` on.

    Raises:
        AmbiguousFrames: With both lengths, and the step that fits them.
        UserError: If the labels are longer than the video.
    """
    frames = video.frames - first_frame
    tolerance = length_tolerance(frames)
    last = max(sequence.labeled_frames)
    # A script that keeps the frame numbers of the video may state the number of images instead of that of frames.
    stated = sequence.frames if sequence.frames is not None and sequence.frames > last else None
    length = stated or last + 1
    if length > frames + tolerance:
        start = f" from frame {first_frame} on" if first_frame else ""
        raise UserError(
            f"The labels of “{sequence.name}” have {length} frames, but “{video.name}” has only {frames}{start}: they "
            "are the labels of another video, or of this one at another frame rate. Choose the video that was labeled."
        )
    if length >= frames - tolerance:
        return
    if stated is not None:
        raise AmbiguousFrames(_describe_mismatch(sequence, video, frames, length, f"has {length} frames"))
    if _has_other_rate(sequence, video) or may_be_subsampled(sequence.labeled_frames, frames):
        raise AmbiguousFrames(_describe_mismatch(sequence, video, frames, length, f"ends after {length} frames"))


def _check_first_image(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> None:
    """Check that images whose numbers start with 1 do not fit the video if numbers count from 0, too.

    Raises:
        AmbiguousFrames: With both readings.
    """
    if not sequence.may_lack_first_image or mapping.first_frame is not None:
        return
    last = max(sequence.labeled_frames) + 1  # in the file
    if mapping.frame(last) < video.frames:
        raise AmbiguousFrames(
            f"The images of “{sequence.name}” have the numbers {min(sequence.labeled_frames) + 1} to {last}, which fit "
            f"the {video.frames} frames of “{video.name}” in two ways. If image 1 is the first frame of the video, "
            f"import again with first_frame=0; if the numbers count from 0, with first_frame={mapping.frame(1)}."
        )


def _check_mapping_is_redundant(sequence: LabelSequence, mapping: FrameMapping) -> None:
    if mapping.step not in (None, 1) or mapping.first_frame not in (None, 0):
        raise UserError(
            f"The labels of “{sequence.name}” state their frames in the video. Import them again without step and "
            "first_frame."
        )


def _check_stated_length(sequence: LabelSequence, video: Video) -> None:
    if sequence.frames is not None and abs(sequence.frames - video.frames) > length_tolerance(video.frames):
        raise UserError(
            f"The labels of “{sequence.name}” were made on a video of {sequence.frames} frames, but “{video.name}” has "
            f"{video.frames}: they are the labels of another video. Choose that one, or import again with step=1 if "
            "the frames are the same from the first one on."
        )


def _describe_mismatch(sequence: LabelSequence, video: Video, frames: int, images: int, predicate: str) -> str:
    rates = f" at {sequence.fps:g} frames/s, the video {video.fps:g}" if _has_other_rate(sequence, video) else ""
    rate_ratio = video.fps / sequence.fps if sequence.fps else None
    max_step = (frames - 1) // max(1, images - 1)
    return (
        f"The label sequence “{sequence.name}” {predicate}{rates}, but the video “{video.name}” has {video.frames} "
        f"frames. {ask_for_step(suggest_step(images, frames, rate_ratio), max_step)}"
    )


def _has_other_rate(sequence: LabelSequence, video: Video) -> bool:
    if not sequence.fps or not video.fps:
        return False
    return abs(sequence.fps / video.fps - 1) > MAX_RATE_DIFFERENCE
