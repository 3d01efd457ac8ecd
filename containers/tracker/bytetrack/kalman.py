"""A Kalman filter with constant velocity over many boxes at once, as DeepSORT and ByteTrack define it.

A box is measured as x, y (its centre), a (width / height) and h (height). The four never mix: the noise is independent
per coordinate, and the motion only couples a coordinate with its own velocity. So the 8x8 covariance of the papers is
four 2x2 ones, and every step is element-wise.

The state of `N` boxes is a `(N, 5, 4)` float64 array; per coordinate (last axis: x, y, a, h) it holds, in this order,
position, velocity, variance of the position, covariance of the two, variance of the velocity, in pixels and frames.
"""

from __future__ import annotations

import numpy as np

POSITION, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
X, Y, ASPECT, HEIGHT = range(4)

# Standard deviations in fractions of the box's height.
POSITION_STD = 1 / 20
VELOCITY_STD = 1 / 160


def initiate(xyah: np.ndarray) -> np.ndarray:
    """`(N, 5, 4)` states of boxes seen for the first time at `(N, 4)` xyah: at rest, and unsure of it."""
    height = xyah[:, HEIGHT]
    state = np.zeros((len(xyah), 5, 4))
    state[:, POSITION] = xyah
    state[:, VARIANCE] = _variance(2 * POSITION_STD * height, aspect_std=1e-2)
    state[:, VELOCITY_VARIANCE] = _variance(10 * VELOCITY_STD * height, aspect_std=1e-5)
    return state


def predict(state: np.ndarray) -> np.ndarray:
    """The `(N, 5, 4)` states one frame later."""
    position, velocity, variance, covariance, velocity_variance = state.swapaxes(0, 1)
    height = position[:, HEIGHT]
    position_noise = _variance(POSITION_STD * height, aspect_std=1e-2)
    velocity_noise = _variance(VELOCITY_STD * height, aspect_std=1e-5)
    return np.stack(
        [
            position + velocity,
            velocity,
            variance + 2 * covariance + velocity_variance + position_noise,
            covariance + velocity_variance,
            velocity_variance + velocity_noise,
        ],
        axis=1,
    )


def update(state: np.ndarray, xyah: np.ndarray) -> np.ndarray:
    """The `(N, 5, 4)` states corrected by the boxes measured at `(N, 4)` xyah."""
    position, velocity, variance, covariance, velocity_variance = state.swapaxes(0, 1)
    measurement_noise = _variance(POSITION_STD * position[:, HEIGHT], aspect_std=1e-1)
    innovation_variance = variance + measurement_noise
    gain = variance / innovation_variance
    velocity_gain = covariance / innovation_variance
    innovation = xyah - position
    return np.stack(
        [
            position + gain * innovation,
            velocity + velocity_gain * innovation,
            variance - gain * variance,
            covariance - gain * covariance,
            velocity_variance - velocity_gain * covariance,
        ],
        axis=1,
    )


def to_xyah(xyxy: np.ndarray) -> np.ndarray:
    """`(N, 4)` centre x, centre y, width / height, height of `(N, 4)` boxes with a positive height."""
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    centre = xyxy[:, :2] + np.stack([width, height], axis=1) / 2
    return np.column_stack([centre, width / height, height])


def to_xyxy(state: np.ndarray) -> np.ndarray:
    """`(N, 4)` left, top, right, bottom of `(N, 5, 4)` states."""
    x, y, aspect, height = state[:, POSITION].T
    half_width, half_height = aspect * height / 2, height / 2
    return np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)


def _variance(std: np.ndarray, aspect_std: float) -> np.ndarray:
    """`(N, 4)` variances from the `(N,)` standard deviation of x, y and h, in pixels, and that of a."""
    variance = np.repeat((std**2)[:, None], 4, axis=1)
    variance[:, ASPECT] = aspect_std**2
    return variance
