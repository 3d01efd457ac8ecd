"""Wait for a condition instead of for an amount of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

POLL_SECONDS = 0.02


def until(condition: Callable[[], Result], seconds: float = 60) -> Result:
    """Poll `condition` until it returns a true value, and return that value.

    Args:
        condition: Called again and again. What it raises is passed on at once.
        seconds: Time-out. It only bounds how long a failing test takes, so it is generous for slow machines.

    Raises:
        TimeoutError: If `condition` is still false when the time is up.
    """
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"The condition is still false after {seconds} s: {result!r}")
        time.sleep(POLL_SECONDS)
    return result
