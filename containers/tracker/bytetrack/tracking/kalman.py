"""A Kalman filter with constant velocity, as DeepSORT and ByteTrack define it.

A box is measured as x and y of its center, aspect ratio a (width / height) and height h. The filter treats these four
coordinates separately: their noise is independent, and the motion couples a coordinate only with its own velocity. The
8x8 covariance matrix of the papers is therefore block diagonal, and its four 2x2 blocks are updated in closed form.

All functions work in place on structured arrays with the fields `state` and `xyxy`, the same box in pixels. The state
is `(5, 4)` float64: for each coordinate (last axis: x, y, a, h) the position, the velocity, the variance of the
position, the covariance of position and velocity, and the variance of the velocity, in pixels and frames.
"""

from __future__ import annotations

from bytetrack.arrays import FloatArray, IntArray, RecordArray
from bytetrack.compiled import compiled

POSITION, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
X, Y, ASPECT, HEIGHT = range(4)
STATE = ("state", "f8", (5, 4))

# Standard deviations as fractions of the height of the box; those of the aspect ratio are absolute.
POSITION_STD = 1 / 20
VELOCITY_STD = 1 / 160
ASPECT_STD = 1e-2
ASPECT_VELOCITY_STD = 1e-5
MEASURED_ASPECT_STD = 1e-1


@compiled
def initiate(tracks: RecordArray) -> None:
    """Initialize the states of new tracks from their `xyxy`, with velocity 0 and a high uncertainty."""
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
def predict(tracks: RecordArray, rows: IntArray) -> None:
    """Predict the states of the tracks `rows` in the next frame."""
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
        _write_xyxy(state, tracks["xyxy"][i])


@compiled
def update(tracks: RecordArray, rows: IntArray, detections: RecordArray, columns: IntArray) -> None:
    """Correct the states of the tracks `rows` with the `xyxy` of the detections `columns`, pair by pair."""
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
        _write_xyxy(state, tracks["xyxy"][i])


@compiled
def _xyah(xyxy: FloatArray) -> tuple[float, float, float, float]:
    width, height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
    return xyxy[0] + width / 2, xyxy[1] + height / 2, width / height, height


@compiled
def _write_xyxy(state: FloatArray, xyxy: FloatArray) -> None:
    x, y, height = state[POSITION, X], state[POSITION, Y], state[POSITION, HEIGHT]
    half_width, half_height = state[POSITION, ASPECT] * height / 2, height / 2
    xyxy[0], xyxy[1], xyxy[2], xyxy[3] = x - half_width, y - half_height, x + half_width, y + half_height
