"""Tracks as the player in the browser gets them: a summary at once, boxes a stretch of frames at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.routes import data
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.scoring.differences import Moment

STRETCH = 256  # frames in one part
POINTS = 1200  # of the curve of counts, at most: more than the timeline has pixels


@dataclass(frozen=True)
class Shown:
    """`marks`, `(N,)` per box, and `moments`, of compared tracks, are those of `bytetrack.scoring.differences`."""

    tracks: Tracks
    marks: np.ndarray | None = None
    moments: Sequence[Moment] = ()


def offer(key: str, frames: int, shown: Callable[[], Shown]) -> str:
    """The address of tracks; its parts are `summary` and the numbers of the stretches.

    Args:
        key: says what these tracks are: other tracks, or other marks, need another key.
        frames: how many the video has.
        shown: called once, when the browser first asks.
    """
    ready = data.once(shown)

    def answer(part: str) -> tuple[bytes, str]:
        if part == "summary":
            return json.dumps(summary(ready(), frames)).encode(), "application/json"
        if not part.isdecimal() or int(part) * STRETCH >= frames:
            raise LookupError(part)
        return stretch(ready(), int(part)), "application/octet-stream"

    return data.offer(f"tracks {key}", answer)


def summary(shown: Shown, frames: int) -> dict:
    """What can be said without the boxes.

    `tracks` has a row for each track, the earliest first: its id, class, boxes, mean score, and the stretches of frames
    in which it is there, as a flat list of firsts and lasts. `counts` has, per class, the mean number of boxes in each
    `step` frames.
    """
    tracks = shown.tracks
    order = np.lexsort((tracks.frame, tracks.id))
    ids, frame = tracks.id[order], tracks.frame[order]
    new_id = np.r_[True, np.diff(ids) != 0][: len(ids)]
    begins = np.flatnonzero(new_id | np.r_[True, np.diff(frame) != 1][: len(ids)])
    ends = np.r_[begins[1:], len(ids)][: len(begins)] - 1
    spans = np.stack([frame[begins], frame[ends]], axis=1)
    starts = np.flatnonzero(new_id)
    boxes = np.diff(np.r_[starts, len(ids)])
    means = np.add.reduceat(tracks.score[order], starts) / boxes if len(starts) else np.empty(0)
    of_track = np.split(spans, np.searchsorted(begins, starts[1:])) if len(starts) else []
    rows = [
        [id, class_id, count, round(mean, 4), part.ravel().tolist()]
        for id, class_id, count, mean, part in zip(
            ids[starts].tolist(), tracks.class_id[order][starts].tolist(), boxes.tolist(), means.tolist(), of_track
        )
    ]
    step = max(1, -(-frames // POINTS))
    counts = np.zeros((len(tracks.classes), -(-frames // step)))
    inside = tracks.frame < frames
    np.add.at(counts, (tracks.class_id[inside], tracks.frame[inside] // step), 1)
    widths = np.minimum(step, frames - step * np.arange(counts.shape[1]))
    return {
        "classes": list(tracks.classes),
        "stretch": STRETCH,
        "tracks": sorted(rows, key=lambda row: (row[4][0], row[0])),
        "step": step,
        "counts": np.round(counts / widths, 2).tolist(),
        "moments": list(shown.moments),
    }


def stretch(shown: Shown, number: int) -> bytes:
    """Columns one after another, four bytes a value, little-endian: frame, id, class and mark as uint32, then score,
    left, top, right and bottom as float32; rows sorted by frame."""
    tracks, marks = shown.tracks, shown.marks
    first, last = np.searchsorted(tracks.frame, [number * STRETCH, (number + 1) * STRETCH])
    rows = slice(first, last)
    mark = np.zeros(last - first) if marks is None else marks[rows]
    whole = np.stack([tracks.frame[rows], tracks.id[rows], tracks.class_id[rows], mark]).astype("<u4")
    real = np.concatenate([tracks.score[rows][None], tracks.xyxy[rows].T]).astype("<f4")
    return whole.tobytes() + real.tobytes()
