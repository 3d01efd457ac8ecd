"""Percentiles of request times, each only where enough requests were measured to know it."""

from __future__ import annotations

import math
from collections.abc import Mapping

# With fewer requests, a percentile would be the slowest one under another name.
REQUESTS_NEEDED = {"p50": 1, "p90": 10, "p99": 100}


def percentiles(values: list[float]) -> dict[str, float]:
    """Compute nearest-rank percentiles.

    Args:
        values: One per request.

    Returns:
        Those of p50, p90 and p99 for which there are enough requests; empty for no values.
    """
    ordered = sorted(values)
    return {
        name: round(ordered[math.ceil(int(name.removeprefix("p")) / 100 * len(ordered)) - 1], 2)
        for name, needed in REQUESTS_NEEDED.items()
        if len(ordered) >= needed
    }


def drop_unreliable(stored: Mapping[str, float], requests: int) -> dict[str, float]:
    """Drop the percentiles that this many requests cannot tell, which older versions stored."""
    return {name: value for name, value in stored.items() if requests >= REQUESTS_NEEDED[name]}
