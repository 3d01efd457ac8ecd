from __future__ import annotations

import numpy as np
import pytest
import torch

from bytetrack.detection.normalization import Normalization, normalize_batch, normalize_image


@pytest.mark.parametrize("normalization", ["raw", "imagenet"])
def test_a_batch_is_normalized_like_a_single_image(normalization: Normalization) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
    batch = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32))
    normalized = normalize_batch(batch, normalization)[0].numpy()
    np.testing.assert_allclose(normalized, normalize_image(image, normalization), rtol=1e-5, atol=1e-5)
