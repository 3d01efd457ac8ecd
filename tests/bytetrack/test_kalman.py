from __future__ import annotations

import numpy as np
import pytest

from bytetrack import kalman

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


def test_boxes_survive_the_change_of_coordinates() -> None:
    state = kalman.initiate(kalman.to_xyah(BOXES))
    assert kalman.to_xyxy(state) == pytest.approx(BOXES)


def test_the_steps_equal_those_of_the_dense_filter() -> None:
    random = np.random.default_rng(0)
    xyah = kalman.to_xyah(BOXES)
    state, dense = kalman.initiate(xyah), [DenseFilter(box) for box in xyah]
    for step in range(20):
        state = kalman.predict(state)
        for each in dense:
            each.predict()
        if step % 4:  # every fourth frame nothing is seen
            seen = xyah + random.normal(0, [3, 3, 0.02, 3], (2, 4)) + [2 * step, step, 0, 0]
            state = kalman.update(state, seen)
            for each, box in zip(dense, seen):
                each.update(box)
        means = np.array([each.mean.reshape(2, 4) for each in dense])
        variances = np.array([np.diag(each.covariance)[:4] for each in dense])
        assert state[:, :2] == pytest.approx(means, abs=1e-9)
        assert state[:, kalman.VARIANCE] == pytest.approx(variances, rel=1e-9)


def test_a_steady_motion_is_learned() -> None:
    state = kalman.initiate(kalman.to_xyah(BOXES))
    for step in range(1, 31):
        state = kalman.update(kalman.predict(state), kalman.to_xyah(BOXES + 5 * step))
    assert state[:, kalman.VELOCITY, kalman.X] == pytest.approx([5, 5], abs=0.2)


def test_no_boxes_are_no_trouble() -> None:
    state = kalman.initiate(np.empty((0, 4)))
    assert kalman.to_xyxy(kalman.update(kalman.predict(state), np.empty((0, 4)))).shape == (0, 4)
