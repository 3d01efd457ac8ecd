from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.latency import live_lag, percentiles


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


def test_the_lag_behind_a_camera_is_the_age_of_the_oldest_frame_when_its_answer_arrives() -> None:
    # 10 frames/s: a piece of 10 frames is full after 1 s, and its answer takes 200 ms.
    lag = live_lag([(10, 200.0)] * 5, 10.0)
    assert lag == {"keeps_up": True, "frames_behind": 12.0, "falls_behind": 0.0}
    one_by_one = live_lag([(1, 50.0)] * 20, 10.0)
    assert one_by_one == {"keeps_up": True, "frames_behind": 1.5, "falls_behind": 0.0}


def test_the_lag_grows_if_an_endpoint_is_slower_than_the_camera() -> None:
    lag = live_lag([(10, 2000.0)] * 10, 10.0)  # 5 of 10 frames/s
    assert not lag["keeps_up"] and lag["falls_behind"] == 5.0
    assert lag["frames_behind"] == 10 + 10 * 20 - 90  # the last piece began at frame 90, its answer came after 21 s


def test_a_pause_is_made_up_for_and_still_reported() -> None:
    lag = live_lag([(10, 100.0), (10, 3000.0), *[(10, 100.0)] * 10], 10.0)
    assert lag["keeps_up"] and lag["frames_behind"] == 40.0  # asked after 2 s, answered after 5 s, from frame 10


@given(st.lists(st.tuples(st.integers(1, 32), st.floats(1, 5000)), min_size=1, max_size=50), st.floats(1, 60))
def test_a_frame_is_never_younger_than_its_request_takes(requests: list[tuple[int, float]], fps: float) -> None:
    lag = live_lag(requests, fps)
    assert lag["frames_behind"] >= max(frames + fps * ms / 1000 for frames, ms in requests) - 0.1
    assert lag["keeps_up"] == (lag["falls_behind"] == 0) or lag["falls_behind"] < 0.01
