"""The progress of a command on stderr."""

from __future__ import annotations

import sys
import time

TERMINAL_INTERVAL_SECONDS = 0.2
LOG_INTERVAL_SECONDS = 5.0
CLEAR_LINE = "\r\033[K"


class TerminalProgress:
    """Progress with the time left: one line that is redrawn on a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._printed: float | None = None
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, fraction: float, step: str) -> None:
        """Print the progress, unless the last one was printed just before."""
        now = time.monotonic()
        interval = TERMINAL_INTERVAL_SECONDS if self._is_terminal else LOG_INTERVAL_SECONDS
        if self._printed is not None and now - self._printed < interval:
            return
        self._printed = now
        line = f"{fraction:4.0%} {step}"
        if fraction > 0.01:
            line += f", about {duration((now - self._started) * (1 - fraction) / fraction)} left"
        if self._is_terminal:
            print(f"{CLEAR_LINE}{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the line from the terminal."""
        if self._is_terminal and self._printed is not None:
            print(CLEAR_LINE, end="", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return a rounded duration, such as `12 s`, `3 min` or `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
