"""Tracks in the form in which the player fetches them: first a summary, then the boxes of ranges of frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.routes import component_data
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.scoring.differences import Moment

FRAMES_PER_PART = 256
MAX_CURVE_POINTS = 1200  # more than the timeline has pixels


@dataclass(frozen=True)
class MarkedTracks:
    """Tracks, with the result of a comparison if they were compared with others.

    Attributes:
        tracks: The tracks.
        marks: Per box, `(N,)`, a mark of `bytetrack.scoring.differences`.
        moments: The moments at which the compared tracks differ.
    """

    tracks: Tracks
    marks: NDArray[Any] | None = None
    moments: Sequence[Moment] = ()


def offer(key: str, frames: int, load: Callable[[], MarkedTracks], *, is_growing: bool = False) -> str:
    """Return the address of tracks, whose parts are `summary` and the numbers of the ranges of frames.

    Args:
        key: Identifies these tracks: other tracks, or other marks, need another key.
        frames: Number of frames of the video.
        load: Called once, when the browser requests the first part; for each part if the tracks are growing.
        is_growing: Whether the tracks are still being computed.
    """
    tracks = load if is_growing else component_data.computed_once(load)

    def read_part(part: str) -> tuple[bytes, str]:
        if part == "summary":
            return json.dumps(summary(tracks(), frames)).encode(), "application/json"
        if not part.isdecimal() or int(part) * FRAMES_PER_PART >= frames:
            raise LookupError(part)
        return encode_part(tracks(), int(part)), "application/octet-stream"

    return component_data.offer(f"tracks {key}", read_part)


def summary(marked: MarkedTracks, frames: int) -> dict[str, Any]:
    """Summarize tracks without their boxes.

    Args:
        marked: The tracks.
        frames: Number of frames of the video.

    Returns:
        A JSON object. Its `tracks` has a row per track, ordered by first frame: id, class, number of boxes, mean
        score, and the ranges of frames in which the track has boxes, as a flat list of first and last frames. Its
        `counts` has, per class, the mean number of boxes in every `step` frames.
    """
    tracks = marked.tracks
    order = np.lexsort((tracks.frame, tracks.id))
    ids, frame = tracks.id[order], tracks.frame[order]
    new_id = np.r_[True, np.diff(ids) != 0][: len(ids)]
    range_starts = np.flatnonzero(new_id | np.r_[True, np.diff(frame) != 1][: len(ids)])
    range_ends = np.r_[range_starts[1:], len(ids)][: len(range_starts)] - 1
    ranges = np.stack([frame[range_starts], frame[range_ends]], axis=1)
    track_starts = np.flatnonzero(new_id)
    boxes = np.diff(np.r_[track_starts, len(ids)])
    mean_scores = np.add.reduceat(tracks.score[order], track_starts) / boxes if len(track_starts) else np.empty(0)
    ranges_of_tracks = np.split(ranges, np.searchsorted(range_starts, track_starts[1:])) if len(track_starts) else []
    rows = [
        [track_id, class_id, count, round(score, 4), track_ranges.ravel().tolist()]
        for track_id, class_id, count, score, track_ranges in zip(
            ids[track_starts].tolist(),
            tracks.class_id[order][track_starts].tolist(),
            boxes.tolist(),
            mean_scores.tolist(),
            ranges_of_tracks,
        )
    ]
    step = max(1, -(-frames // MAX_CURVE_POINTS))
    counts = np.zeros((len(tracks.classes), -(-frames // step)))
    inside = tracks.frame < frames
    np.add.at(counts, (tracks.class_id[inside], tracks.frame[inside] // step), 1)
    widths = np.minimum(step, frames - step * np.arange(counts.shape[1]))
    return {
        "classes": list(tracks.classes),
        "frames": frames,
        "frames_per_part": FRAMES_PER_PART,
        "tracks": sorted(rows, key=lambda row: (row[4][0], row[0])),
        "step": step,
        "counts": np.round(counts / widths, 2).tolist(),
        "moments": list(marked.moments),
    }


def encode_part(marked: MarkedTracks, number: int) -> bytes:
    """Encode the boxes of one range of frames, sorted by frame.

    The columns follow one another, with four bytes per value, little-endian: frame, id, class and mark as uint32, then
    score, left, top, right and bottom as float32.
    """
    tracks, marks = marked.tracks, marked.marks
    first, last = np.searchsorted(tracks.frame, [number * FRAMES_PER_PART, (number + 1) * FRAMES_PER_PART])
    rows = slice(first, last)
    mark = np.zeros(last - first) if marks is None else marks[rows]
    integers = np.stack([tracks.frame[rows], tracks.id[rows], tracks.class_id[rows], mark]).astype("<u4")
    floats = np.concatenate([tracks.score[rows][None], tracks.xyxy[rows].T]).astype("<f4")
    return integers.tobytes() + floats.tobytes()
