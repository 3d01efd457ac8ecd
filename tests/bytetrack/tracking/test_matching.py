"""The sparse assignment equals the dense one of `lap`."""

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


def boxes(coordinates: st.SearchStrategy) -> st.SearchStrategy[np.ndarray]:
    """Structured arrays of up to 12 boxes (left, top, width, height). Coarse boxes have many pairs of equal cost."""

    def build(rows: list) -> np.ndarray:
        array = np.zeros(len(rows), BOX)
        for k, ((left, top, width, height), class_id, score) in enumerate(rows):
            array[k] = ((left, top, left + width, top + height), class_id, score)
        return array

    return st.lists(st.tuples(coordinates, st.integers(0, 1), st.sampled_from([0.5, 0.8, 1.0])), max_size=12).map(build)


pairs = st.sampled_from([coarse, fine]).flatmap(lambda coordinates: st.tuples(boxes(coordinates), boxes(coordinates)))
limits = st.sampled_from([0.15, 0.5, 0.8, 0.99, 1.0])


def costs(a: np.ndarray, b: np.ndarray, fuse_score: bool, any_class: bool) -> np.ndarray:
    cost = 1 - box_iou(a["xyxy"], b["xyxy"], border=1) * (b["score"] if fuse_score else 1)
    return np.where(any_class | (a["class_id"][:, None] == b["class_id"]), cost, 1e3)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(pairs, limits, st.booleans(), st.booleans())
def test_the_assignment_equals_that_of_lap_for_the_dense_matrix(
    both_sides: tuple[np.ndarray, np.ndarray], limit: float, fuse_score: bool, any_class: bool
) -> None:
    a, b = both_sides
    expected: list[tuple[int, int]] = []
    if len(a) and len(b):
        _, column_of_row, _ = lap.lapjv(costs(a, b, fuse_score, any_class), extend_cost=True, cost_limit=limit)
        expected = [(row, column) for row, column in enumerate(column_of_row.tolist()) if column >= 0]
    rows, columns = assign(a, np.arange(len(a)), b, np.arange(len(b)), limit, fuse_score, any_class)
    assert list(zip(rows.tolist(), columns.tolist())) == expected


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(pairs, limits, st.booleans())
def test_all_pairs_within_a_distance_are_found(
    both_sides: tuple[np.ndarray, np.ndarray], limit: float, any_class: bool
) -> None:
    a, b = both_sides
    pairs_found = pairs_within(a, np.arange(len(a)), b, np.arange(len(b)), limit, any_class)
    cost = costs(a, b, fuse_score=False, any_class=any_class)
    certain_pairs, possible_pairs = (
        np.argwhere(cost < limit - 1e-12).tolist(),
        np.argwhere(cost < limit + 1e-12).tolist(),
    )
    found_pairs = np.column_stack(pairs_found).tolist()
    assert all(pair in found_pairs for pair in certain_pairs)
    assert all(pair in possible_pairs for pair in found_pairs)


def test_only_the_given_rows_and_columns_are_matched() -> None:
    a = np.zeros(3, BOX)
    a["xyxy"] = [0, 0, 10, 10]
    a["score"] = 1
    assert assign(a, np.array([2]), a, np.array([1]), 0.8, True, False)[0].tolist() == [2]
    assert assign(a, np.array([2]), a, np.array([1]), 0.8, True, False)[1].tolist() == [1]


def test_the_assignment_of_a_crowd_equals_that_of_lap() -> None:
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
