"""The Kalman filter equals a filter with full matrices."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack.tracking import kalman

BOX = np.dtype([("xyxy", "f8", 4), kalman.STATE])
BOXES = np.array([[10.0, 20.0, 50.0, 120.0], [300.0, 10.0, 340.0, 30.0]])


def dense_noise(height: float, weight: float, aspect: float) -> np.ndarray:
    """Return the `(4,)` variances of x, y, aspect ratio and height."""
    return np.array([weight * height, weight * height, aspect, weight * height]) ** 2


class DenseFilter:
    """The Kalman filter of the DeepSORT paper for one box, with 8x8 matrices."""

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


def initiated(xyxy: np.ndarray) -> np.ndarray:
    tracks = records(xyxy)
    kalman.initiate(tracks)
    return tracks


def records(xyxy: np.ndarray) -> np.ndarray:
    boxes = np.zeros(len(xyxy), BOX)
    boxes["xyxy"] = xyxy
    return boxes


def to_xyah(xyxy: np.ndarray) -> np.ndarray:
    left, top, right, bottom = xyxy.T
    return np.column_stack([(left + right) / 2, (top + bottom) / 2, (right - left) / (bottom - top), bottom - top])


ALL = np.arange(len(BOXES))


def test_all_steps_equal_those_of_the_dense_filter() -> None:
    random = np.random.default_rng(0)
    tracks, dense = initiated(BOXES), [DenseFilter(box) for box in to_xyah(BOXES)]
    for step in range(20):
        kalman.predict(tracks, ALL)
        for dense_filter in dense:
            dense_filter.predict()
        if step % 4:  # In every fourth frame there is no detection.
            xyxy = BOXES + random.normal(0, 3, (2, 4)) + 2 * step
            kalman.update(tracks, ALL, records(xyxy), ALL)
            for dense_filter, box in zip(dense, to_xyah(xyxy)):
                dense_filter.update(box)
        means = np.array([dense_filter.mean.reshape(2, 4) for dense_filter in dense])
        variances = np.array([np.diag(dense_filter.covariance)[:4] for dense_filter in dense])
        assert tracks["state"][:, :2] == pytest.approx(means, abs=1e-9)
        assert tracks["state"][:, kalman.VARIANCE] == pytest.approx(variances, rel=1e-9)
        assert to_xyah(tracks["xyxy"]) == pytest.approx(means[:, 0])


def test_a_constant_velocity_is_estimated() -> None:
    tracks = initiated(BOXES)
    for step in range(1, 31):
        kalman.predict(tracks, ALL)
        kalman.update(tracks, ALL, records(BOXES + 5 * step), ALL)
    assert tracks["state"][:, kalman.VELOCITY, kalman.X] == pytest.approx([5, 5], abs=0.2)


def test_only_the_given_rows_are_predicted_and_updated() -> None:
    tracks = initiated(BOXES)
    kalman.predict(tracks, ALL[1:])
    kalman.update(tracks, ALL[1:], records(BOXES[::-1] + 5), ALL[:1])
    assert (tracks["xyxy"][0] == BOXES[0]).all()
    assert tracks["xyxy"][1] == pytest.approx(BOXES[1] + 5, abs=1)


def test_no_boxes_are_accepted() -> None:
    tracks = initiated(np.empty((0, 4)))
    kalman.predict(tracks, ALL[:0])
    kalman.update(tracks, ALL[:0], tracks, ALL[:0])
