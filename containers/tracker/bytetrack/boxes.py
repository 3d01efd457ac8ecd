"""Boxes as `(N, 4)` arrays of left, top, right and bottom in pixels."""

from __future__ import annotations

import numpy as np


def overlap(a: np.ndarray, b: np.ndarray, border: float = 0.0) -> np.ndarray:
    """`(N, M)` intersection over union of `(N, 4)` and `(M, 4)` xyxy boxes.

    A box turned inside out, which a filter can predict, overlaps nothing.

    Args:
        border: added to every width and height: 1 takes corners for pixels that belong to the box, as PASCAL VOC does.
    """
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    opposite = np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.maximum(opposite - corner + border, 0).prod(axis=2)
    union = _area(a, border)[:, None] + _area(b, border)[None, :] - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def _area(boxes: np.ndarray, border: float) -> np.ndarray:
    return np.maximum(boxes[:, 2:] - boxes[:, :2] + border, 0).prod(axis=1)
