"""Few frames that tell where a box is in all of them: between two key frames it moves evenly.

What a model finds trembles from frame to frame. As key frames it is quicker to correct: a box that is put right takes
those around it along.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bytetrack.tracks import Tracks

SIMPLIFY_TOLERANCE = 0.1  # share of a box's smaller side that even motion may miss what a model found by


def select_keyframes(frames: np.ndarray, xyxy: np.ndarray, tolerance: np.ndarray) -> list[int]:
    """Ramer, Douglas and Peucker: the rows from which all others follow by even motion, the first and last among them.

    Args:
        frames: `(N,)` ascending.
        xyxy: `(N, 4)` boxes.
        tolerance: `(N,)` pixels by which a side may miss.
    """
    kept, stretches = {0, len(frames) - 1}, [(0, len(frames) - 1)]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2:
            continue
        between = slice(first + 1, last)
        excess = np.abs(
            interpolate_boxes(frames[[first, last]], xyxy[[first, last]], frames[between]) - xyxy[between]
        ).max(axis=1)
        excess -= tolerance[between]
        worst = first + 1 + int(excess.argmax())
        if excess.max() > 0:
            kept.add(worst)
            stretches += [(first, worst), (worst, last)]
    return sorted(kept)


def interpolate_boxes(keys: np.ndarray, xyxy: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """`(M, 4)` boxes at `frames`, between those of the key frames `(K,)` and `(K, 4)`."""
    return np.stack([np.interp(frames, keys, side) for side in xyxy.T], axis=1)


def split_at_gaps(tracks: Tracks) -> list[np.ndarray]:
    """The rows of each track's frames in a row, by track and frame."""
    order = np.lexsort((tracks.frame, tracks.id))
    breaks = (np.diff(tracks.id[order]) != 0) | (np.diff(tracks.frame[order]) != 1)
    return [rows for rows in np.split(order, np.flatnonzero(breaks) + 1) if len(rows)]


def simplify_tracks(tracks: Tracks) -> Tracks:
    """The same tracks, moving evenly between as few frames as tell them to within `SIMPLIFY_TOLERANCE`."""
    xyxy = tracks.xyxy.copy()
    for rows in split_at_gaps(tracks):
        frames, boxes = tracks.frame[rows], tracks.xyxy[rows]
        keys = select_keyframes(frames, boxes, SIMPLIFY_TOLERANCE * (boxes[:, 2:] - boxes[:, :2]).min(axis=1))
        xyxy[rows] = interpolate_boxes(frames[keys], boxes[keys], frames)
    return replace(tracks, xyxy=xyxy)
