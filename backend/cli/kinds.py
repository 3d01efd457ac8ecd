"""The kinds of records as the command line names them, such as `labeling-job` for a `LabelingJob`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cyclopts import Token

from backend.workspace.records import KINDS, Record


def kind_name(kind: type[Record]) -> str:
    """Return the kind in kebab case."""
    return "-".join(_words(kind)).lower()


def title(kind: type[Record]) -> str:
    """Return the kind at the beginning of a sentence."""
    return " ".join(_words(kind)).capitalize()


def parse_kind(_: type, tokens: Sequence[Token]) -> type[Record]:
    """Return the kind that the user named: in kebab case, in the plural, or as one word.

    Raises:
        ValueError: If there is no such kind.
    """
    (token,) = tokens
    word = re.sub(r"[ _-]", "", token.value.lower())
    for name, kind in KINDS.items():
        if word in (name, f"{name}s", f"{name}es"):
            return kind
    raise ValueError(f"“{token.value}” is no kind of record. Choose one of {', '.join(NAMES)}.")


def _words(kind: type[Any]) -> list[str]:
    return re.findall(r"[A-Z][a-z]*", kind.__name__)


NAMES = [kind_name(kind) for kind in KINDS.values()]
