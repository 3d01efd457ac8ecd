"""Letterboxing: fit a frame into the input of the network without changing its aspect ratio."""

from __future__ import annotations

import cv2
import numpy as np

from bytetrack.arrays import ImageArray

PADDING_GRAY = 114  # the gray level that YOLOX pads with in training


def letterbox(frame: ImageArray, input_size: tuple[int, int]) -> tuple[ImageArray, float]:
    """Scale a frame to fit the network's input and pad it with gray at the right and at the bottom.

    Args:
        frame: `(H, W, 3)` uint8.
        input_size: Height and width of the network's input in pixels.

    Returns:
        The `(input height, input width, 3)` uint8 image with the frame in its top left corner, and the scale: input
        pixels per frame pixel.
    """
    scaled, scale = scale_to_fit(frame, input_size)
    padded = np.full((*input_size, 3), PADDING_GRAY, np.uint8)
    padded[: scaled.shape[0], : scaled.shape[1]] = scaled
    return padded, scale


def scale_to_fit(frame: ImageArray, input_size: tuple[int, int]) -> tuple[ImageArray, float]:
    """Scale a frame to the largest size that fits the network's input, without padding.

    Args:
        frame: `(H, W, 3)` uint8.
        input_size: Height and width of the network's input in pixels.

    Returns:
        The scaled `(h, w, 3)` uint8 frame, and the scale: input pixels per frame pixel.
    """
    height, width = frame.shape[:2]
    scale = letterbox_scale(height, width, input_size)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8), scale


def letterbox_scale(height: int, width: int, input_size: tuple[int, int]) -> float:
    """Return the scale at which a frame of `height` x `width` pixels just fits `input_size` (height, width)."""
    return min(input_size[0] / height, input_size[1] / width)
