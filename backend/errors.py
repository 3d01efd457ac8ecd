"""The error whose message the user reads, and texts for all other errors."""

from __future__ import annotations

import errno
import sqlite3


class UserError(Exception):
    """An error that the user can cause: bad input, a missing file, a full disk.

    Its message says what is wrong, where, and what to do about it, in a sentence or two for the page or the terminal.
    Any other exception is a bug.
    """


def explain(error: BaseException) -> str:
    """Return a message for the user about any error, expected or not."""
    if isinstance(error, UserError):
        return str(error)
    if is_disk_full(error):
        return "The disk is full. Free some space, then try again; nothing was lost."
    return f"Something unexpected happened ({type(error).__name__}: {error}). The job's log has the details."


def is_disk_full(error: BaseException) -> bool:
    """Return whether the error says that a file, or the workspace's database, cannot grow."""
    if isinstance(error, sqlite3.OperationalError):
        # SQLITE_IOERR_SHMSIZE: the index of the write-ahead log, which SQLite extends even to read, cannot grow.
        return getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
