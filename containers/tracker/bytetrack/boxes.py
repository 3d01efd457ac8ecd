"""Boxes as `(N, 4)` arrays of left, top, right and bottom in pixels."""

from __future__ import annotations

import numpy as np

from bytetrack.compiled import compiled


@compiled
def box_iou(a: np.ndarray, b: np.ndarray, border: float = 0.0) -> np.ndarray:
    """`(N, M)` intersection over union of `(N, 4)` and `(M, 4)` float64 xyxy boxes.

    A box turned inside out, which a filter can predict, overlaps nothing.

    Args:
        border: added to every width and height: 1 takes corners for pixels that belong to the box, as PASCAL VOC does.
    """
    shares = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        area = max(a[i, 2] - a[i, 0] + border, 0.0) * max(a[i, 3] - a[i, 1] + border, 0.0)
        for j in range(len(b)):
            width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0]) + border
            height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1]) + border
            if width > 0 and height > 0:
                other_area = (b[j, 2] - b[j, 0] + border) * (b[j, 3] - b[j, 1] + border)
                shares[i, j] = width * height / (area + other_area - width * height)
    return shares
