"""Operations on bounding boxes: `(N, 4)` arrays of left, top, right and bottom in pixels."""

from __future__ import annotations

import numpy as np

from bytetrack.arrays import FloatArray
from bytetrack.compiled import compiled


@compiled
def box_iou(a: FloatArray, b: FloatArray, border: float = 0.0) -> FloatArray:
    """Compute the intersection over union (IoU) of all pairs of boxes.

    The IoU of an inverted box, whose right is left of its left or whose bottom is above its top, is 0 with every other
    box. A Kalman filter can predict such boxes.

    Args:
        a: `(N, 4)` boxes.
        b: `(M, 4)` boxes.
        border: Pixels added to every width and height. 1 treats right and bottom as the last pixels inside the box, as
            PASCAL VOC does.

    Returns:
        `(N, M)` IoUs in 0..1.
    """
    iou = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        area = max(a[i, 2] - a[i, 0] + border, 0.0) * max(a[i, 3] - a[i, 1] + border, 0.0)
        for j in range(len(b)):
            width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0]) + border
            height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1]) + border
            if width > 0 and height > 0:
                other_area = (b[j, 2] - b[j, 0] + border) * (b[j, 3] - b[j, 1] + border)
                iou[i, j] = width * height / (area + other_area - width * height)
    return iou
