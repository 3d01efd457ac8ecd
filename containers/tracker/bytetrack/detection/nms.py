"""Non-maximum suppression (NMS)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bytetrack.arrays import FloatArray, IntArray


def nms(xyxy: FloatArray, scores: NDArray[np.floating], class_ids: IntArray, iou_threshold: float) -> IntArray:
    """Suppress duplicate boxes within each class.

    Args:
        xyxy: `(N, 4)` boxes.
        scores: `(N,)`; of two equal scores, the box that comes first wins.
        class_ids: `(N,)`.
        iou_threshold: Of two boxes of a class with a higher IoU than this, the one with the lower score is suppressed.

    Returns:
        `(M,)` indices of the remaining boxes, highest score first.
    """
    if not len(xyxy):
        return np.empty(0, np.int64)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    # OpenCV's type stubs ask for lists, but it also accepts arrays, which spares a Python object for each number.
    indices = cv2.dnn.NMSBoxesBatched(
        xywh,  # type: ignore[arg-type]
        scores.astype(np.float32),  # type: ignore[arg-type]
        class_ids,  # type: ignore[arg-type]
        -1.0,
        iou_threshold,
    )
    return np.asarray(indices, np.int64).reshape(-1)
