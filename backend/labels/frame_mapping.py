"""Which frame of its video each labeled picture is, where people labeled every n-th frame only.

Formats number the pictures of a sequence 0, 1, 2, …, whatever frames of the video they were. Picture `k` is frame
`first_frame + step * k`. If nobody gives these two numbers, they are 0 and 1, provided that the labels then fit the
length of the video and no other step does as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.label_sequence import MOST_FRAMES, LabelSequence, fit
from backend.workspace.records import Video

MOST_LOST = 5  # frames: encoders drop or repeat a few at the ends of a video
SAME_RATE = 0.01  # as a share: 29.97 and 30 frames/s are one rate


class AmbiguousFrames(UserError):
    """Labels may be of other frames than their numbers say. All labels of one import are in question then."""


@dataclass(frozen=True)
class FrameMapping:
    """The step and the first frame as the user gave them.

    Attributes:
        step: Frames of the video from one picture to the next. None where the labels must tell.
        first_frame: Frame of the video, counted from 0, that picture 0 is. None where it is 0.

    Raises:
        UserError: If `step` is not a whole number from 1, or `first_frame` not one from 0.
    """

    step: int | None = None
    first_frame: int | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("step", self.step, 1), ("first_frame", self.first_frame, 0)):
            if value is not None and (type(value) is not int or not least <= value < MOST_FRAMES):
                raise UserError(f"{name} is {value!r}, but must be a whole number from {least}. Import again with one.")

    @property
    def given(self) -> bool:
        return self.step is not None or self.first_frame is not None

    def frame(self, picture: int) -> int:
        """Return the frame of the video that a picture is."""
        return (self.first_frame or 0) + (self.step or 1) * picture

    def pictures(self, frames: int) -> int:
        """Return how many pictures a video of this many frames gives."""
        return max(0, math.ceil((frames - (self.first_frame or 0)) / (self.step or 1)))

    def frames_needed(self, sequence: LabelSequence) -> int:
        """Return how many frames a video must have for all pictures of a sequence."""
        if sequence.placed or not sequence.length:
            return sequence.length
        return self.frame(sequence.length - 1) + 1


def map_to_video(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> LabelSequence:
    """Return the labels by the frame numbers of `video`, checked by `sequence.fit`, with notes.

    Raises:
        AmbiguousFrames: If the pictures may be other frames than their numbers say.
        UserError: If the labels are of another video.
    """
    if sequence.placed:
        _check_unmoved(sequence, mapping)
        fitted = fit(sequence, video)
        if mapping.step is None:
            _check_own_length(sequence, video)
        return fitted
    fitted = fit(_moved(sequence, video, mapping) if mapping.given else sequence, video)
    if mapping.step is None:
        _check_length(sequence, video, mapping.first_frame or 0)
    _check_first_number(sequence, video, mapping)
    if mapping.step is None and _other_rate(sequence, video):
        note = f"The labels say {sequence.fps:g} frames/s, the video has {video.fps:g}. Both have as many frames."
        fitted = replace(fitted, notes=[*fitted.notes, note])
    return fitted


def tolerance(frames: int) -> int:
    """Return by how many frames two files of the same video may differ."""
    return min(MOST_LOST, max(1, frames // 10))


def may_be_thinned(pictures: list[int], frames: int) -> bool:
    """Return whether these picture numbers may count every n-th frame of a video, not its frames.

    Numbers with a step of their own (0, 5, 10, …) are frames already. Those that do not fit twice into the video are,
    too, as no step above 1 has room there.
    """
    spacing = np.gcd.reduce(np.diff(np.unique(pictures))) if len(pictures) > 1 else 0
    return bool(spacing == 1) and 2 * max(pictures) < frames


def suggested_step(pictures: int, frames: int, ratio: float | None = None) -> int | None:
    """Return the step at which this many pictures span a video of `frames` frames, None if no step above 1 does.

    Args:
        pictures: How many pictures there are.
        frames: How many frames the video has.
        ratio: The video's frame rate, divided by that of the pictures, where both are known.
    """
    guesses = (ratio or 0, frames / pictures, (frames - 1) / max(1, pictures - 1))
    steps = [round(guesses[0]), round(guesses[1]), int(guesses[2])]
    return next((step for step in steps if step > 1 and step * (pictures - 1) < frames < step * (pictures + 1)), None)


def which_frames(step: int | None, largest: int) -> str:
    """Return the question which frames were labeled and what answers it, as the end of a message.

    Args:
        step: The step that fits, None if none does exactly.
        largest: The largest step that is possible.
    """
    if largest < 2:
        return "If they are its first frames, import again with step=1; else choose the video that was labeled."
    every = f"every {ordinal(step)} frame, import again with step={step}" if step else ""
    every = every or f"every n-th frame, import again with step=n, at most {largest}"
    first = step - 1 if step else 4
    return (
        f"Which of them were labeled? If they are {every} (and with first_frame={first}, for example, if the first one "
        f"is frame {first}, counted from 0). If they are the first frames, one after the other, import again with "
        "step=1."
    )


def ordinal(number: int) -> str:
    """Return the number as in "every 5th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def _check_length(sequence: LabelSequence, video: Video, first_frame: int) -> None:
    """Check that the pictures can only be the frames of `video` from `first_frame` on, one after the other.

    Raises:
        AmbiguousFrames: With both lengths, and the step that fits them.
        UserError: If the labels are longer than the video.
    """
    frames, last = video.frames - first_frame, max(sequence.labeled_frames)
    # Scripts that keep the video's frame numbers may write how many pictures there are.
    length = sequence.frames if sequence.frames is not None and sequence.frames > last else None
    if (length or last + 1) > frames + tolerance(frames):
        on = f" from frame {first_frame} on" if first_frame else ""
        raise UserError(
            f"The labels of “{sequence.name}” are of {length or last + 1} frames, but “{video.name}” has only "
            f"{frames}{on}: they are the labels of another video, or of this one at another frame rate. Choose the "
            "video that was labeled."
        )
    if length is not None and length < frames - tolerance(frames):
        raise AmbiguousFrames(_question(sequence, video, frames, length, f"holds {length} frames"))
    ends_early = length is None and last + 1 < frames - tolerance(frames)
    if ends_early and (_other_rate(sequence, video) or may_be_thinned(sequence.labeled_frames, frames)):
        raise AmbiguousFrames(_question(sequence, video, frames, last + 1, f"ends after {last + 1} frames"))


