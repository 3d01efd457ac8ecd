"""Input normalization: the pixel values that a network expects, for one frame and for a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from bytetrack.arrays import Float32Array, ImageArray

if TYPE_CHECKING:
    import torch

# "raw": BGR 0..255, as YOLOX expects since version 0.2.
# "imagenet": RGB with ImageNet's mean and standard deviation, as ByteTrack's authors use it.
Normalization = Literal["raw", "imagenet"]

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


def normalize_image(image: ImageArray, normalization: Normalization) -> Float32Array:
    """Convert one `(H, W, 3)` uint8 BGR image to the `(3, H, W)` float32 array that the network takes."""
    if normalization == "imagenet":
        pixels = (image[:, :, ::-1].astype(np.float32) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    else:
        pixels = image.astype(np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def normalize_batch(images: torch.Tensor, normalization: Normalization) -> torch.Tensor:
    """Convert `(N, 3, H, W)` float BGR 0..255 images to what the network takes; the same as `normalize_image`."""
    if normalization == "raw":
        return images
    import torch  # takes seconds to import, and `serve` and `process` do without it on the CPU

    mean, deviation = (
        torch.from_numpy(values).to(images.device).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return (images.flip(1) / 255 - mean) / deviation
