from __future__ import annotations

import time

import pytest

from app.widgets import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (713_000, "713 kB"), (1.2e9, "1.2 GB"), (3e12, "3.0 TB")],
)
def test_size(value, text):
    assert formatting.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.44, "0.4 s"), (12, "12 s"), (59.7, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_duration(value, text):
    assert formatting.duration(value) == text


def test_ago():
    assert formatting.ago(time.time()) == "just now"
    assert formatting.ago(time.time() - 301) == "5 min ago"
    assert formatting.ago(time.time() - 7300) == "2 h ago"
    assert formatting.ago(0).endswith("1970, 00:00") or "19" in formatting.ago(0)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (3, 4, "about 10 s"),
        (38, 44, "about 40 s"),
        (38, 72, "40 to 70 s"),
        (50, 130, "50 s to 2 min"),
        (170, 290, "3 to 5 min"),
        (3000, 4300, "50 min to 1 h 10 min"),
        (7000, 14_000, "2 h to 3 h 50 min"),
        (360, None, "at least 6 min"),
    ],
)
def test_duration_range(low, high, text):
    assert formatting.duration_range(low, high) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.001, 0.004, "less than $0.01"),
        (0.101, 0.104, "about $0.10"),
        (0.1, 0.25, "$0.10 to $0.25"),
        (0.5, None, "at least $0.50"),
    ],
)
def test_cost_range(low, high, text):
    assert formatting.cost_range(low, high) == text
