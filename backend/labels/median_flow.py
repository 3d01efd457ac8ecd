"""Where a box goes in the next frames, from the picture alone: median flow.

Kalal, Mikolajczyk and Matas, Forward-Backward Error: Automatic Detection of Tracking Failures, ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

POINTS = 12  # along each side of the grid within the box
WINDOW = (21, 21)  # pixels around a point that are looked for in the next frame
LEVELS = 4  # of the pyramid: for motion of up to about 20 * 2^4 pixels
LOST = 8.0  # pixels that points miss themselves by, there and back, in the median, where the object is lost
SMALLEST = 4  # pixels


def follow_box(pictures: Iterable[np.ndarray], xyxy: np.ndarray) -> Iterator[np.ndarray]:
    """The box in each picture after the first, for as long as it can be followed.

    Args:
        pictures: `(H, W)` uint8 gray, or `(H, W, 3)` BGR.
        xyxy: `(4,)` float64 in the first of them.

    Yields:
        `(4,)` float64 xyxy, within the picture.
    """
    box, before = np.asarray(xyxy, float), None
    for picture in pictures:
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
        if before is not None:
            moved = _moved(before, gray, box)
            if moved is None:
                return
            height, width = gray.shape
            box = moved
            inside = box.clip(0, [width, height, width, height])
            if (inside[2:] - inside[:2]).min() < SMALLEST:  # it left the picture
                return
            yield inside
        before = gray


def _moved(before: np.ndarray, after: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """The box's new place and size: the medians of how points within it move, and of how they move apart."""
    places = (np.arange(POINTS) + 0.5) / POINTS
    grid = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
    points = (box[:2] + grid * (box[2:] - box[:2])).astype(np.float32)[:, None]
    there, found = _flow(before, after, points)
    back, found_back = _flow(after, before, there)
    good = found & found_back
    if good.sum() < POINTS:
        return None
    start, end = points[good, 0].astype(float), there[good, 0].astype(float)
    error = np.linalg.norm(start - back[good, 0], axis=1)
    if np.median(error) > LOST:
        return None
    best = error <= np.median(error)
    start, end = start[best], end[best]
    shift = np.median(end - start, axis=0)
    one, other = np.triu_indices(len(start), 1)
    far = np.linalg.norm(start[one] - start[other], axis=1)
    scale = (
        float(np.median(np.linalg.norm(end[one] - end[other], axis=1)[far > 0] / far[far > 0])) if far.any() else 1.0
    )
    grown = (box[2:] - box[:2]) * (scale - 1) / 2
    return box + np.concatenate([shift - grown, shift + grown])


def _flow(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `(N, 1, 2)` points are in the next frame, and `(N,)` bool: whether they were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=WINDOW, maxLevel=LEVELS
    )
    return np.asarray(there), np.asarray(found)[:, 0] == 1
