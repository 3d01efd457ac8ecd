from __future__ import annotations

import numpy as np
import pytest

from bytetrack.boxes import box_iou


def test_the_iou_of_each_pair_is_computed_and_0_for_inverted_boxes() -> None:
    a = np.array([[0.0, 0, 10, 10], [20, 20, 10, 10]])
    b = np.array([[5.0, 0, 15, 10], [100, 100, 110, 110]])
    assert box_iou(a, b) == pytest.approx(np.array([[1 / 3, 0], [0, 0]]))
    assert box_iou(a[:1], a[:1], border=1) == pytest.approx(1)
    assert box_iou(a[:0], b).shape == (0, 2)
