"""The workspace: one folder with a SQLite database of records and a subfolder of files for each."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from backend.errors import UserError, is_disk_full
from backend.workspace.migrations import migrate
from backend.workspace.paths import DATABASE
from backend.workspace.records import KINDS, Record, check_name

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
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
PLURALS = {"labels": "labels", "trackersearch": "trackersearches"}  # of names of kinds that do not just get an s
PATIENCE = 30  # seconds to wait for another process's lock


class Workspace:
    """Records of every kind, safe for several processes at once.

    Reads are single statements; every change of a record is one transaction that reads it again first (`edit`), so
    two browser tabs and a script never overwrite each other's change.

    Raises:
        UserError: if the folder cannot be made or written.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().resolve()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._connect() as connection:
                _use_wal(connection)
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
        connection = sqlite3.connect(self.root / DATABASE, timeout=PATIENCE, isolation_level=None)
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
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise

    def add(self, record: R) -> R:
        """Store a new record. A name that its kind has already gets the next free number: “site (2)”."""
        record.name = check_name(record.name)
        kind = type(record).__name__.lower()
        with self._transaction() as connection:
            taken = {name for (name,) in connection.execute("SELECT name FROM records WHERE kind = ?", (kind,))}
            record.name = _free_name(record.name, taken)
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
                (record.id, kind, record.name, record.created, json.dumps(asdict(record))),
            )
        return record

    def get(self, kind: type[R], id: str) -> R:
        """The record with this id, or with this name.

        Raises:
            UserError: if there is none.
        """
        record = self.find(kind, id)
        if record is None:
            raise UserError(f"There is no {kind.__name__.lower()} “{id}” in this workspace (any more).")
        return record

    def find(self, kind: type[R], id: str) -> R | None:
        """Like `get`, but None where there is none."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT data FROM records WHERE kind = ? AND (id = ? OR name = ?) ORDER BY id = ? DESC",
                (kind.__name__.lower(), id, id, id),
            ).fetchone()
        return kind(**json.loads(row[0])) if row else None

    def list(self, kind: type[R]) -> list[R]:
        """All records of a kind, newest first."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT data FROM records WHERE kind = ? ORDER BY created DESC, rowid DESC", (kind.__name__.lower(),)
            ).fetchall()
        return [kind(**json.loads(data)) for (data,) in rows]

    @contextmanager
    def edit(self, kind: type[R], id: str) -> Iterator[R]:
        """The record as it is now, stored again when the block ends; others wait meanwhile, so keep it short."""
        with self._transaction() as connection:
            row = connection.execute("SELECT data FROM records WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise UserError(f"There is no {kind.__name__.lower()} “{id}” in this workspace (any more).")
            record = kind(**json.loads(row[0]))
            yield record
            connection.execute(
                "UPDATE records SET name = ?, data = ? WHERE id = ?", (record.name, json.dumps(asdict(record)), id)
            )

    def folder(self, record: Record) -> Path:
        """The record's own folder, made when first asked for."""
        folder = self._path(record)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def folder_of(self, kind: type[Record]) -> Path:
        """Where the folders of a kind's records lie, if there are any."""
        name = kind.__name__.lower()
        return self.root / PLURALS.get(name, f"{name}s")

    def dependents(self, record: Record) -> Sequence[Record]:
        """Everything that goes when `record` goes, directly or through another."""
        everything = [each for kind in KINDS.values() for each in self.list(kind)]
        gone, found = {record.id}, []
        while more := [each for each in everything if each.id not in gone and gone & set(each.owners())]:
            found += more
            gone |= {each.id for each in more}
        return found

    def remove(self, record: Record) -> None:
        """Remove the record and its files. Its dependents are the caller's business: see `backend.steps.removal`."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM records WHERE id = ?", (record.id,))
        shutil.rmtree(self._path(record), ignore_errors=True)

    def _path(self, record: Record) -> Path:
        return self.folder_of(type(record)) / record.id

    def setting(self, key: str, default: str = "") -> str:
        with self._connect() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return row[0] if row else default

    def set(self, key: str, value: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the database to write-ahead logging, which stays on; SQLite does not wait for a lock when it does that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
