"""MOTChallenge's preprocessing: boxes on distractors, such as reflections, are not scored."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from bytetrack.arrays import BoolArray, FloatArray, IntArray
from bytetrack.boxes import box_iou
from bytetrack.scoring.metrics import frame_slices
from bytetrack.tracks import Tracks

MIN_IOU = 0.5  # Boxes with a lower IoU do not match.

# Numbers in the class column of the ground truth.
PEDESTRIAN = 1
MOT17 = (2, 7, 8, 12)  # The distractors: person on vehicle, static person, distractor, reflection.
MOT20 = (2, 6, 7, 8, 12)  # Those of MOT17 and non-motorized vehicle.


def has_distractors(scores: FloatArray, classes: IntArray) -> bool:
    """Return whether ground truth looks like that of MOT16, MOT17 or MOT20.

    In these challenges, only pedestrians are scored: all rows of other classes have score 0, and some of them are
    distractors.

    Args:
        scores: `(N,)` scores of all rows of the file, including those with score 0.
        classes: `(N,)` class numbers of these rows.
    """
    return bool((classes[scores != 0] == PEDESTRIAN).all() and np.isin(classes, MOT20).any())


def match_distractors(truth: Tracks, classes: IntArray, tracks: Tracks, distractors: tuple[int, ...]) -> BoolArray:
    """Find the boxes of tracks that match a distractor, as TrackEval does before it computes metrics.

    In each frame, boxes of tracks are assigned to boxes of the ground truth, regardless of class and score, so that the
    sum of IoUs is largest. Pairs with an IoU below 0.5 do not match.

    Args:
        truth: All rows of the file, including those with score 0.
        classes: `(N,)` class numbers of these rows.
        tracks: Tracks to match.
        distractors: Class numbers of distractors, `MOT17` or `MOT20`.

    Returns:
        `(M,)` mask of the boxes of `tracks` that match a distractor.
    """
    on_distractor = np.zeros(len(tracks), bool)
    frames = np.intersect1d(truth.frame, tracks.frame)
    for truth_slice, track_slice in zip(frame_slices(truth, frames), frame_slices(tracks, frames)):
        iou = box_iou(truth.xyxy[truth_slice], tracks.xyxy[track_slice])
        iou[iou < MIN_IOU - np.finfo(float).eps] = 0
        rows, columns = linear_sum_assignment(iou, maximize=True)
        hit = (iou[rows, columns] > 0) & np.isin(classes[truth_slice][rows], distractors)
        on_distractor[track_slice.start + columns[hit]] = True
    return on_distractor
