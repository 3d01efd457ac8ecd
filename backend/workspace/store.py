"""The workspace: one folder with a SQLite database of records and a subfolder of files for each."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from backend.errors import UserError, is_disk_full
from backend.workspace.migrations import migrate
from backend.workspace.paths import DATABASE
from backend.workspace.query import Query, conditions, expression, ordering, register_functions
from backend.workspace.records import KINDS, Record, check_name, command_line_kind, noun, stored_kind

R = TypeVar("R", bound=Record)

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created REAL NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_kind ON records (kind, created);
CREATE INDEX IF NOT EXISTS by_name ON records (kind, name);
CREATE INDEX IF NOT EXISTS by_status ON records (kind, json_extract(data, '$.status'));
CREATE INDEX IF NOT EXISTS by_verb ON records (kind, json_extract(data, '$.verb'));
CREATE INDEX IF NOT EXISTS by_video ON records (kind, json_extract(data, '$.video'));
CREATE INDEX IF NOT EXISTS by_run ON records (kind, json_extract(data, '$.run'));
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
FOLDERS = {"labels": "labels", "trackersearch": "trackersearches"}  # of kinds whose plural is not the name and an "s"
LOCK_TIMEOUT_SECONDS = 30


class Workspace:
    """Records of every kind, safe for several processes at once.

    Reads are single statements. Every change of a record is one transaction that reads it again first (`edit`), so
    two browser tabs and a script never overwrite each other's changes.
    """

    def __init__(self, root: Path | str) -> None:
        """Open the workspace in the folder `root`, which is created if it does not exist.

        Raises:
            UserError: If the folder cannot be created or written.
        """
        self.root = Path(root).expanduser().resolve()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._connect() as connection:
                _enable_write_ahead_log(connection)
                connection.executescript(SCHEMA)
                migrate(connection, self.root)
        except (OSError, sqlite3.Error) as error:
            if is_disk_full(error):
                raise UserError(
                    f"The disk of the workspace {self.root} is full. Free some space, then try again; nothing was lost."
                ) from error
            raise UserError(f"The workspace folder {self.root} cannot be used: {error}. Choose another one.") from error

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.root / DATABASE, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)
        register_functions(connection)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    connection.execute("ROLLBACK")
                raise

    def add(self, record: R) -> R:
        """Store a new record. If its kind has the name already, it gets the next free number: “site (2)”."""
        with self._transaction() as connection:
            return _insert(connection, record)

    def find_or_add(self, record: R, is_same: Callable[[R], bool], **fields: str | Sequence[str]) -> R:
        """Return the newest stored record that is the same in a sense, or else store this one.

        Both happen in one transaction, so that several processes at once store it only once.

        Args:
            record: The record to store.
            is_same: Returns whether a stored record of this kind is the same.
            **fields: As for `list`: values of fields that the same record must have, which narrow down the search.
        """
        kind = type(record)
        where, values = conditions(kind, Query(fields=fields))
        with self._transaction() as connection:
            same = filter(is_same, _select(connection, kind, where, values))
            return next(same, None) or _insert(connection, record)

    def get(self, kind: type[R], id_or_name: str) -> R:
        """Return the record with this id, or else with this name.

        Raises:
            UserError: If there is none.
        """
        record = self.find(kind, id_or_name)
        if record is None:
            raise _not_found(kind, id_or_name)
        return record

    def find(self, kind: type[R], id_or_name: str) -> R | None:
        """Return the record with this id, or else with this name; None if there is none."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT data FROM records WHERE kind = ? AND (id = ? OR name = ?) ORDER BY id = ? DESC",
                (stored_kind(kind), id_or_name, id_or_name, id_or_name),
            ).fetchone()
        return kind(**json.loads(row[0])) if row else None

    def list(self, kind: type[R], **fields: str | Sequence[str]) -> list[R]:
        """Return the records of a kind, newest first.

        Args:
            kind: The kind.
            **fields: Values that fields must have, or several values of which they must have one.
        """
        where, values = conditions(kind, Query(fields=fields))
        with self._connect() as connection:
            return _select(connection, kind, where, values)

    def search(self, kind: type[R], query: Query) -> tuple[Sequence[R], int]:
        """Return the records of a kind that a query asks for, and how many there are without its limit."""
        where, values = conditions(kind, query)
        with self._connect() as connection:
            (count,) = connection.execute(f"SELECT COUNT(*) FROM records WHERE {where}", values).fetchone()
            rows = connection.execute(
                f"SELECT data FROM records WHERE {where} ORDER BY {ordering(query)} LIMIT ? OFFSET ?",
                (*values, query.limit, query.offset),
            ).fetchall()
        return [kind(**json.loads(data)) for (data,) in rows], count

    def newest(self, kind: type[R], **fields: str | Sequence[str]) -> R | None:
        """Return the newest record of a kind; None if there is none.

        Args:
            kind: The kind.
            **fields: As for `list`.
        """
        records, _ = self.search(kind, Query(fields=fields, descending=True, limit=1))
        return records[0] if records else None

    def count(
        self, kind: type[Record], present: Mapping[str, bool] | None = None, **fields: str | Sequence[str]
    ) -> int:
        """Return the number of records of a kind.

        Args:
            kind: The kind.
            present: Fields that must be set (true) or must not be set (false).
            **fields: As for `list`.
        """
        where, values = conditions(kind, Query(fields=fields, present=present or {}))
        with self._connect() as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM records WHERE {where}", values).fetchone()[0])

    def names(self, kind: type[Record], *, newest_first: bool = False, **fields: str | Sequence[str]) -> dict[str, str]:
        """Return the names of the records of a kind by their ids, without reading the records.

        Args:
            kind: The kind.
            newest_first: Whether the newest record comes first; else they are in the natural order of their names.
            **fields: As for `list`; `id` can be one of them.
        """
        query = Query(fields=fields, order="created" if newest_first else "name", descending=newest_first)
        where, values = conditions(kind, query)
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT id, name FROM records WHERE {where} ORDER BY {ordering(query)}", values
            ).fetchall()
        return dict(rows)

    def values(self, kind: type[Record], field: str, **fields: str | Sequence[str]) -> Sequence[Any]:
        """Return the different values of a field, such as the ids of all videos that have labels.

        Args:
            kind: The kind.
            field: The field, whose values are texts or numbers.
            **fields: As for `list`.
        """
        where, values = conditions(kind, Query(fields=fields))
        with self._connect() as connection:
            rows = connection.execute(f"SELECT DISTINCT {expression(field)} FROM records WHERE {where}", values)
            return [value for (value,) in rows if value is not None]

    def tags(self, kind: type[Record]) -> Sequence[str]:
        """Return the tags that records of a kind have."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT DISTINCT tag.value FROM records, json_each(records.data, '$.tags') AS tag "
                "WHERE records.kind = ? ORDER BY casefold(tag.value)",
                (stored_kind(kind),),
            ).fetchall()
        return [tag for (tag,) in rows]

    @contextmanager
    def edit(self, kind: type[R], record_id: str) -> Iterator[R]:
        """Yield the record as it is now and store it when the block ends.

        The database is locked meanwhile, so keep the block short.

        Raises:
            UserError: If there is no such record.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT data FROM records WHERE id = ?", (record_id,)).fetchone()
            if row is None:
                raise _not_found(kind, record_id)
            record = kind(**json.loads(row[0]))
            yield record
            connection.execute(
                "UPDATE records SET name = ?, data = ? WHERE id = ?",
                (record.name, json.dumps(asdict(record)), record_id),
            )

    def folder(self, record: Record) -> Path:
        """Return the record's own folder, which is created if it does not exist."""
        folder = self._path(record)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def folder_of(self, kind: type[Record]) -> Path:
        """Return the folder that holds the folders of a kind's records. It may not exist."""
        name = stored_kind(kind)
        return self.root / FOLDERS.get(name, f"{name}s")

    def rename(self, record: R, name: str) -> R:
        """Give a record another name and return it as it is stored then.

        Raises:
            UserError: If the name is invalid, or another record of the kind has it.
        """
        name, kind = check_name(name), stored_kind(type(record))
        with self._transaction() as connection:
            row = connection.execute("SELECT data FROM records WHERE id = ?", (record.id,)).fetchone()
            if row is None:
                raise _not_found(type(record), record.id)
            taken = connection.execute(
                "SELECT 1 FROM records WHERE kind = ? AND name = ? AND id != ?", (kind, name, record.id)
            ).fetchone()
            if taken:
                raise UserError(f"There is another {noun(type(record))} named “{name}”. Choose a different name.")
            renamed = type(record)(**json.loads(row[0]) | {"name": name})
            connection.execute(
                "UPDATE records SET name = ?, data = ? WHERE id = ?", (name, json.dumps(asdict(renamed)), record.id)
            )
        return renamed

    def dependents(self, *records: Record) -> Sequence[Record]:
        """Return the records that must be removed with these, directly or through another."""
        ids = {record.id for record in records}
        dependents: list[Record] = []
        for kind in KINDS.values():  # in an order in which dependents come after what they depend on
            if not kind.OWNERS:
                continue
            newly_dependent = [
                other for other in self.list(kind) if other.id not in ids and not ids.isdisjoint(other.owners())
            ]
            dependents += newly_dependent
            ids |= {other.id for other in newly_dependent}
        return dependents

    def remove(self, record: Record) -> None:
        """Remove the record and its files, but not its dependents: see `backend.steps.removal`."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM records WHERE id = ?", (record.id,))
        shutil.rmtree(self._path(record), ignore_errors=True)

    def _path(self, record: Record) -> Path:
        return self.folder_of(type(record)) / record.id

    def setting(self, key: str, default: str = "") -> str:
        """Return the value of a setting."""
        with self._connect() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return row[0] if row else default

    def set(self, key: str, value: str) -> None:
        """Store the value of a setting."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the database to write-ahead logging, which persists; SQLite's own time-out does not cover this change."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            is_locked = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # primary code
            if not is_locked or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _insert(connection: sqlite3.Connection, record: R) -> R:
    kind = stored_kind(type(record))
    taken = {name for (name,) in connection.execute("SELECT name FROM records WHERE kind = ?", (kind,))}
    record.name = _free_name(check_name(record.name), taken)
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
        (record.id, kind, record.name, record.created, json.dumps(asdict(record))),
    )
    return record


def _select(connection: sqlite3.Connection, kind: type[R], where: str, values: Sequence[str]) -> list[R]:
    """Return the records of a kind that fulfill a condition, newest first."""
    rows = connection.execute(f"SELECT data FROM records WHERE {where} ORDER BY created DESC, rowid DESC", values)
    return [kind(**json.loads(data)) for (data,) in rows]


def _not_found(kind: type[Record], id_or_name: str) -> UserError:
    return UserError(
        f"{noun(kind).capitalize()} not found: “{id_or_name}”. "
        f"List them with `bytetrack-studio list {command_line_kind(kind)}`."
    )


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
