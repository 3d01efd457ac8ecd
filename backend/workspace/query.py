"""Queries for records: which ones, in which order, and how many of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.workspace.records import Record, stored_kind

FIELD = re.compile(r"[a-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
COLUMNS = ("id", "name", "created")  # of the table; other fields are in its JSON
SEARCHED_FIELDS = ("description", "tags", "classes", "source", "endpoint_name", "mode")
DIGITS_IN_KEY = 20  # to which natural sort keys pad numbers


@dataclass(frozen=True)
class Query:
    """Which records to return.

    Attributes:
        search: Words that must all occur in the name, description, tags or classes of a record, or in the name of a
            record that owns it, in any case.
        tags: Tags of which a record must have at least one. If empty, tags do not matter.
        fields: Values that fields must have, or several of which they must have one.
        present: Fields that must be set (true) or must not be set (false).
        order: Field to sort by, such as `created` or `metrics.HOTA`; `name` sorts naturally, 2 before 10.
        descending: Whether the largest value comes first. Records without a value come last.
        limit: Maximum number of records; -1 for all.
        offset: Number of records to skip.
    """

    search: str = ""
    tags: Sequence[str] = ()
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    present: Mapping[str, bool] = field(default_factory=dict)
    order: str = "created"
    descending: bool = False
    limit: int = -1
    offset: int = 0


def register_functions(connection: sqlite3.Connection) -> None:
    """Define the SQL functions that queries use."""
    connection.create_function("casefold", 1, _casefold, deterministic=True)
    connection.create_function("natural_key", 1, natural_key, deterministic=True)


def natural_key(text: str) -> str:
    """Return a text whose alphabetical order is the natural order of the original: `clip 2` before `Clip 10`."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(DIGITS_IN_KEY), text.casefold())


def conditions(kind: type[Record], query: Query) -> tuple[str, list[str]]:
    """Return the SQL condition for the records of a kind that a query asks for, and the values of its parameters."""
    clauses, values = ["kind = ?"], [stored_kind(kind)]
    for name, wanted in query.fields.items():
        alternatives = [wanted] if isinstance(wanted, str) else list(wanted)
        clauses.append(f"{expression(name)} IN ({', '.join('?' * len(alternatives))})")
        values += alternatives
    for name, is_set in query.present.items():
        clauses.append(f"{expression(name)} IS {'NOT ' if is_set else ''}NULL")
    if query.tags:
        marks = ", ".join("?" * len(query.tags))
        clauses.append(f"EXISTS (SELECT 1 FROM json_each(records.data, '$.tags') AS tag WHERE tag.value IN ({marks}))")
        values += query.tags
    for word in query.search.casefold().split():
        clauses.append(f"instr({_searched_text(kind)}, ?) > 0")
        values.append(word)
    return " AND ".join(clauses), values


def ordering(query: Query) -> str:
    """Return the SQL terms by which a query sorts."""
    sorted_by = "natural_key(name)" if query.order == "name" else expression(query.order)
    direction = "DESC" if query.descending else "ASC"
    return f"{sorted_by} IS NULL, {sorted_by} {direction}, created DESC, rowid DESC"


def expression(name: str) -> str:
    """Return the SQL expression for a field.

    Raises:
        ValueError: If this cannot be a field.
    """
    if not FIELD.fullmatch(name):
        raise ValueError(f"“{name}” is not a field.")
    return name if name in COLUMNS else f"json_extract(data, '$.{name}')"


def _searched_text(kind: type[Record]) -> str:
    """Return the SQL expression for the text in which words are searched."""
    parts = ["name", *(f"coalesce({expression(name)}, '')" for name in SEARCHED_FIELDS)]
    owner_name = "SELECT owner.name FROM records AS owner WHERE owner.id = json_extract(records.data, '$.{}')"
    parts += [f"coalesce(({owner_name.format(name)}), '')" for name in kind.OWNERS]
    return f"casefold({' || char(10) || '.join(parts)})"


def _casefold(text: str | None) -> str:
    return (text or "").casefold()
