"""The kinds of records as the user names them on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cyclopts import Token

from backend.workspace.records import KINDS, Record, command_line_kind

NAMES = [command_line_kind(kind) for kind in KINDS.values()]


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
