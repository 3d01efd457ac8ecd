from __future__ import annotations

import numpy as np
import pytest

from bytetrack.detection.letterbox import PADDING_GRAY, letterbox, scale_to_fit


@pytest.mark.parametrize(
    ("height", "width", "scaled_height", "scaled_width", "scale"),
    [
        (64, 64, 64, 64, 1.0),
        (128, 128, 64, 64, 0.5),
        (32, 96, 32, 96, 1.0),
        (640, 192, 64, 19, 0.1),
        (16, 24, 64, 96, 4),
    ],
)
def test_a_frame_is_scaled_and_padded_at_the_right_and_the_bottom(
    height: int, width: int, scaled_height: int, scaled_width: int, scale: float
) -> None:
    frame = np.zeros((height, width, 3), np.uint8)
    padded, padded_scale = letterbox(frame, (64, 96))
    assert padded.shape == (64, 96, 3) and padded.dtype == np.uint8 and padded_scale == scale
    assert (padded[:scaled_height, :scaled_width] == 0).all()
    assert (padded[scaled_height:] == PADDING_GRAY).all() and (padded[:, scaled_width:] == PADDING_GRAY).all()
    assert scale_to_fit(frame, (64, 96))[0].shape == (scaled_height, scaled_width, 3)


def test_a_frame_keeps_at_least_one_pixel() -> None:
    assert scale_to_fit(np.zeros((2000, 1, 3), np.uint8), (64, 64))[0].shape == (64, 1, 3)
