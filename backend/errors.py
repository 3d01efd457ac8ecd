"""The one error that a person is meant to read."""

from __future__ import annotations

import errno
import sqlite3


class UserError(Exception):
    """What is wrong, where, and what to do about it, in a sentence or two for the page or the terminal.

    Anything a person can cause (bad input, a missing file, a full disk) raises this; any other exception is a bug.
    """


def explain(error: BaseException) -> str:
    """A sentence for any error, the foreseen and the unforeseen."""
    if isinstance(error, UserError):
        return str(error)
    if is_disk_full(error):
        return "The disk is full. Free some space, then try again; nothing was lost."
    return f"Something unexpected happened ({type(error).__name__}: {error}). The job's log has the details."


def is_disk_full(error: BaseException) -> bool:
    """Whether a file, or the workspace's database, could not grow."""
    if isinstance(error, sqlite3.OperationalError):
        # The second is about the index of the write-ahead log, which SQLite wants to extend even to read.
        return getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
