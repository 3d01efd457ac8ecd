"""Refinement of the tracks of a complete video, with knowledge of all its frames.

`docs/measurements.md` has the effect on scores: removing short tracks and smoothing boxes help on every video measured
and are on by default. Interpolating gaps helps on some videos, makes others worse, and is off by default.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bytetrack.arrays import FloatArray
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks


def refine(tracks: Tracks, config: TrackerConfig) -> Tracks:
    """Remove short tracks, assign one class to each track, interpolate gaps and smooth boxes.

    Boxes are first rounded to 0.01 pixels, as in files and responses, so that tracks received in parts from an endpoint
    are refined to the same result. In a video of fewer than `min_length` frames, tracks with a box in every frame are
    not short.

    Args:
        tracks: Tracks of a complete video.
        config: Settings, of which `min_length`, `fill_gaps` and `smooth` are used.
    """
    tracks = replace(tracks, xyxy=tracks.xyxy.round(2), score=tracks.score.round(4))
    if len(tracks) == 0:
        return tracks
    tracks = drop_short(tracks, min(config.min_length, int(tracks.frame[-1]) + 1))
    return smooth(interpolate_gaps(vote_class(tracks), config.fill_gaps), config.smooth)


def drop_short(tracks: Tracks, min_length: int) -> Tracks:
    """Remove tracks of fewer than `min_length` boxes, most of which are false positives."""
    _, track, boxes = np.unique(tracks.id, return_inverse=True, return_counts=True)
    return tracks.select(boxes[track] >= min_length)


def vote_class(tracks: Tracks) -> Tracks:
    """Assign to each track the class with the highest sum of scores, or the first one of several."""
    ids, track = np.unique(tracks.id, return_inverse=True)
    votes = np.zeros((len(ids), len(tracks.classes)))
    np.add.at(votes, (track, tracks.class_id), tracks.score)
    return replace(tracks, class_id=votes.argmax(axis=1)[track])


def interpolate_gaps(tracks: Tracks, max_frames: int) -> Tracks:
    """Add linearly interpolated boxes where a track is missing for up to `max_frames` frames."""
    by_track = np.lexsort((tracks.frame, tracks.id))
    before, after = by_track[:-1], by_track[1:]
    missing = tracks.frame[after] - tracks.frame[before] - 1
    is_gap = (tracks.id[before] == tracks.id[after]) & (missing > 0) & (missing <= max_frames)
    before, after, missing = before[is_gap], after[is_gap], missing[is_gap]

    # One element for each box to add: the index of its gap, and its position in it from 1.
    gap = np.repeat(np.arange(len(missing)), missing)
    step = np.arange(len(gap)) - np.repeat(missing.cumsum() - missing, missing) + 1
    weight = step / (missing[gap] + 1)
    start, end = before[gap], after[gap]
    return Tracks(
        frame=np.concatenate([tracks.frame, tracks.frame[start] + step]),
        id=np.concatenate([tracks.id, tracks.id[start]]),
        xyxy=np.concatenate([tracks.xyxy, _interpolate(tracks.xyxy[start], tracks.xyxy[end], weight[:, None])]),
        score=np.concatenate([tracks.score, _interpolate(tracks.score[start], tracks.score[end], weight)]),
        class_id=np.concatenate([tracks.class_id, tracks.class_id[start]]),
        classes=tracks.classes,
    )


def smooth(tracks: Tracks, window: int) -> Tracks:
    """Smooth each coordinate with a line fitted to the `window` frames around it (Savitzky & Golay, 1964).

    The frames of a track without a gap are smoothed together. In the first and last half window, the line of the
    nearest full window is extrapolated. Boxes that would become empty are not smoothed.
    """
    order = np.lexsort((tracks.frame, tracks.id))
    xyxy, position = tracks.xyxy[order], np.arange(len(order))
    breaks = (np.diff(tracks.id[order]) != 0) | (np.diff(tracks.frame[order]) != 1)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(order)]])
    segment = np.searchsorted(starts, position, side="right") - 1
    first, last = starts[segment], starts[segment + 1] - 1

    half = (np.minimum(window, last - first + 1) - 1).clip(0) // 2
    center = position.clip(first + half, last - half)
    total, moment = np.zeros_like(xyxy), np.zeros_like(xyxy)
    for offset in range(-(window // 2), window // 2 + 1):
        in_window = xyxy[(center + offset).clip(first, last)] * (abs(offset) <= half)[:, None]
        total += in_window
        moment += offset * in_window
    slope = moment / np.maximum(half * (half + 1) * (2 * half + 1) / 3, 1)[:, None]
    smoothed = total / (2 * half + 1)[:, None] + slope * (position - center)[:, None]

    is_empty = np.any(smoothed[:, 2:] <= smoothed[:, :2], axis=1)
    smoothed[is_empty] = xyxy[is_empty]
    return Tracks(
        tracks.frame[order], tracks.id[order], smoothed, tracks.score[order], tracks.class_id[order], tracks.classes
    )


def _interpolate(a: FloatArray, b: FloatArray, weight: FloatArray) -> FloatArray:
    return a + (b - a) * weight
