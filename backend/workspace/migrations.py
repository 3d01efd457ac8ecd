"""Bring the database and folders of a workspace that an earlier version made up to date.

SQLite's `user_version` counts the migrations that a database has had.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

FOLDERS = {"labellings": "labelingjobs", "searches": "trackersearches", "local/labelling": "local/labeling"}
KINDS = {"labelling": "labelingjob", "search": "trackersearch"}
FIELDS = {"labels": {"labelled_frames": "labeled_frames"}}  # of each kind of record
VERBS = {
    "start labelling": "start labeling",
    "bring in labels": "fetch labels",
    "tune": "search hyperparameters",
    "search": "search tracker settings",
    "register model": "publish model",
    "make watchable": "make browser copy",
}
VERSION = 1


def migrate(connection: sqlite3.Connection, root: Path) -> None:
    """Bring the workspace in `root` to `VERSION`, all of it or nothing; a no-op if it is there already.

    Raises:
        sqlite3.Error: If the database cannot be changed.
        OSError: If a folder cannot be renamed.
    """
    if _version(connection) >= VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) < VERSION:  # another process may have been first
            _rename_kinds(connection)
            _rename_folders(root)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _rename_kinds(connection: sqlite3.Connection) -> None:
    """Give records, their fields and the verbs of jobs their present names."""
    for old, new in KINDS.items():
        connection.execute("UPDATE records SET kind = ? WHERE kind = ?", (new, old))
    for kind, fields in FIELDS.items():
        for id, data in connection.execute("SELECT id, data FROM records WHERE kind = ?", (kind,)).fetchall():
            values = {fields.get(name, name): value for name, value in json.loads(data).items()}
            connection.execute("UPDATE records SET data = ? WHERE id = ?", (json.dumps(values), id))
    for id, data in connection.execute("SELECT id, data FROM records WHERE kind = 'job'").fetchall():
        values = json.loads(data)
        if values["verb"] in VERBS:
            values["verb"] = VERBS[values["verb"]]
            connection.execute("UPDATE records SET data = ? WHERE id = ?", (json.dumps(values), id))


def _rename_folders(root: Path) -> None:
    for old, new in FOLDERS.items():
        if (root / old).is_dir() and not (root / new).exists():
            (root / old).rename(root / new)
