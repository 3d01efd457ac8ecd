"""The marks of boxes and the moments of errors."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.scoring.differences import Mark, Moment, find_differences
from bytetrack.scoring.metrics import score
from bytetrack.tracks import Tracks

FRAMES = 6


@st.composite
def tables(draw: st.DrawFn, classes: tuple[str, ...]) -> Tracks:
    """Tables of a few objects on a coarse grid, so that boxes often overlap and IoUs are often equal."""
    frames_and_ids = draw(
        st.lists(st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 4)), unique=True, min_size=0, max_size=FRAMES * 4)
    )
    left = np.array([draw(st.integers(0, 6)) for _ in frames_and_ids], float) * 5
    class_id = np.array([draw(st.integers(0, len(classes) - 1)) for _ in frames_and_ids])
    frame, object_id = np.array(frames_and_ids, np.int64).reshape(-1, 2).T
    xyxy = np.stack([left, 0 * left, left + 20, 0 * left + 20], axis=1)
    return Tracks(frame, object_id, xyxy, np.ones(len(frame)), class_id, classes)


@settings(deadline=None)
@given(tables(("car", "person")), tables(("person", "dog")), st.none() | st.sets(st.integers(0, FRAMES), min_size=1))
def test_the_numbers_of_marks_equal_the_metrics(truth: Tracks, tracks: Tracks, labeled: set[int] | None) -> None:
    labeled_frames = None if labeled is None else sorted(labeled)
    differences = find_differences(truth, tracks, FRAMES, labeled_frames)
    metrics = score(truth, tracks, FRAMES, labeled_frames)
    assert (differences.truth == Mark.MISSED).sum() == metrics["FN"]
    assert (differences.tracks == Mark.FALSE_POSITIVE).sum() == metrics["FP"]
    assert (differences.tracks == Mark.SWITCHED).sum() == metrics["IDSW"]
    assert (differences.truth == Mark.MATCHED).sum() == np.isin(differences.tracks, (Mark.MATCHED, Mark.SWITCHED)).sum()
    lengths = dict.fromkeys((Mark.MISSED, Mark.FALSE_POSITIVE, Mark.SWITCHED), 0)
    frames = range(FRAMES) if labeled_frames is None else labeled_frames
    for moment in differences.moments:
        lengths[moment.kind] += sum(moment.first <= frame <= moment.last for frame in frames)
    assert list(lengths.values()) == [metrics["FN"], metrics["FP"], metrics["IDSW"]]


def walk(ids: list[int], left: float) -> Tracks:
    """Return the tracks of an object that moves to the right. `ids` has its id in each frame, or 0 if it is absent."""
    frame = np.flatnonzero(ids)
    xyxy = np.stack([left + 5 * frame, 0 * frame, left + 40 + 5 * frame, 80 + 0 * frame], axis=1)
    return Tracks(frame, np.array(ids)[frame], xyxy, np.ones(len(frame)), 0 * frame)


def test_moments_are_runs_of_frames_with_the_same_error() -> None:
    truth = walk([3] * 8, 0)
    tracked = walk([7, 7, 0, 0, 7, 9, 9, 9], 0)
    ghost = walk([0, 5, 5, 0, 0, 0, 0, 0], 500)
    tracks = Tracks(
        *(np.concatenate([getattr(tracked, name), getattr(ghost, name)]) for name in ("frame", "id", "xyxy", "score")),
        np.zeros(len(tracked) + len(ghost)),
    )
    differences = find_differences(truth, tracks, 8)
    assert differences.moments == [
        Moment(1, 2, Mark.FALSE_POSITIVE, 5),
        Moment(2, 3, Mark.MISSED, 3),
        Moment(5, 5, Mark.SWITCHED, 9),
    ]


def test_frames_without_labels_are_ignored() -> None:
    tracks = walk([1] * 4, 0)
    differences = find_differences(walk([1, 0, 0, 0], 0), tracks, 4, [0])
    assert (
        differences.tracks.tolist() == [Mark.MATCHED, Mark.IGNORED, Mark.IGNORED, Mark.IGNORED]
        and differences.moments == []
    )
    assert find_differences(Tracks.empty(), Tracks.empty(), 4).moments == []