def _check_first_number(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> None:
    """Check that the numbers of pictures that start with 1 can only count from 1.

    Raises:
        AmbiguousFrames: With both readings.
    """
    if not sequence.shifted or mapping.first_frame is not None:
        return
    last = max(sequence.labeled_frames) + 1  # in the file
    if mapping.frame(last) < video.frames:
        raise AmbiguousFrames(
            f"The pictures of “{sequence.name}” have the numbers {min(sequence.labeled_frames) + 1} to {last}, which "
            f"fit the {video.frames} frames of “{video.name}” in two ways. If the picture with number 1 is the first "
            "frame of the video, import again with first_frame=0; if the numbers count from 0, with "
            f"first_frame={mapping.frame(1)}."
        )


def _question(sequence: LabelSequence, video: Video, frames: int, pictures: int, says: str) -> str:
    rates = f" at {sequence.fps:g} frames/s, the video {video.fps:g}" if _other_rate(sequence, video) else ""
    ratio = video.fps / sequence.fps if sequence.fps else None
    return (
        f"The label sequence “{sequence.name}” {says}{rates}, but the video “{video.name}” has {video.frames} "
        "frames. " + which_frames(suggested_step(pictures, frames, ratio), (frames - 1) // max(1, pictures - 1))
    )


def _moved(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> LabelSequence:
    first, step = mapping.first_frame or 0, mapping.step or 1
    last = mapping.frame(max(sequence.labeled_frames))
    if last >= video.frames + tolerance(video.frames):
        spacing = int(np.gcd.reduce(np.diff(sequence.labeled_frames))) if len(sequence.labeled_frames) > 1 else 1
        already = f" Its numbers are {spacing} apart already, so try step=1." if step > 1 and spacing > 1 else ""
        raise UserError(
            f"With step={step} and first_frame={first} the labels of “{sequence.name}” reach frame {last}, but "
            f"“{video.name}” has only {video.frames} frames, counted from 0. Import again with a smaller step, or "
            f"choose the video that was labeled.{already}"
        )
    how = f"every {ordinal(step)} frame of the video" if step > 1 else "one frame of the video after the other"
    return replace(
        sequence,
        tracks=replace(sequence.tracks, frame=first + step * sequence.tracks.frame),
        labeled_frames=[mapping.frame(picture) for picture in sequence.labeled_frames],
        box_attributes=box_attributes.renumber_frames(sequence.box_attributes, step, first),
        frames=None,
        notes=[*sequence.notes, f"Taken as {how}, from frame {first} on (step={step}, first_frame={first})."],
    )


def _check_unmoved(sequence: LabelSequence, mapping: FrameMapping) -> None:
    if mapping.step not in (None, 1) or mapping.first_frame not in (None, 0):
        raise UserError(
            f"The labels of “{sequence.name}” tell themselves which frames of the video they are of. Import them again "
            "without step and first_frame."
        )


def _check_own_length(sequence: LabelSequence, video: Video) -> None:
    if sequence.frames is not None and abs(sequence.frames - video.frames) > tolerance(video.frames):
        raise UserError(
            f"The labels of “{sequence.name}” were made on a video of {sequence.frames} frames, but “{video.name}” has "
            f"{video.frames}: they are the labels of another video. Choose that one, or import again with step=1 if "
            "the frames are the same from the first one on."
        )


def _other_rate(sequence: LabelSequence, video: Video) -> bool:
    if not sequence.fps or not video.fps:
        return False
    return abs(sequence.fps / video.fps - 1) > SAME_RATE
