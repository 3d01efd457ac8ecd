"""Follow a box through a video by optical flow: the median flow tracker.

Kalal, Mikolajczyk and Matas, Forward-Backward Error: Automatic Detection of Tracking Failures, ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from bytetrack.arrays import BoolArray, FloatArray

GRID_POINTS = 12  # along each side of the grid of points in the box
WINDOW_PIXELS = (21, 21)  # size of the patch around each point that is searched for in the next frame
PYRAMID_LEVELS = 4  # for motion of up to about 20 * 2^4 pixels between frames
MAX_ERROR_PIXELS = 8.0  # the object is lost if the median forward-backward error of its points exceeds this
MIN_SIDE_PIXELS = 4  # of the part of the box that is inside the frame

Image = NDArray[np.uint8]


def follow_box(images: Iterable[Image], xyxy: FloatArray) -> Iterator[FloatArray]:
    """Follow a box from the first image until the object is lost or leaves the frame.

    Args:
        images: Consecutive frames, `(H, W)` grayscale or `(H, W, 3)` BGR.
        xyxy: `(4,)` box in the first image.

    Yields:
        `(4,)` box in each image after the first, clipped to the frame.
    """
    box = np.asarray(xyxy, np.float64)
    previous: Image | None = None
    for image in images:
        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8) if image.ndim == 3 else image
        if previous is not None:
            moved = _move_box(previous, gray, box)
            if moved is None:
                return
            box = moved
            height, width = gray.shape
            visible = box.clip(0, [width, height, width, height])
            if (visible[2:] - visible[:2]).min() < MIN_SIDE_PIXELS:
                return
            yield visible
        previous = gray


def _move_box(previous: Image, current: Image, box: FloatArray) -> FloatArray | None:
    """Return the `(4,)` box in the current frame, None if the object is lost.

    The box moves by the median displacement of the points in it, and scales by the median change of the distances
    between them. Only the half of the points with the smaller forward-backward error counts.
    """
    steps = (np.arange(GRID_POINTS) + 0.5) / GRID_POINTS
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    points = (box[:2] + grid * (box[2:] - box[:2])).astype(np.float32)[:, None]
    forward, is_found_forward = _optical_flow(previous, current, points)
    backward, is_found_backward = _optical_flow(current, previous, forward)
    is_found = is_found_forward & is_found_backward
    if is_found.sum() < GRID_POINTS:
        return None
    start = points[is_found, 0].astype(np.float64)
    end = forward[is_found, 0].astype(np.float64)
    error = np.linalg.norm(start - backward[is_found, 0], axis=1)
    if np.median(error) > MAX_ERROR_PIXELS:
        return None
    is_reliable = error <= np.median(error)
    start, end = start[is_reliable], end[is_reliable]
    displacement = np.median(end - start, axis=0)
    growth = (box[2:] - box[:2]) * (_median_scale(start, end) - 1) / 2
    moved: FloatArray = box + np.concatenate([displacement - growth, displacement + growth])
    return moved


def _median_scale(start: FloatArray, end: FloatArray) -> float:
    """Return the median factor by which the distances between `(N, 2)` points change."""
    first, second = np.triu_indices(len(start), 1)
    before = np.linalg.norm(start[first] - start[second], axis=1)
    after = np.linalg.norm(end[first] - end[second], axis=1)
    is_apart = before > 0
    return float(np.median(after[is_apart] / before[is_apart])) if is_apart.any() else 1.0


def _optical_flow(
    previous: Image, current: Image, points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], BoolArray]:
    """Return where `(N, 1, 2)` points are in the current frame, and `(N,)` whether they were found."""
    moved, is_found, _ = cv2.calcOpticalFlowPyrLK(
        previous, current, points, np.empty_like(points), winSize=WINDOW_PIXELS, maxLevel=PYRAMID_LEVELS
    )
    return np.asarray(moved, np.float32), np.asarray(is_found)[:, 0] == 1
