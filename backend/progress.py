"""How a long step tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called as `progress(fraction, step)`: fraction in 0..1 of the whole, step a few words on what is being done."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """A progress whose 0..1 is `start`..`stop` of the whole."""
    return lambda fraction, step: progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), step)


def silent(fraction: float, step: str) -> None:
    """For callers that do not care."""
