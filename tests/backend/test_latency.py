from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.latency import percentiles


def test_percentiles_are_measured_values() -> None:
    assert percentiles([]) == {}
    assert percentiles([3.0]) == {"p50": 3.0}
    assert percentiles([float(value) for value in range(100, 0, -1)]) == {"p50": 50.0, "p90": 90.0, "p99": 99.0}


@pytest.mark.parametrize(
    ("requests", "names"),
    [(1, ["p50"]), (9, ["p50"]), (10, ["p50", "p90"]), (99, ["p50", "p90"]), (100, ["p50", "p90", "p99"])],
)
def test_a_percentile_needs_enough_requests(requests: int, names: list[str]) -> None:
    assert list(percentiles([1.0] * requests)) == names


@given(st.lists(st.integers(0, 1000), max_size=300))
def test_a_percentile_is_the_smallest_value_that_enough_requests_reach(values: list[int]) -> None:
    for name, percentile in percentiles([float(value) for value in values]).items():
        enough = int(name.removeprefix("p")) / 100 * len(values)
        assert sum(value <= percentile for value in values) >= enough > sum(value < percentile for value in values)
