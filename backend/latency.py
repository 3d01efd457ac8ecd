"""Figures from the times of requests: percentiles that enough requests support, and the lag behind a live camera."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

# With fewer requests, the percentile would only be the slowest request under another name.
REQUESTS_NEEDED = {"p50": 1, "p90": 10, "p99": 100}


def percentiles(values: list[float]) -> dict[str, float]:
    """Compute nearest-rank percentiles.

    Args:
        values: One time per request, in any unit.

    Returns:
        Those of p50, p90 and p99 for which there are enough requests, in the unit of `values`, to two decimals.
    """
    ordered = sorted(values)
    return {
        name: round(ordered[math.ceil(int(name.removeprefix("p")) / 100 * len(ordered)) - 1], 2)
        for name, needed in REQUESTS_NEEDED.items()
        if len(ordered) >= needed
    }


def drop_unreliable(stored: Mapping[str, float], requests: int) -> dict[str, float]:
    """Drop percentiles that need more than this number of requests, which earlier versions stored."""
    return {name: value for name, value in stored.items() if requests >= REQUESTS_NEEDED[name]}


class LiveLag(TypedDict):
    """How far an endpoint is behind a camera that delivers frames at the video's rate."""

    keeps_up: bool
    frames_behind: (
        float  # the age of a frame, in frames, when its answer arrives: the highest; grows if it can't keep up
    )
    falls_behind: float  # frames that are added to the lag in each second; 0 if it keeps up


def live_lag(requests: Sequence[tuple[int, float]], fps: float) -> LiveLag:
    """Simulate a live camera whose frames are sent in these requests, each as soon as it is full and the last answered.

    Args:
        requests: Number of frames and milliseconds until the answer, of each request in order.
        fps: Frames per second of the camera.
    """
    captured, free, behind = 0, 0.0, 0.0  # frames so far; when the last request was answered; the highest lag
    for frames, milliseconds in requests:
        first_frame, captured = captured, captured + frames
        free = max(captured / fps, free) + milliseconds / 1000
        behind = max(behind, free * fps - first_frame)
    served_fps = 1000 * captured / sum(milliseconds for _, milliseconds in requests)
    return {
        "keeps_up": served_fps >= fps,
        "frames_behind": round(behind, 1),
        "falls_behind": round(max(0.0, fps - served_fps), 2),
    }
