"""Which track goes with which detection."""

from __future__ import annotations

import lap
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


def assign(cost: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of least total cost, where leaving a row and a column alone costs `limit`.

    Args:
        cost: `(N, M)` float64.

    Returns:
        The `(K,)` int64 rows, ascending, and the `(K,)` int64 columns that they go with.
    """
    if cost.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, column_of_row, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    rows = np.flatnonzero(column_of_row >= 0)
    return rows, column_of_row[rows].astype(np.int64)


def _area(boxes: np.ndarray, border: float) -> np.ndarray:
    return np.maximum(boxes[:, 2:] - boxes[:, :2] + border, 0).prod(axis=1)
