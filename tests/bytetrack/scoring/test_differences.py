from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.scoring.differences import FALSE, MATCHED, MISSED, SWITCHED, UNCOUNTED, Moment, find_differences
from bytetrack.scoring.metrics import score
from bytetrack.tracks import Tracks

FRAMES = 6


@st.composite
def tables(draw: st.DrawFn, classes: tuple[str, ...]) -> Tracks:
    """A few objects on a coarse grid, so that boxes overlap, and tie, often."""
    places = draw(
        st.lists(st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 4)), unique=True, min_size=0, max_size=FRAMES * 4)
    )
    left = np.array([draw(st.integers(0, 6)) for _ in places], float) * 5
    class_id = np.array([draw(st.integers(0, len(classes) - 1)) for _ in places])
    frame, identity = np.array(places, np.int64).reshape(-1, 2).T
    xyxy = np.stack([left, 0 * left, left + 20, 0 * left + 20], axis=1)
    return Tracks(frame, identity, xyxy, np.ones(len(frame)), class_id, classes)


@settings(deadline=None)
@given(tables(("car", "person")), tables(("person", "dog")), st.none() | st.sets(st.integers(0, FRAMES), min_size=1))
def test_marks_add_up_to_the_metrics(truth: Tracks, tracks: Tracks, labeled: set[int] | None) -> None:
    counted = None if labeled is None else sorted(labeled)
    found, metrics = find_differences(truth, tracks, FRAMES, counted), score(truth, tracks, FRAMES, counted)
    assert (found.truth == MISSED).sum() == metrics["FN"]
    assert (found.tracks == FALSE).sum() == metrics["FP"]
    assert (found.tracks == SWITCHED).sum() == metrics["IDSW"]
    assert (found.truth == MATCHED).sum() == np.isin(found.tracks, (MATCHED, SWITCHED)).sum()
    lengths = {MISSED: 0, FALSE: 0, SWITCHED: 0}
    frames = range(FRAMES) if counted is None else counted
    for moment in found.moments:
        lengths[moment.kind] += sum(moment.first <= frame <= moment.last for frame in frames)
    assert lengths == {
        MISSED: metrics["FN"], FALSE: metrics["FP"], SWITCHED: metrics["IDSW"]
    }  # fmt: skip


def walk(ids: list[int], left: float) -> Tracks:
    frame = np.flatnonzero(ids)
    xyxy = np.stack([left + 5 * frame, 0 * frame, left + 40 + 5 * frame, 80 + 0 * frame], axis=1)
    return Tracks(frame, np.array(ids)[frame], xyxy, np.ones(len(frame)), 0 * frame)


def test_moments_name_when_what_went_wrong() -> None:
    truth = walk([3] * 8, 0)
    followed = walk([7, 7, 0, 0, 7, 9, 9, 9], 0)
    ghost = walk([0, 5, 5, 0, 0, 0, 0, 0], 500)
    tracks = Tracks(
        *(np.concatenate([getattr(followed, name), getattr(ghost, name)]) for name in ("frame", "id", "xyxy", "score")),
        np.zeros(len(followed) + len(ghost)),
    )
    found = find_differences(truth, tracks, 8)
    assert found.moments == [Moment(1, 2, FALSE, 5), Moment(2, 3, MISSED, 3), Moment(5, 5, SWITCHED, 9)]


def test_frames_that_nobody_labeled_are_not_judged() -> None:
    tracks = walk([1] * 4, 0)
    found = find_differences(walk([1, 0, 0, 0], 0), tracks, 4, [0])
    assert found.tracks.tolist() == [MATCHED, UNCOUNTED, UNCOUNTED, UNCOUNTED] and found.moments == []
    assert find_differences(Tracks.empty(), Tracks.empty(), 4).moments == []
