from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trackeval.metrics import HOTA

from bytetrack.scoring.hota import FastHOTA


def sequence(seed: int, frames: int, objects: int, tracks: int) -> dict[str, Any]:
    """Random ids and similarities in TrackEval's form, some frames empty on one side or both."""
    random = np.random.default_rng(seed)
    truth = [random.permutation(objects)[: random.integers(0, objects + 1)] for _ in range(frames)]
    found = [random.permutation(tracks)[: random.integers(0, tracks + 1)] for _ in range(frames)]
    return {
        "num_timesteps": frames,
        "num_gt_ids": objects,
        "num_tracker_ids": tracks,
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, found)),
        "gt_ids": truth,
        "tracker_ids": found,
        "similarity_scores": [
            random.uniform(0, 1, (len(a), len(b))) * (random.random((len(a), len(b))) < 0.6)
            for a, b in zip(truth, found)
        ],
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 5), st.integers(0, 5))
def test_it_gives_the_numbers_of_trackeval(seed: int, frames: int, objects: int, tracks: int) -> None:
    data = sequence(seed, frames, objects, tracks)
    ours, theirs = FastHOTA().eval_sequence(data), HOTA().eval_sequence(data)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name
