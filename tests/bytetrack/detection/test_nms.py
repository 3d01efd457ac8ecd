from __future__ import annotations

import numpy as np

from bytetrack.detection.nms import nms


def test_boxes_are_suppressed_per_class_and_the_first_of_equal_scores_wins() -> None:
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    scores = np.array([0.8, 0.9, 0.9, 0.7, 0.1])
    class_ids = np.array([0, 0, 0, 1, 1])
    assert nms(xyxy, scores, class_ids, 0.5).tolist() == [1, 3, 4]


def test_no_boxes() -> None:
    assert nms(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), 0.5).tolist() == []
