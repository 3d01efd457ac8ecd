from __future__ import annotations

import cv2
import numpy as np

from backend.labels.median_flow import follow_box
from bytetrack.boxes import box_iou

WIDTH, HEIGHT = 320, 240


def pictures(boxes: list[list[float]]) -> list[np.ndarray]:
    """A textured object that fills the boxes, before a ground of another texture."""
    texture = np.random.default_rng(1).integers(90, 255, (8, 8), np.uint8)
    ground = np.random.default_rng(2).integers(0, 90, (HEIGHT // 8, WIDTH // 8), np.uint8)
    found = []
    for left, top, right, bottom in np.array(boxes).round().astype(int):
        picture = cv2.resize(ground, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        drawn = cv2.resize(texture, (int(right - left), int(bottom - top)), interpolation=cv2.INTER_CUBIC)
        seen = drawn[: max(0, HEIGHT - top), : max(0, WIDTH - left)]
        picture[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
        found.append(picture)
    return found


def test_an_object_that_moves_and_grows_is_followed() -> None:
    boxes = [[20 + 7 * n, 30 + 3 * n, 80 + 7 * n + n, 110 + 3 * n + n] for n in range(25)]
    found = list(follow_box(pictures(boxes), np.array(boxes[0], float)))
    assert len(found) == 24
    assert min(box_iou(np.array([box]), np.array([true], float))[0, 0] for box, true in zip(found, boxes[1:])) > 0.8


def test_it_ends_where_the_object_leaves_the_picture() -> None:
    boxes = [[200 + 10 * n, 60, 260 + 10 * n, 120] for n in range(12)]
    found = list(follow_box(pictures(boxes), np.array(boxes[0], float)))
    assert 5 <= len(found) <= 11
    assert all(0 <= box[0] < box[2] <= WIDTH for box in found)


def test_it_ends_where_the_scene_changes() -> None:
    boxes = [[100, 60, 160, 120]] * 4
    noise = [np.random.default_rng(n).integers(0, 255, (HEIGHT, WIDTH), np.uint8) for n in range(4)]
    found = list(follow_box([*pictures(boxes), *noise], np.array(boxes[0], float)))
    assert len(found) == 3 and np.abs(found[-1] - boxes[0]).max() < 1


def test_colors_are_taken_as_well() -> None:
    boxes = [[20 + 4 * n, 30, 80 + 4 * n, 110] for n in range(4)]
    gray = list(follow_box(pictures(boxes), np.array(boxes[0], float)))
    colored = [cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) for picture in pictures(boxes)]
    np.testing.assert_allclose(list(follow_box(colored, np.array(boxes[0], float))), gray, atol=0.5)
