from __future__ import annotations

import cv2
import numpy as np

from backend.labels.median_flow import follow_box
from bytetrack.boxes import box_iou

WIDTH, HEIGHT = 320, 240


def render(boxes: list[list[float]]) -> list[np.ndarray]:
    """Return grayscale images of a textured object that fills one box each, on a textured background."""
    texture = np.random.default_rng(1).integers(90, 255, (8, 8), np.uint8)
    background = np.random.default_rng(2).integers(0, 90, (HEIGHT // 8, WIDTH // 8), np.uint8)
    images = []
    for left, top, right, bottom in np.array(boxes).round().astype(int):
        image = cv2.resize(background, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        whole = cv2.resize(texture, (int(right - left), int(bottom - top)), interpolation=cv2.INTER_CUBIC)
        visible = whole[: max(0, HEIGHT - top), : max(0, WIDTH - left)]
        image[top : top + visible.shape[0], left : left + visible.shape[1]] = visible
        images.append(image)
    return images


def test_an_object_that_moves_and_grows_is_followed() -> None:
    boxes = [[20 + 7 * n, 30 + 3 * n, 80 + 7 * n + n, 110 + 3 * n + n] for n in range(25)]
    followed = list(follow_box(render(boxes), np.array(boxes[0], float)))
    assert len(followed) == 24
    ious = [box_iou(np.array([box]), np.array([true], float))[0, 0] for box, true in zip(followed, boxes[1:])]
    assert min(ious) > 0.8


def test_following_ends_when_the_object_leaves_the_frame() -> None:
    boxes = [[200 + 10 * n, 60, 260 + 10 * n, 120] for n in range(12)]
    followed = list(follow_box(render(boxes), np.array(boxes[0], float)))
    assert 5 <= len(followed) <= 11
    assert all(0 <= box[0] < box[2] <= WIDTH for box in followed)


def test_following_ends_when_the_scene_changes() -> None:
    boxes = [[100, 60, 160, 120]] * 4
    noise = [np.random.default_rng(n).integers(0, 255, (HEIGHT, WIDTH), np.uint8) for n in range(4)]
    followed = list(follow_box([*render(boxes), *noise], np.array(boxes[0], float)))
    assert len(followed) == 3 and np.abs(followed[-1] - boxes[0]).max() < 1


def test_color_images_give_the_same_boxes_as_grayscale_images() -> None:
    boxes = [[20 + 4 * n, 30, 80 + 4 * n, 110] for n in range(4)]
    gray = list(follow_box(render(boxes), np.array(boxes[0], float)))
    colored = [cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) for image in render(boxes)]
    np.testing.assert_allclose(list(follow_box(colored, np.array(boxes[0], float))), gray, atol=0.5)
