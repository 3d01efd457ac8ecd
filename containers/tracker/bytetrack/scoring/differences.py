"""Where tracks differ from the truth, box by box: missed, false, and under another id than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import box_iou
from bytetrack.scoring.metrics import frame_slices, frames_to_score, match_classes
from bytetrack.tracks import Tracks

UNCOUNTED, MATCHED, MISSED, FALSE, SWITCHED = range(5)
NAMES = {MISSED: "missed", FALSE: "false", SWITCHED: "switched"}
THRESHOLD = 0.5  # of the IoU from which two boxes match
KEPT = 1000.0  # weighs more than any overlap: who matched in the frame before goes on matching


class Moment(NamedTuple):
    """Frames `first` to `last` in a row, all counted, in which the same thing is wrong with the same object.

    `kind` is MISSED, FALSE or SWITCHED; `id` is the truth's for MISSED and the track's for the others.
    """

    first: int
    last: int
    kind: int
    id: int


@dataclass(frozen=True)
class Differences:
    """What became of each box.

    Attributes:
        truth: `(N,)` uint8 per box of the truth: MATCHED, MISSED, or UNCOUNTED.
        tracks: `(M,)` uint8 per box of the tracks: MATCHED, FALSE, SWITCHED (matched, but the object had another track
            when it was last matched), or UNCOUNTED.
        moments: in the order of their first frames.
    """

    truth: np.ndarray
    tracks: np.ndarray
    moments: list[Moment]


def find_differences(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> Differences:
    """Match boxes as the CLEAR metrics do, so that what is marked adds up to FN, FP and IDSW.

    Args:
        frames: how many the video has.
        labeled_frames: those to count, where the truth does not cover all.

    Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance, 2008.
    """
    counted = frames_to_score(frames, labeled_frames)
    of_truth = np.full(len(truth), UNCOUNTED, np.uint8)
    of_tracks = np.full(len(tracks), UNCOUNTED, np.uint8)
    for class_id, (_, same) in enumerate(match_classes(truth.classes, tracks.classes)):
        _mark(
            _Side(truth, np.flatnonzero(truth.class_id == class_id), counted, of_truth),
            _Side(tracks, np.flatnonzero(np.isin(tracks.class_id, same)), counted, of_tracks),
        )
    moments = [
        *_moments(truth, of_truth, MISSED, counted),
        *_moments(tracks, of_tracks, FALSE, counted),
        *_moments(tracks, of_tracks, SWITCHED, counted),
    ]
    return Differences(of_truth, of_tracks, sorted(moments))


class _Side:
    """The boxes of one class, with their rows in the whole table and the marks to set there."""

    def __init__(self, table: Tracks, rows: np.ndarray, counted: np.ndarray, marks: np.ndarray) -> None:
        self.rows, self.marks = rows, marks
        self.boxes = table.select(rows)
        self.of_frames = frame_slices(self.boxes, counted)


def _mark(truth: _Side, tracks: _Side) -> None:
    before: dict[int, int] = {}  # the truth's id → the track that it matched when it last matched
    in_last_frame: dict[int, int] = {}  # the same, of the frame before only
    for a, b in zip(truth.of_frames, tracks.of_frames):
        truth.marks[truth.rows[a]], tracks.marks[tracks.rows[b]] = MISSED, FALSE
        ids, others = truth.boxes.id[a].tolist(), tracks.boxes.id[b].tolist()
        if not ids or not others:
            continue
        shares = box_iou(truth.boxes.xyxy[a], tracks.boxes.xyxy[b])
        going_on = np.array([[in_last_frame.get(id) == other for other in others] for id in ids]).reshape(shares.shape)
        possible = shares >= THRESHOLD - np.finfo(float).eps
        value = np.where(possible, shares + KEPT * going_on, 0)
        in_last_frame = {}
        for i, j in zip(*linear_sum_assignment(value, maximize=True)):
            if not possible[i, j]:
                continue
            switched = before.get(ids[i], others[j]) != others[j]
            truth.marks[truth.rows[a][i]] = MATCHED
            tracks.marks[tracks.rows[b][j]] = SWITCHED if switched else MATCHED
            before[ids[i]] = in_last_frame[ids[i]] = others[j]


def _moments(table: Tracks, marks: np.ndarray, kind: int, counted: np.ndarray) -> list[Moment]:
    """Runs of counted frames in which boxes of one id have this mark."""
    rows = np.flatnonzero(marks == kind)
    rows = rows[np.lexsort((table.frame[rows], table.id[rows]))]
    ids, frame = table.id[rows], table.frame[rows]
    place = np.searchsorted(counted, frame)
    begins = np.flatnonzero(np.r_[True, (np.diff(ids) != 0) | (np.diff(place) != 1)][: len(rows)])
    ends = np.r_[begins[1:], len(rows)][: len(begins)] - 1
    bounds = zip(frame[begins].tolist(), frame[ends].tolist(), ids[begins].tolist())
    return [Moment(first, last, kind, id) for first, last, id in bounds]
