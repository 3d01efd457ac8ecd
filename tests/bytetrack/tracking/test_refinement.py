"""Refinement of the tracks of a complete video."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import mot
from bytetrack.scoring.metrics import Evaluation, combine, evaluate
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.refinement import drop_short, interpolate_gaps, refine, smooth, vote_class
from bytetrack.tracks import Tracks


def walk(frames: list[int], object_id: int = 1, noise: float = 0.0, class_ids: list[int] | None = None) -> Tracks:
    """Return the track of an object that moves 5 pixels to the right per frame."""
    frame = np.array(frames)
    left = 5.0 * frame + noise * np.random.default_rng(object_id).normal(size=len(frame))
    xyxy = np.stack([left, 0 * left + 10, left + 40, 0 * left + 90], axis=1)
    classes = class_ids or [0] * len(frame)
    return Tracks(
        frame, np.full(len(frame), object_id), xyxy, np.linspace(0.5, 1, len(frame)), classes, ("car", "person")
    )


def concatenate(a: Tracks, b: Tracks) -> Tracks:
    columns = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in vars(a) if name != "classes"}
    return Tracks(**columns, classes=a.classes)


def test_short_tracks_are_dropped() -> None:
    assert set(drop_short(concatenate(walk([0, 1, 2]), walk([0, 1], 2)), 3).id.tolist()) == {1}


def test_a_short_video_keeps_tracks_with_a_box_in_every_frame() -> None:
    assert len(refine(walk([0, 1, 2]), TrackerConfig(min_length=5))) == 3
    assert len(refine(concatenate(walk([0, 1]), walk(list(range(9)), 2)), TrackerConfig(min_length=5))) == 9


def test_gaps_are_interpolated_linearly() -> None:
    tracks = interpolate_gaps(concatenate(walk([0, 1, 4, 5, 10]), walk([0, 9], 2)), 2)
    first = tracks.select(tracks.id == 1)
    assert first.frame.tolist() == [0, 1, 2, 3, 4, 5, 10]
    assert first.xyxy == pytest.approx(walk([0, 1, 2, 3, 4, 5, 10]).xyxy)
    assert (np.diff(first.score) > 0).all()
    assert tracks.select(tracks.id == 2).frame.tolist() == [0, 9]


def test_smoothing_reduces_the_error_of_boxes() -> None:
    frames = [*range(30), *range(40, 60)]
    noisy, true = walk(frames, noise=3), walk(frames)
    smoothed = smooth(noisy, 7)
    assert np.abs(smoothed.xyxy - true.xyxy).mean() < 0.6 * np.abs(noisy.xyxy - true.xyxy).mean()
    assert smooth(true, 7).xyxy == pytest.approx(true.xyxy)  # A constant velocity is unchanged, including the ends.
    assert smooth(noisy, 0).xyxy == pytest.approx(noisy.xyxy)


def test_a_track_gets_the_class_with_the_highest_sum_of_scores() -> None:
    assert set(vote_class(walk([0, 1, 2, 3], class_ids=[0, 0, 1, 1])).class_id.tolist()) == {1}


numbers = st.integers(0, 12)
boxes = st.tuples(numbers, st.integers(1, 4), st.floats(-50, 50), st.floats(0.5, 30), st.integers(0, 1))


@settings(max_examples=100, deadline=None)
@given(st.lists(boxes, max_size=40), numbers, numbers, st.integers(0, 9))
def test_ids_are_unique_per_frame_and_boxes_are_not_empty(rows: list, min_length: int, gaps: int, window: int) -> None:
    unique = list({(frame, object_id): row for row in rows for frame, object_id, *_ in [row]}.values())
    frame, object_id, left, size, class_id = np.array(unique, float).reshape(-1, 5).T
    xyxy = np.stack([left, left, left + size, left + size], axis=1)
    tracks = Tracks(frame, object_id, xyxy, np.ones(len(frame)), class_id, ("a", "b"))
    refined = refine(tracks, TrackerConfig(min_length=min_length, fill_gaps=gaps, smooth=window))
    keys = list(zip(refined.frame.tolist(), refined.id.tolist()))
    assert len(keys) == len(set(keys)) and set(refined.id.tolist()) <= set(tracks.id.tolist())
    assert (refined.xyxy[:, 2:] > refined.xyxy[:, :2]).all()
    for track_id in set(refined.id.tolist()):
        assert len(set(refined.class_id[refined.id == track_id].tolist())) == 1


def test_the_defaults_improve_hota_on_mot15(shared_data: Path) -> None:
    unrefined: list[Evaluation] = []
    refined: list[Evaluation] = []
    for name in ("TUD-Stadtmitte", "PETS09-S2L1", "KITTI-17"):
        folder = shared_data / "mot15" / name
        info = ConfigParser()
        info.read(folder / "seqinfo.ini")
        truth, tracks = mot.read(folder / "gt.txt"), mot.read(folder / "reference.txt")
        frames = info.getint("Sequence", "seqLength")
        unrefined += evaluate(truth, tracks, frames).values()
        refined += evaluate(truth, refine(tracks, TrackerConfig()), frames).values()
    assert combine(refined).metrics()["HOTA"] > combine(unrefined).metrics()["HOTA"] + 0.5
