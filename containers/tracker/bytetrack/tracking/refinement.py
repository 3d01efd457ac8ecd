"""What can be known better about tracks once the whole video has been seen.

Measured in `docs/measurements.md`: leaving out short tracks and smoothing help on every video tried and are on by
default; filling gaps helps on some and harms on others, and is not.
"""

from __future__ import annotations

import numpy as np

from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks


def refine(tracks: Tracks, config: TrackerConfig) -> Tracks:
    """The tracks of a whole video without those of fewer than `min_length` boxes, gaps of up to `fill_gaps` frames
    filled, boxes smoothed over `smooth` frames, and each track of the one class that most of its scores speak for.

    Works on boxes rounded to 0.01 pixels, as files and answers have them: who gets the tracks bit by bit over a wire
    comes to the same result. A video shorter than `min_length` keeps the tracks that last through all of it.
    """
    tracks = _with(tracks, xyxy=tracks.xyxy.round(2), score=tracks.score.round(4))
    if len(tracks) == 0:
        return tracks
    tracks = drop_short(tracks, min(config.min_length, int(tracks.frame[-1]) + 1))
    return smooth(interpolate_gaps(vote_class(tracks), config.fill_gaps), config.smooth)


def drop_short(tracks: Tracks, min_length: int) -> Tracks:
    """Without the tracks of fewer boxes: most of those follow something that is no object."""
    _, track, boxes = np.unique(tracks.id, return_inverse=True, return_counts=True)
    return tracks.select(boxes[track] >= min_length)


def vote_class(tracks: Tracks) -> Tracks:
    """Each track of the class that has most of its scores; the first of them where several have as much."""
    names, track = np.unique(tracks.id, return_inverse=True)
    votes = np.zeros((len(names), len(tracks.classes)))
    np.add.at(votes, (track, tracks.class_id), tracks.score)
    return _with(tracks, class_id=votes.argmax(axis=1)[track])


def interpolate_gaps(tracks: Tracks, most: int) -> Tracks:
    """Boxes where a track is missing for up to `most` frames, in a straight line from the last to the next."""
    by_track = np.lexsort((tracks.frame, tracks.id))
    before, after = by_track[:-1], by_track[1:]
    missing = tracks.frame[after] - tracks.frame[before] - 1
    gaps = (tracks.id[before] == tracks.id[after]) & (missing > 0) & (missing <= most)
    before, after, missing = before[gaps], after[gaps], missing[gaps]

    gap = np.repeat(np.arange(len(missing)), missing)
    step = np.arange(len(gap)) - np.repeat(missing.cumsum() - missing, missing) + 1
    share = step / (missing[gap] + 1)
    start, end = before[gap], after[gap]
    return Tracks(
        frame=np.concatenate([tracks.frame, tracks.frame[start] + step]),
        id=np.concatenate([tracks.id, tracks.id[start]]),
        xyxy=np.concatenate([tracks.xyxy, _between(tracks.xyxy[start], tracks.xyxy[end], share[:, None])]),
        score=np.concatenate([tracks.score, _between(tracks.score[start], tracks.score[end], share)]),
        class_id=np.concatenate([tracks.class_id, tracks.class_id[start]]),
        classes=tracks.classes,
    )


def smooth(tracks: Tracks, window: int) -> Tracks:
    """Every side of a box from a line fitted through the `window` frames around it (Savitzky & Golay, 1964).

    At the ends of a track, and before and after a gap, the line of the nearest full window goes on.
    """
    order = np.lexsort((tracks.frame, tracks.id))
    xyxy, position = tracks.xyxy[order], np.arange(len(order))
    breaks = (np.diff(tracks.id[order]) != 0) | (np.diff(tracks.frame[order]) != 1)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(order)]])
    stretch = np.searchsorted(starts, position, side="right") - 1
    first, last = starts[stretch], starts[stretch + 1] - 1

    half = (np.minimum(window, last - first + 1) - 1).clip(0) // 2
    center = position.clip(first + half, last - half)
    total, lean = np.zeros_like(xyxy), np.zeros_like(xyxy)
    for offset in range(-(window // 2), window // 2 + 1):
        there = xyxy[(center + offset).clip(first, last)] * (abs(offset) <= half)[:, None]
        total += there
        lean += offset * there
    slope = lean / np.maximum(half * (half + 1) * (2 * half + 1) / 3, 1)[:, None]
    smoothed = total / (2 * half + 1)[:, None] + slope * (position - center)[:, None]

    empty = np.any(smoothed[:, 2:] <= smoothed[:, :2], axis=1)
    smoothed[empty] = xyxy[empty]
    return Tracks(
        tracks.frame[order], tracks.id[order], smoothed, tracks.score[order], tracks.class_id[order], tracks.classes
    )


def _between(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * share


def _with(tracks: Tracks, **columns: np.ndarray) -> Tracks:
    return Tracks(**{**vars(tracks), **columns})
