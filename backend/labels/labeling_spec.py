"""A labeling job as every platform receives it: clips, classes, instructions, and how large it may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backend.errors import UserError
from backend.labels.attributes import AttributeDefinition
from backend.labels.box_attributes import BoxAttributes
from bytetrack.tracks import Tracks


@dataclass(frozen=True)
class ClipToLabel:
    """The frames of one clip of a labeling job.

    Attributes:
        folder: Folder with the frames to label as JPEG files, whose names sort in the order of the frames.
        length: Number of frames of the clip, including those that are not labeled.
        every: Step between labeled frames: 5 if every 5th frame of the clip is labeled.
        initial_tracks: Boxes to correct, by frame numbers of the clip. None to start from empty frames.
        box_attributes: Attributes of these boxes, by frame numbers of the clip.
    """

    folder: Path
    length: int
    every: int = 1
    initial_tracks: Tracks | None = None
    box_attributes: BoxAttributes = field(default_factory=dict)


@dataclass(frozen=True)
class LabelingSpec:
    """A labeling job: people draw boxes with object IDs on the frames of clips.

    Attributes:
        name: Name of the job for people.
        token: Suffix that makes the name unique on the platform.
        clips: Clips by name. Either all of them have initial tracks or none.
        classes: Names of the classes to label.
        short_instructions: Instructions that are always visible.
        full_instructions: Detailed instructions.
        options: The platform's own options. Missing ones have their defaults.
        attributes: Attributes that the objects can have.
    """

    name: str
    token: str
    clips: dict[str, ClipToLabel]
    classes: list[str]
    short_instructions: str
    full_instructions: str
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    attributes: list[AttributeDefinition] = field(default_factory=list)


@dataclass(frozen=True)
class LabelingLimits:
    """How large a labeling job may be on a platform. None means no limit.

    Attributes:
        clips: Clips per job.
        frames_per_clip: Labeled frames per clip.
        classes: Classes per job.
        class_name_length: Characters of the name of a class.
        short_instructions_length: Characters of the short instructions.
        full_instructions_length: Characters of the full instructions.
    """

    clips: int | None = None
    frames_per_clip: int | None = None
    classes: int | None = None
    class_name_length: int | None = None
    short_instructions_length: int | None = None
    full_instructions_length: int | None = None

    def check(
        self, frames: Mapping[str, int], classes: Sequence[str], short_instructions: str, full_instructions: str
    ) -> None:
        """Check that a job is complete and within the limits.

        Args:
            frames: Number of frames to label, by the name of the clip.
            classes: Names of the classes to label.
            short_instructions: Instructions that are always visible.
            full_instructions: Detailed instructions.

        Raises:
            UserError: If something is missing or exceeds a limit.
        """
        if not frames:
            raise UserError("No clip to label. Choose at least one clip.")
        if _exceeds(len(frames), self.clips):
            raise UserError(
                f"Too many clips: {len(frames)}. A labeling job has at most {self.clips}. Start several jobs."
            )
        for clip, count in frames.items():
            if _exceeds(count, self.frames_per_clip):
                raise UserError(
                    f"Too many frames in “{clip}”: {count:,}. A labeling job has at most {self.frames_per_clip:,} per "
                    "clip. Cut it into shorter clips, or label fewer of its frames."
                )
        self._check_classes(classes)
        for title, text, limit in (
            ("short instructions", short_instructions, self.short_instructions_length),
            ("full instructions", full_instructions, self.full_instructions_length),
        ):
            if _exceeds(len(text), limit):
                raise UserError(f"The {title} have {len(text):,} characters, {limit:,} at most. Shorten them.")

    def _check_classes(self, classes: Sequence[str]) -> None:
        if not classes:
            raise UserError("No class to label. Enter at least one class, such as person.")
        if _exceeds(len(classes), self.classes):
            raise UserError(f"Too many classes: {len(classes)}. A labeling job has at most {self.classes}.")
        for name, times in Counter(classes).items():
            if not name:
                raise UserError("A class has no name. Enter a name for each class.")
            if _exceeds(len(name), self.class_name_length):
                raise UserError(
                    f"The class name “{name}” has {len(name)} characters, {self.class_name_length} at most. Shorten it."
                )
            if times > 1:
                raise UserError(f"The class “{name}” is listed twice. List each class once.")


def _exceeds(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit
