"""Progress callbacks of long steps."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called as `progress(fraction, step)`: the share of the work that is done, 0..1, and a few words on what runs now."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a callback for a part of the work, which maps 0..1 to `start`..`stop` of `progress`."""
    return lambda fraction, step: progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), step)


def silent(fraction: float, step: str) -> None:
    """Ignore progress."""
