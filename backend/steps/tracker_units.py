"""Tracker settings that count frames, in seconds."""

from __future__ import annotations

NOMINAL_RATE = 30.0  # frames per second that `track_buffer` refers to
COUNTS_FRAMES = ("track_buffer", "min_length", "fill_gaps", "smooth")


def setting_seconds(setting: str, value: float, fps: float) -> float | None:
    """Return how long a setting that counts frames is at a video's rate; None for the other settings.

    Args:
        setting: A field of `bytetrack.tracking.config.TrackerConfig`.
        value: Its value.
        fps: Frames per second of the video.

    Example:
        >>> setting_seconds("track_buffer", 30, 7), setting_seconds("min_length", 14, 7)
        (1.0, 2.0)
    """
    if setting not in COUNTS_FRAMES or fps <= 0:
        return None
    return value / (NOMINAL_RATE if setting == "track_buffer" else fps)
