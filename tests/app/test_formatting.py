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
