from __future__ import annotations

import lap
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.boxes import box_iou
from bytetrack.tracking.matching import assign, pairs_within

BOX = np.dtype([("xyxy", "f8", 4), ("class_id", "i8"), ("score", "f8")])

coarse = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 4)] * 2).map(lambda box: tuple(10.0 * k for k in box))
fine = st.tuples(*[st.floats(0, 60)] * 2, *[st.floats(1, 40)] * 2)


def boxes(of: st.SearchStrategy) -> st.SearchStrategy[np.ndarray]:
    """Up to 12 structured boxes from (left, top, width, height); of coarse ones many cost exactly the same."""

    def build(rows: list) -> np.ndarray:
        made = np.zeros(len(rows), BOX)
        for k, ((left, top, width, height), class_id, score) in enumerate(rows):
            made[k] = ((left, top, left + width, top + height), class_id, score)
        return made

    return st.lists(st.tuples(of, st.integers(0, 1), st.sampled_from([0.5, 0.8, 1.0])), max_size=12).map(build)


pairs = st.sampled_from([coarse, fine]).flatmap(lambda of: st.tuples(boxes(of), boxes(of)))
limits = st.sampled_from([0.15, 0.5, 0.8, 0.99, 1.0])


def costs(a: np.ndarray, b: np.ndarray, by_score: bool, any_class: bool) -> np.ndarray:
    cost = 1 - box_iou(a["xyxy"], b["xyxy"], border=1) * (b["score"] if by_score else 1)
    return np.where(any_class | (a["class_id"][:, None] == b["class_id"]), cost, 1e3)


@settings(max_examples=300, deadline=None)
@given(pairs, limits, st.booleans(), st.booleans())
def test_the_assignment_is_that_of_lap_in_the_full_matrix(
    two: tuple[np.ndarray, np.ndarray], limit: float, by_score: bool, any_class: bool
) -> None:
    a, b = two
    expected: list[tuple[int, int]] = []
    if len(a) and len(b):
        _, column_of_row, _ = lap.lapjv(costs(a, b, by_score, any_class), extend_cost=True, cost_limit=limit)
        expected = [(row, column) for row, column in enumerate(column_of_row.tolist()) if column >= 0]
    rows, columns = assign(a, np.arange(len(a)), b, np.arange(len(b)), limit, by_score, any_class)
    assert list(zip(rows.tolist(), columns.tolist())) == expected


@settings(max_examples=100, deadline=None)
@given(pairs, limits, st.booleans())
def test_near_finds_every_pair(two: tuple[np.ndarray, np.ndarray], limit: float, any_class: bool) -> None:
    a, b = two
    found = pairs_within(a, np.arange(len(a)), b, np.arange(len(b)), limit, any_class)
    cost = costs(a, b, by_score=False, any_class=any_class)
    surely, perhaps = np.argwhere(cost < limit - 1e-12).tolist(), np.argwhere(cost < limit + 1e-12).tolist()
    got = np.column_stack(found).tolist()
    assert all(pair in got for pair in surely) and all(pair in perhaps for pair in got)


def test_only_the_given_ones_are_looked_at() -> None:
    a = np.zeros(3, BOX)
    a["xyxy"] = [0, 0, 10, 10]
    a["score"] = 1
    assert assign(a, np.array([2]), a, np.array([1]), 0.8, True, False)[0].tolist() == [2]
    assert assign(a, np.array([2]), a, np.array([1]), 0.8, True, False)[1].tolist() == [1]


def test_a_crowd_is_assigned_as_lap_does() -> None:
    random = np.random.default_rng(0)
    a = np.zeros(400, BOX)
    corner = random.uniform(0, 600, (400, 2))
    a["xyxy"] = np.column_stack([corner, corner + random.uniform(20, 120, (400, 2))])
    a["score"] = 1
    b = a[random.permutation(400)]
    b["xyxy"] += random.normal(0, 8, (400, 1))
    b["score"] = random.uniform(0.5, 1, 400)
    _, expected, _ = lap.lapjv(costs(a, b, True, True), extend_cost=True, cost_limit=0.8)
    rows, columns = assign(a, np.arange(400), b, np.arange(400), 0.8, True, True)
    assert rows.tolist() == np.flatnonzero(expected >= 0).tolist()
    assert columns.tolist() == pytest.approx(expected[expected >= 0])
