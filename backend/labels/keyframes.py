"""Represent tracks by keyframes: boxes between two keyframes are interpolated linearly.

The boxes of a detector jitter from frame to frame. Simplified to a few keyframes, a track is quicker to correct, as
correcting one keyframe moves the interpolated boxes around it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bytetrack.arrays import FloatArray, IntArray
from bytetrack.tracks import Tracks

SIMPLIFY_TOLERANCE = 0.1  # maximum deviation of the interpolated box, as a fraction of its shorter side


def select_keyframes(frames: IntArray, xyxy: FloatArray, tolerance: FloatArray) -> list[int]:
    """Select keyframes with the Ramer-Douglas-Peucker algorithm.

    Args:
        frames: `(N,)` frame numbers, ascending.
        xyxy: `(N, 4)` boxes.
        tolerance: `(N,)` maximum deviation of each interpolated box in pixels.

    Returns:
        Rows of the keyframes, ascending, with the first and the last row among them.
    """
    keyframes = {0, len(frames) - 1}
    segments = [(0, len(frames) - 1)]
    while segments:
        first, last = segments.pop()
        if last - first < 2:
            continue
        between = slice(first + 1, last)
        ends = [first, last]
        interpolated = interpolate_boxes(frames[ends], xyxy[ends], frames[between])
        excess = np.abs(interpolated - xyxy[between]).max(axis=1) - tolerance[between]
        worst = first + 1 + int(excess.argmax())
        if excess.max() > 0:
            keyframes.add(worst)
            segments += [(first, worst), (worst, last)]
    return sorted(keyframes)


def interpolate_boxes(keyframes: IntArray, xyxy: FloatArray, frames: IntArray) -> FloatArray:
    """Interpolate boxes linearly between keyframes.

    Args:
        keyframes: `(K,)` frame numbers, ascending.
        xyxy: `(K, 4)` boxes of the keyframes.
        frames: `(M,)` frame numbers to interpolate at.

    Returns:
        `(M, 4)` boxes.
    """
    return np.stack([np.interp(frames, keyframes, side) for side in xyxy.T], axis=1)


def split_at_gaps(tracks: Tracks) -> list[IntArray]:
    """Split tracks into segments of consecutive frames.

    Returns:
        Rows of each segment in the order of its frames; the segments by object ID and frame.
    """
    order = np.lexsort((tracks.frame, tracks.id))
    is_break = (np.diff(tracks.id[order]) != 0) | (np.diff(tracks.frame[order]) != 1)
    return [rows for rows in np.split(order, np.flatnonzero(is_break) + 1) if len(rows)]


def simplify_tracks(tracks: Tracks) -> Tracks:
    """Smooth jitter: select keyframes up to `SIMPLIFY_TOLERANCE`, and interpolate all other boxes."""
    xyxy = tracks.xyxy.copy()
    for rows in split_at_gaps(tracks):
        frames, boxes = tracks.frame[rows], tracks.xyxy[rows]
        shorter_sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
        keyframes = select_keyframes(frames, boxes, SIMPLIFY_TOLERANCE * shorter_sides)
        xyxy[rows] = interpolate_boxes(frames[keyframes], boxes[keyframes], frames)
    return replace(tracks, xyxy=xyxy)
