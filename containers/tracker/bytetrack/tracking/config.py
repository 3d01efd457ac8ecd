"""`TrackerConfig`, the settings of the tracker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the tracker, with their ranges and help texts.

    The last three, `min_length`, `fill_gaps` and `smooth`, apply to the tracks of complete videos only: see
    `bytetrack.tracking.refinement`.

    Raises:
        ValueError: If a setting is not a number or out of its range.
    """

    track_thresh: float = field(
        default=0.5, metadata={"help": "detections above this score are matched first", "min": 0.0, "max": 1.0}
    )
    match_thresh: float = field(
        default=0.8, metadata={"help": "maximum distance (1 - IoU × score) of a match", "min": 0.0, "max": 1.0}
    )
    track_buffer: int = field(
        default=30,
        metadata={
            "help": "number of frames, at 30 per second, for which a lost track is kept",
            "min": 0,
            "max": 10_000,
        },
    )
    frame_rate: float = field(default=30.0, metadata={"help": "frames per second", "min": 0.01, "max": 1000.0})
    min_box_area: float = field(
        default=0.0, metadata={"help": "boxes of a smaller area (pixels²) are not reported", "min": 0.0, "max": 1e9}
    )
    class_votes: bool = field(
        default=False,
        metadata={
            "help": "1: a track may match detections of any class, and has the class of most of them",
            "min": 0,
            "max": 1,
        },
    )
    min_length: int = field(
        default=5, metadata={"help": "tracks of fewer boxes are removed (complete videos only)", "min": 0, "max": 1000}
    )
    fill_gaps: int = field(
        default=0,
        metadata={
            "help": "gaps of up to this many frames are interpolated (complete videos only)",
            "min": 0,
            "max": 1000,
        },
    )
    smooth: int = field(
        default=7,
        metadata={"help": "number of frames over which boxes are smoothed (complete videos only)", "min": 0, "max": 99},
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, low, high = getattr(self, setting.name), setting.metadata["min"], setting.metadata["max"]
            if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
                raise ValueError(f"{setting.name} is {value}, but must be a number from {low:g} to {high:g}.")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> TrackerConfig:
        """Create a configuration from names and values, which are numbers or text. Other settings keep their defaults.

        Raises:
            ValueError: If a setting is unknown, not a number or out of its range.
        """
        types: dict[str, type] = {setting.name: type(setting.default) for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in types:
                raise ValueError(f"The tracker has no setting {name!r}. Its settings are {', '.join(types)}.")
            try:
                values[name] = types[name](float(value))
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f"{name} is {value!r}, but must be a number.") from None
        return cls(**values)

    @property
    def max_lost_frames(self) -> int:
        """Number of frames of this video for which a lost track is kept, at least 1."""
        return max(int(self.frame_rate / 30 * self.track_buffer), 1)


SETTING_NAMES = tuple(setting.name for setting in fields(TrackerConfig))
