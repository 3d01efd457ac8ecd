from __future__ import annotations

import numpy as np
import pytest

from bytetrack.tracking import kalman

BOX = np.dtype([("xyxy", "f8", 4), kalman.STATE])
BOXES = np.array([[10.0, 20.0, 50.0, 120.0], [300.0, 10.0, 340.0, 30.0]])


def dense_noise(height: float, weight: float, aspect: float) -> np.ndarray:
    return np.array([weight * height, weight * height, aspect, weight * height]) ** 2


class DenseFilter:
    """The 8x8 filter of the DeepSORT paper for one box, written down without any shortcut."""

    motion = np.eye(8) + np.eye(8, k=4)
    measure = np.eye(4, 8)

    def __init__(self, xyah: np.ndarray) -> None:
        self.mean = np.concatenate([xyah, np.zeros(4)])
        self.covariance = np.diag(
            np.concatenate([dense_noise(xyah[3], 2 / 20, 1e-2), dense_noise(xyah[3], 10 / 160, 1e-5)])
        )

    def predict(self) -> None:
        height = self.mean[3]
        noise = np.diag(np.concatenate([dense_noise(height, 1 / 20, 1e-2), dense_noise(height, 1 / 160, 1e-5)]))
        self.mean = self.motion @ self.mean
        self.covariance = self.motion @ self.covariance @ self.motion.T + noise

    def update(self, xyah: np.ndarray) -> None:
        noise = np.diag(dense_noise(self.mean[3], 1 / 20, 1e-1))
        innovation = self.measure @ self.covariance @ self.measure.T + noise
        gain = self.covariance @ self.measure.T @ np.linalg.inv(innovation)
        self.mean = self.mean + gain @ (xyah - self.mean[:4])
        self.covariance = self.covariance - gain @ innovation @ gain.T


def started(xyxy: np.ndarray) -> np.ndarray:
    tracks = seen(xyxy)
    kalman.initiate(tracks)
    return tracks


def seen(xyxy: np.ndarray) -> np.ndarray:
    boxes = np.zeros(len(xyxy), BOX)
    boxes["xyxy"] = xyxy
    return boxes


def to_xyah(xyxy: np.ndarray) -> np.ndarray:
    left, top, right, bottom = xyxy.T
    return np.column_stack([(left + right) / 2, (top + bottom) / 2, (right - left) / (bottom - top), bottom - top])


EVERY = np.arange(len(BOXES))


def test_the_steps_equal_those_of_the_dense_filter() -> None:
    random = np.random.default_rng(0)
    tracks, dense = started(BOXES), [DenseFilter(box) for box in to_xyah(BOXES)]
    for step in range(20):
        kalman.predict(tracks, EVERY)
        for each in dense:
            each.predict()
        if step % 4:  # every fourth frame nothing is seen
            xyxy = BOXES + random.normal(0, 3, (2, 4)) + 2 * step
            kalman.update(tracks, EVERY, seen(xyxy), EVERY)
            for each, box in zip(dense, to_xyah(xyxy)):
                each.update(box)
        means = np.array([each.mean.reshape(2, 4) for each in dense])
        variances = np.array([np.diag(each.covariance)[:4] for each in dense])
        assert tracks["state"][:, :2] == pytest.approx(means, abs=1e-9)
        assert tracks["state"][:, kalman.VARIANCE] == pytest.approx(variances, rel=1e-9)
        assert to_xyah(tracks["xyxy"]) == pytest.approx(means[:, 0])


def test_a_steady_motion_is_learned() -> None:
    tracks = started(BOXES)
    for step in range(1, 31):
        kalman.predict(tracks, EVERY)
        kalman.update(tracks, EVERY, seen(BOXES + 5 * step), EVERY)
    assert tracks["state"][:, kalman.VELOCITY, kalman.X] == pytest.approx([5, 5], abs=0.2)


def test_only_the_given_rows_are_moved_and_matched_one_for_one() -> None:
    tracks = started(BOXES)
    kalman.predict(tracks, EVERY[1:])
    kalman.update(tracks, EVERY[1:], seen(BOXES[::-1] + 5), EVERY[:1])
    assert (tracks["xyxy"][0] == BOXES[0]).all()
    assert tracks["xyxy"][1] == pytest.approx(BOXES[1] + 5, abs=1)


def test_no_boxes_are_no_trouble() -> None:
    tracks = started(np.empty((0, 4)))
    kalman.predict(tracks, EVERY[:0])
    kalman.update(tracks, EVERY[:0], tracks, EVERY[:0])
