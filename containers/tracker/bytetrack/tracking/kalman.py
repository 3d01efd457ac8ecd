"""A Kalman filter with constant velocity, as DeepSORT and ByteTrack define it.

A box is measured as x, y (its center), a (width / height) and h (height). The four never mix: the noise is independent
per coordinate, and the motion only couples a coordinate with its own velocity. So the 8x8 covariance of the papers is
four 2x2 ones, and every step is a few multiplications.

The functions work on structured arrays with the fields `state` and `xyxy` (the same box in pixels), in place. The state
is `(5, 4)` float64; per coordinate (last axis: x, y, a, h) it holds, in this order, position, velocity, variance of the
position, covariance of the two, variance of the velocity, in pixels and frames.
"""

from __future__ import annotations

import numpy as np

from bytetrack.compiled import compiled

POSITION, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
X, Y, ASPECT, HEIGHT = range(4)
STATE = ("state", "f8", (5, 4))

# Standard deviations in fractions of the box's height; those of the aspect are absolute.
POSITION_STD = 1 / 20
VELOCITY_STD = 1 / 160
ASPECT_STD = 1e-2
ASPECT_VELOCITY_STD = 1e-5
MEASURED_ASPECT_STD = 1e-1


@compiled
def initiate(tracks: np.ndarray) -> None:
    """Boxes seen for the first time at their `xyxy`: at rest, and unsure of it."""
    for i in range(len(tracks)):
        state = tracks["state"][i]
        measured = _xyah(tracks["xyxy"][i])
        height = measured[HEIGHT]
        for k in range(4):
            position_std, velocity_std = 2 * POSITION_STD * height, 10 * VELOCITY_STD * height
            if k == ASPECT:
                position_std, velocity_std = ASPECT_STD, ASPECT_VELOCITY_STD
            state[POSITION, k] = measured[k]
            state[VELOCITY, k] = 0.0
            state[VARIANCE, k] = position_std**2
            state[COVARIANCE, k] = 0.0
            state[VELOCITY_VARIANCE, k] = velocity_std**2


@compiled
def predict(tracks: np.ndarray, rows: np.ndarray) -> None:
    """Move the tracks of `rows` one frame on."""
    for i in rows:
        state = tracks["state"][i]
        height = state[POSITION, HEIGHT]
        for k in range(4):
            position_std, velocity_std = POSITION_STD * height, VELOCITY_STD * height
            if k == ASPECT:
                position_std, velocity_std = ASPECT_STD, ASPECT_VELOCITY_STD
            state[POSITION, k] += state[VELOCITY, k]
            state[VARIANCE, k] += 2 * state[COVARIANCE, k] + state[VELOCITY_VARIANCE, k] + position_std**2
            state[COVARIANCE, k] += state[VELOCITY_VARIANCE, k]
            state[VELOCITY_VARIANCE, k] += velocity_std**2
        _to_xyxy(state, tracks["xyxy"][i])


@compiled
def update(tracks: np.ndarray, rows: np.ndarray, detections: np.ndarray, columns: np.ndarray) -> None:
    """Correct the tracks of `rows` by the `xyxy` of the detections of `columns`, one for one."""
    for i, j in zip(rows, columns):
        state = tracks["state"][i]
        measured = _xyah(detections["xyxy"][j])
        height = state[POSITION, HEIGHT]
        for k in range(4):
            noise = (MEASURED_ASPECT_STD if k == ASPECT else POSITION_STD * height) ** 2
            gain = state[VARIANCE, k] / (state[VARIANCE, k] + noise)
            velocity_gain = state[COVARIANCE, k] / (state[VARIANCE, k] + noise)
            innovation = measured[k] - state[POSITION, k]
            state[POSITION, k] += gain * innovation
            state[VELOCITY, k] += velocity_gain * innovation
            state[VELOCITY_VARIANCE, k] -= velocity_gain * state[COVARIANCE, k]
            state[VARIANCE, k] -= gain * state[VARIANCE, k]
            state[COVARIANCE, k] -= gain * state[COVARIANCE, k]
        _to_xyxy(state, tracks["xyxy"][i])


@compiled
def _xyah(xyxy):
    width, height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
    return xyxy[0] + width / 2, xyxy[1] + height / 2, width / height, height


@compiled
def _to_xyxy(state, xyxy):
    x, y, height = state[POSITION, X], state[POSITION, Y], state[POSITION, HEIGHT]
    half_width, half_height = state[POSITION, ASPECT] * height / 2, height / 2
    xyxy[0], xyxy[1], xyxy[2], xyxy[3] = x - half_width, y - half_height, x + half_width, y + half_height
