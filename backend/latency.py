"""Percentiles of request times, limited to those that enough requests support."""

from __future__ import annotations

import math
from collections.abc import Mapping

# With fewer requests, the percentile would only be the slowest request under another name.
REQUESTS_NEEDED = {"p50": 1, "p90": 10, "p99": 100}


def percentiles(values: list[float]) -> dict[str, float]:
    """Compute nearest-rank percentiles.

    Args:
        values: One time per request, in any unit.

    Returns:
        Those of p50, p90 and p99 for which there are enough requests, in the unit of `values`, to two decimals.
    """
    ordered = sorted(values)
    return {
        name: round(ordered[math.ceil(int(name.removeprefix("p")) / 100 * len(ordered)) - 1], 2)
        for name, needed in REQUESTS_NEEDED.items()
        if len(ordered) >= needed
    }


def drop_unreliable(stored: Mapping[str, float], requests: int) -> dict[str, float]:
    """Drop percentiles that need more than this number of requests, which earlier versions stored."""
    return {name: value for name, value in stored.items() if requests >= REQUESTS_NEEDED[name]}
