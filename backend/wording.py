"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Iterable


def count(amount: int, singular: str, plural: str = "") -> str:
    """Name an amount of something.

    Args:
        amount: How many there are.
        singular: Word for one of them.
        plural: Word for several; `singular` with an "s" if empty.

    Example:
        >>> count(1, "box", "boxes"), count(1200, "clip")
        ('1 box', '1,200 clips')
    """
    return f"{amount:,} {singular if amount == 1 else plural or singular + 's'}"


def enumerate_words(words: Iterable[str]) -> str:
    """Join words as in a sentence.

    Example:
        >>> enumerate_words(["1 run", "2 scores", "3 jobs"])
        '1 run, 2 scores and 3 jobs'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
