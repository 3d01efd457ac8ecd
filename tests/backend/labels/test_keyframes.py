from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from track_strategies import tracks

from backend.labels.keyframes import (
    SIMPLIFY_TOLERANCE,
    interpolate_boxes,
    select_keyframes,
    simplify_tracks,
    split_at_gaps,
)
from bytetrack.tracks import Tracks


@given(tracks(), st.floats(0, 100))
def test_no_interpolated_box_deviates_by_more_than_the_tolerance(table: Tracks, tolerance: float) -> None:
    for rows in split_at_gaps(table):
        frames, boxes = table.frame[rows], table.xyxy[rows]
        keys = select_keyframes(frames, boxes, np.full(len(rows), tolerance))
        assert keys[0] == 0 and keys[-1] == len(rows) - 1
        assert np.abs(interpolate_boxes(frames[keys], boxes[keys], frames) - boxes).max() <= tolerance + 1e-9


@given(tracks())
def test_segments_are_consecutive_frames_of_one_track(table: Tracks) -> None:
    segments = split_at_gaps(table)
    assert sorted(np.concatenate(segments).tolist()) == list(range(len(table)))
    for rows in segments:
        assert len(set(table.id[rows])) == 1 and (np.diff(table.frame[rows]) == 1).all()


@given(tracks())
def test_simplified_tracks_deviate_by_no_more_than_the_tolerance(table: Tracks) -> None:
    simplified = simplify_tracks(table)
    sides = (table.xyxy[:, 2:] - table.xyxy[:, :2]).min(axis=1)
    assert (np.abs(simplified.xyxy - table.xyxy).max(axis=1) <= SIMPLIFY_TOLERANCE * sides + 1e-9).all()
    assert simplified.frame.tolist() == table.frame.tolist() and simplified.id.tolist() == table.id.tolist()


def test_linear_motion_has_two_keyframes_and_a_turn_adds_one() -> None:
    frames = np.arange(21)
    corner = np.where(frames < 10, frames, 20 - frames) * 5.0
    boxes = np.stack([corner, corner, corner + 30, corner + 60], axis=1)
    noisy = boxes + np.random.default_rng(0).normal(0, 0.5, boxes.shape)
    assert select_keyframes(frames[:11], boxes[:11], np.full(11, 1e-6)) == [0, 10]
    assert select_keyframes(frames, noisy, np.full(21, 3.0)) == [0, 10, 20]
