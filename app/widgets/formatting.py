"""Numbers, sizes and times as text."""

from __future__ import annotations

import time
from collections.abc import Mapping


def size(count: float) -> str:
    """Format a number of bytes: `713 kB`, `1.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Format a duration: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def duration_range(low: float, high: float | None) -> str:
    """Format an estimated duration in seconds: `about 40 s`, `3 to 5 min`, `50 min to 1 h 10 min`, `at least 6 min`.

    Args:
        low: Lower end.
        high: Upper end; None if it is not known.
    """
    least = _rounded_duration(low)
    if high is None:
        return f"at least {least}"
    most = _rounded_duration(high)
    if least == most:
        return f"about {most}"
    (first, *first_units), (_, *last_units) = least.split(" "), most.split(" ")
    return f"{first} to {most}" if first_units == last_units and len(first_units) == 1 else f"{least} to {most}"


def cost_range(low: float, high: float | None) -> str:
    """Format an estimated cost in US dollars: `about $0.10`, `$0.10 to $0.15`, `at least $0.10`, `less than $0.01`."""
    if high is None:
        return f"at least ${low:.2f}"
    if high < 0.01:
        return "less than $0.01"
    return f"about ${high:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"${low:.2f} to ${high:.2f}"


def _rounded_duration(seconds: float) -> str:
    """Format a duration with as many digits as an estimate has."""
    if seconds < 90:
        return f"{max(round(seconds / 10), 1) * 10} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    minutes = round(minutes / 10) * 10
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def ago(timestamp: float) -> str:
    """Format seconds since 1970: `just now`, `5 min ago`, `3 h ago`, or the date."""
    passed = time.time() - timestamp
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < 24 * 3600:
        return f"{passed // 3600:.0f} h ago"
    return date(timestamp)


def date(timestamp: float) -> str:
    """Format seconds since 1970: `23 Nov 2026, 04:15`."""
    return time.strftime("%d %b %Y, %H:%M", time.localtime(timestamp)).lstrip("0")


def number(value: float) -> str:
    """Format a number with at most one decimal: `12,345`, `7.5`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def frame_range(frames: int) -> str:
    """Format the numbers of a video's frames, which count from 0 everywhere in the console: `0–299`.

    Args:
        frames: Number of frames.
    """
    return f"0–{frames - 1:,}" if frames > 1 else "0"


def percent(value: float) -> str:
    """Format a value that is already in percent: `61.2 %`."""
    return f"{value:.1f} %"


def class_counts(boxes: Mapping[str, int], most: int = 3) -> str:
    """Name the classes that occur, the most frequent first: `person 1,204, car 33, 2 more`.

    Args:
        boxes: Number of boxes by class. Classes without any are left out.
        most: Number of classes to name.
    """
    occurring = sorted(((name, count) for name, count in boxes.items() if count), key=lambda item: (-item[1], item[0]))
    named = [f"{name} {count:,}" for name, count in occurring[:most]]
    return ", ".join([*named, f"{len(occurring) - most:,} more"] if len(occurring) > most else named)
