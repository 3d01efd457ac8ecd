"""MOTChallenge's preprocessing: boxes on distractors, such as reflections, are neither right nor wrong."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import box_iou
from bytetrack.scoring.metrics import frame_slices
from bytetrack.tracks import Tracks

MIN_IOU = 0.5
# Numbers in the class column.
PEDESTRIAN = 1
MOT17 = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection
MOT20 = (2, 6, 7, 8, 12)  # non-motorized vehicle, too


def has_distractors(scores: np.ndarray, classes: np.ndarray) -> bool:
    """Tell MOT16, MOT17 or MOT20 ground truth from other data that has several classes.

    In the challenge, only pedestrians count: rows of all other classes have score 0, and some are distractors. A class
    that is to be scored has rows with another score.

    Args:
        scores: `(N,)` of all rows of the file, those with score 0 included.
        classes: `(N,)` int, their class numbers.
    """
    return bool((classes[scores != 0] == PEDESTRIAN).all() and np.isin(classes, MOT20).any())


def match_distractors(truth: Tracks, classes: np.ndarray, tracks: Tracks, distractors: tuple[int, ...]) -> np.ndarray:
    """Find the boxes of tracks that match a distractor.

    In each frame, boxes of tracks are assigned to all boxes of the truth, whatever their class and score, so that the
    sum of IoUs is largest; pairs with an IoU below 0.5 do not match. TrackEval does the same before it scores.

    Args:
        truth: All rows of the file, those with score 0 included.
        classes: `(N,)` int, their class numbers.
        distractors: Class numbers, `MOT17` or `MOT20`.

    Returns:
        `(M,)` bool, one per box of `tracks`.
    """
    found = np.zeros(len(tracks), bool)
    frames = np.intersect1d(truth.frame, tracks.frame)
    for a, b in zip(frame_slices(truth, frames), frame_slices(tracks, frames)):
        shares = box_iou(truth.xyxy[a], tracks.xyxy[b])
        shares[shares < MIN_IOU - np.finfo(float).eps] = 0
        rows, columns = linear_sum_assignment(shares, maximize=True)
        hit = (shares[rows, columns] > 0) & np.isin(classes[a][rows], distractors)
        found[b.start + columns[hit]] = True
    return found
