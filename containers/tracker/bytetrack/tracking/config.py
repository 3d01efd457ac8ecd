"""The settings of the tracker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class TrackerConfig:
    """The tracker's settings; the last three are for whole videos only, see `bytetrack.tracking.refinement`.

    Raises:
        ValueError: naming the setting that is out of its range.
    """

    track_thresh: float = field(
        default=0.5, metadata={"help": "detections above this score are matched first", "min": 0.0, "max": 1.0}
    )
    match_thresh: float = field(
        default=0.8, metadata={"help": "how far (1 - IoU × score) a match may be", "min": 0.0, "max": 1.0}
    )
    track_buffer: int = field(
        default=30, metadata={"help": "frames, at 30 per second, that a lost track is kept", "min": 0, "max": 10_000}
    )
    frame_rate: float = field(default=30.0, metadata={"help": "frames per second", "min": 0.01, "max": 1000.0})
    min_box_area: float = field(
        default=0.0, metadata={"help": "smaller tracks are not reported (pixels²)", "min": 0.0, "max": 1e9}
    )
    class_votes: bool = field(
        default=False,
        metadata={"help": "1: a track's class is what most of its detections say", "min": 0, "max": 1},
    )
    min_length: int = field(
        default=5, metadata={"help": "tracks of fewer boxes are left out of a whole video", "min": 0, "max": 1000}
    )
    fill_gaps: int = field(
        default=0, metadata={"help": "gaps of up to so many frames are filled in a whole video", "min": 0, "max": 1000}
    )
    smooth: int = field(
        default=7, metadata={"help": "frames over which boxes are smoothed in a whole video", "min": 0, "max": 99}
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, low, high = getattr(self, setting.name), setting.metadata["min"], setting.metadata["max"]
            if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
                raise ValueError(f"{setting.name} is {value}, but must be a number from {low:g} to {high:g}.")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> TrackerConfig:
        """From names and numbers, or numbers as text; settings that are not named keep their defaults.

        Raises:
            ValueError: naming a setting that is unknown, is no number, or is out of its range.
        """
        known: dict[str, type] = {setting.name: type(setting.default) for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"The tracker has no setting {name!r}; it has {', '.join(known)}.")
            try:
                values[name] = known[name](float(value))
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f"{name} is {value!r}, but must be a number.") from None
        return cls(**values)

    @property
    def buffer(self) -> int:
        """How many frames a lost track is kept; one lost just now is never too old."""
        return max(int(self.frame_rate / 30 * self.track_buffer), 1)


SETTING_NAMES = tuple(setting.name for setting in fields(TrackerConfig))
