"""What a label format has to provide so that its labels can be imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend.labels.label_sequence import LabelSequence


@dataclass(frozen=True)
class ReadOptions:
    """Information that the user supplies because the files lack it.

    Attributes:
        class_names: Names of numbered classes, in the order of their numbers; None if the user gave none.
    """

    class_names: list[str] | None = None


@dataclass(frozen=True)
class LabelFormat:
    """A format that labels can be imported from. Each module of `backend.labels.formats` defines one as `FORMAT`.

    Attributes:
        name: Name in parameters of jobs and on the command line.
        title: Name for people. Imported labels have it as their source.
        description: What a user can import, in Markdown.
        detect: Called with a file or a folder. Returns the file or folder by which it recognizes the format, None if
            there is none. Raises `UserError` if the path is a part of labels that cannot be imported alone.
        read: Called with a file or a folder. Returns one sequence per video or clip. Raises `UserError` if it cannot.
        rank: Position in lists. If two formats recognize labels equally well, the one with the lower rank is used.
        uses_class_names: Whether `read` uses `ReadOptions.class_names`.
    """

    name: str
    title: str
    description: str
    detect: Callable[[Path], Path | None]
    read: Callable[[Path, ReadOptions], list[LabelSequence]]
    rank: int = 100
    uses_class_names: bool = False
