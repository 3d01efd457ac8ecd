"""Migrations of a workspace that an earlier version made: its database and its folders.

SQLite's `user_version` counts the migrations that a database has had.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend.workspace.records import DRAWN_HERE

VERSION = 2

# Names in version 0 → names in version 1
KINDS = {"labelling": "labelingjob", "search": "trackersearch"}
FOLDERS = {"labellings": "labelingjobs", "searches": "trackersearches", "local/labelling": "local/labeling"}
LABELS_FIELDS = {"labelled_frames": "labeled_frames"}
VERBS = {
    "start labelling": "start labeling",
    "bring in labels": "fetch labels",
    "tune": "search hyperparameters",
    "search": "search tracker settings",
    "register model": "publish model",
    "make watchable": "make browser copy",
}


def migrate(connection: sqlite3.Connection, root: Path) -> None:
    """Bring the workspace in the folder `root` up to `VERSION`. No-op if it is up to date.

    The changes of the database are one transaction. Folders that were renamed before an error keep their new names,
    which the next attempt takes as done.

    Raises:
        sqlite3.Error: If the database cannot be changed.
        OSError: If a folder cannot be renamed.
    """
    if _version(connection) >= VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have migrated it before the lock was acquired
        if version < 1:
            _rename_kinds(connection)
            _update_records(connection, "labels", _rename_labels_fields)
            _update_records(connection, "job", _rename_verb)
            _rename_folders(root)
        if version < 2:
            _name_source_of_drawn_labels(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back when the disk is full
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _rename_kinds(connection: sqlite3.Connection) -> None:
    for old, new in KINDS.items():
        connection.execute("UPDATE records SET kind = ? WHERE kind = ?", (new, old))


def _update_records(
    connection: sqlite3.Connection, kind: str, update: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Replace the fields of every record of a kind by what `update` makes of them."""
    rows = connection.execute("SELECT id, data FROM records WHERE kind = ?", (kind,)).fetchall()
    for record_id, data in rows:
        fields = json.dumps(update(json.loads(data)))
        connection.execute("UPDATE records SET data = ? WHERE id = ?", (fields, record_id))


def _rename_labels_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {LABELS_FIELDS.get(name, name): value for name, value in fields.items()}


def _rename_verb(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"verb": VERBS.get(fields["verb"], fields["verb"])}


def _name_source_of_drawn_labels(connection: sqlite3.Connection) -> None:
    """Set the source of labels that were drawn in the console, which version 1 took for labels of Ground Truth."""
    jobs = [json.loads(data) for (data,) in connection.execute("SELECT data FROM records WHERE kind = 'labelingjob'")]
    drawn = {labels_id for job in jobs if job["platform"] == "local" for labels_id in job.get("labels", [])}

    def name_source(fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"source": DRAWN_HERE} if fields["id"] in drawn else fields

    _update_records(connection, "labels", name_source)


def _rename_folders(root: Path) -> None:
    for old, new in FOLDERS.items():
        if (root / old).is_dir() and not (root / new).exists():
            (root / old).rename(root / new)
