"""HOTA metrics equal those of TrackEval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trackeval.metrics import HOTA

from bytetrack.scoring.hota import FastHOTA


def sequence(seed: int, frames: int, objects: int, tracks: int) -> dict[str, Any]:
    """Return random ids and similarities in TrackEval's format, with some frames empty on one or both sides."""
    random = np.random.default_rng(seed)
    truth_ids = [random.permutation(objects)[: random.integers(0, objects + 1)] for _ in range(frames)]
    track_ids = [random.permutation(tracks)[: random.integers(0, tracks + 1)] for _ in range(frames)]
    return {
        "num_timesteps": frames,
        "num_gt_ids": objects,
        "num_tracker_ids": tracks,
        "num_gt_dets": sum(map(len, truth_ids)),
        "num_tracker_dets": sum(map(len, track_ids)),
        "gt_ids": truth_ids,
        "tracker_ids": track_ids,
        "similarity_scores": [
            random.uniform(0, 1, (len(a), len(b))) * (random.random((len(a), len(b))) < 0.6)
            for a, b in zip(truth_ids, track_ids)
        ],
    }


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # for ids without a box, in TrackEval too
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 5), st.integers(0, 5))
def test_metrics_equal_those_of_trackeval(seed: int, frames: int, objects: int, tracks: int) -> None:
    data = sequence(seed, frames, objects, tracks)
    ours, theirs = FastHOTA().eval_sequence(data), HOTA().eval_sequence(data)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name
