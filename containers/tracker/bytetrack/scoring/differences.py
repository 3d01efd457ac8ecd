"""Errors of tracks against ground truth, box by box: misses, false positives and ID switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bytetrack.arrays import IntArray
from bytetrack.boxes import box_iou
from bytetrack.scoring.metrics import frame_slices, frames_to_score, match_classes
from bytetrack.tracks import Tracks

MIN_IOU = 0.5  # Boxes with a lower IoU do not match.
CONTINUATION_BONUS = 1000.0  # Outweighs any IoU, so that pairs matched in the previous frame stay matched.

MarkArray = NDArray[np.uint8]  # values of `Mark`


class Mark(IntEnum):
    """Result of the comparison for one box."""

    IGNORED = 0  # in a frame, or of a class, that is not scored
    MATCHED = 1
    MISSED = 2  # a box of the ground truth without a track
    FALSE_POSITIVE = 3  # a box of a track without ground truth
    SWITCHED = 4  # matched, but the object had another id when it was last matched


class Moment(NamedTuple):
    """Consecutive scored frames with the same error of the same object.

    Attributes:
        first: First frame.
        last: Last frame, included.
        kind: `MISSED`, `FALSE_POSITIVE` or `SWITCHED`.
        id: Id of the object in the ground truth for `MISSED`, otherwise id of the track.
    """

    first: int
    last: int
    kind: Mark
    id: int


@dataclass(frozen=True)
class Differences:
    """Comparison of tracks with ground truth.

    Attributes:
        truth: `(N,)` uint8 marks of the boxes of the ground truth: `MATCHED`, `MISSED` or `IGNORED`.
        tracks: `(M,)` uint8 marks of the boxes of the tracks: `MATCHED`, `FALSE_POSITIVE`, `SWITCHED` or `IGNORED`.
        moments: All errors, in the order of their first frames.
    """

    truth: MarkArray
    tracks: MarkArray
    moments: list[Moment]


def find_differences(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> Differences:
    """Match boxes as the CLEAR metrics do, so that the numbers of marks equal FN, FP and IDSW.

    Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance, 2008.

    Args:
        truth: Ground truth.
        tracks: Tracks to compare with it.
        frames: Number of frames in the video.
        labeled_frames: Frames to score, if the ground truth does not cover all.
    """
    scored_frames = frames_to_score(frames, labeled_frames)
    truth_marks = np.full(len(truth), Mark.IGNORED, np.uint8)
    track_marks = np.full(len(tracks), Mark.IGNORED, np.uint8)
    for class_id, (_, track_class_ids) in enumerate(match_classes(truth.classes, tracks.classes)):
        _mark_class(
            _ClassBoxes(truth, np.flatnonzero(truth.class_id == class_id), scored_frames, truth_marks),
            _ClassBoxes(tracks, np.flatnonzero(np.isin(tracks.class_id, track_class_ids)), scored_frames, track_marks),
        )
    moments = [
        *_moments(truth, truth_marks, Mark.MISSED, scored_frames),
        *_moments(tracks, track_marks, Mark.FALSE_POSITIVE, scored_frames),
        *_moments(tracks, track_marks, Mark.SWITCHED, scored_frames),
    ]
    return Differences(truth_marks, track_marks, sorted(moments))


class _ClassBoxes:
    """The boxes of one class, and the marks of all boxes."""

    def __init__(self, table: Tracks, rows: IntArray, scored_frames: IntArray, marks: MarkArray) -> None:
        self.boxes = table.select(rows)
        self.slices = frame_slices(self.boxes, scored_frames)
        self._rows, self._marks = rows, marks

    def set_mark(self, boxes: slice | int, mark: Mark) -> None:
        """Mark some of `self.boxes`."""
        self._marks[self._rows[boxes]] = mark


def _mark_class(truth: _ClassBoxes, tracks: _ClassBoxes) -> None:
    last_match: dict[int, int] = {}  # Id in the ground truth → id of the track when it was last matched.
    previous_frame: dict[int, int] = {}  # The same for matches in the previous frame with boxes on both sides.
    for truth_slice, track_slice in zip(truth.slices, tracks.slices):
        truth.set_mark(truth_slice, Mark.MISSED)
        tracks.set_mark(track_slice, Mark.FALSE_POSITIVE)
        truth_ids, track_ids = truth.boxes.id[truth_slice].tolist(), tracks.boxes.id[track_slice].tolist()
        if not truth_ids or not track_ids:
            continue
        iou = box_iou(truth.boxes.xyxy[truth_slice], tracks.boxes.xyxy[track_slice])
        continues = np.array([[previous_frame.get(i) == j for j in track_ids] for i in truth_ids]).reshape(iou.shape)
        can_match = iou >= MIN_IOU - np.finfo(float).eps
        value = np.where(can_match, iou + CONTINUATION_BONUS * continues, 0)
        previous_frame = {}
        for row, column in zip(*linear_sum_assignment(value, maximize=True)):
            if not can_match[row, column]:
                continue
            truth_id, track_id = truth_ids[row], track_ids[column]
            is_switch = last_match.get(truth_id, track_id) != track_id
            truth.set_mark(truth_slice.start + row, Mark.MATCHED)
            tracks.set_mark(track_slice.start + column, Mark.SWITCHED if is_switch else Mark.MATCHED)
            last_match[truth_id] = previous_frame[truth_id] = track_id


def _moments(table: Tracks, marks: MarkArray, mark: Mark, scored_frames: IntArray) -> list[Moment]:
    """Find runs of consecutive scored frames in which boxes of the same id have this mark."""
    rows = np.flatnonzero(marks == mark)
    rows = rows[np.lexsort((table.frame[rows], table.id[rows]))]
    ids, frame = table.id[rows], table.frame[rows]
    position = np.searchsorted(scored_frames, frame)
    starts = np.flatnonzero(np.r_[True, (np.diff(ids) != 0) | (np.diff(position) != 1)][: len(rows)])
    ends = np.r_[starts[1:], len(rows)][: len(starts)] - 1
    runs = zip(frame[starts].tolist(), frame[ends].tolist(), ids[starts].tolist())
    return [Moment(first, last, mark, object_id) for first, last, object_id in runs]
