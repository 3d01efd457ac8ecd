"""Atomic writes: after a crash, a file is either complete or absent."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DISK_FULL_BYTES = 64 << 10  # A disk with less free space counts as full: some libraries fail before the last byte.


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` if the block raises no exception.

    The temporary path has the suffix of `path`. Missing parent folders are created.

    Raises:
        OSError: With `ENOSPC` if the block failed and the disk is full, whatever exception the block raised.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # `mkstemp` creates files that only their owner may read.
        os.replace(temporary, path)
    except Exception as error:
        if shutil.disk_usage(path.parent).free < DISK_FULL_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers see either the old file or all of the new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Raises:
        ValueError: If the file is missing or contains something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is missing or is not JSON.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not contain a JSON object.")
    return content


def natural_sort_key(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts names by the numbers in them: `clip 9` comes before `clip 10`, and case is ignored.

    Example:
        >>> sorted(["clip 10", "Clip 9"], key=natural_sort_key)
        ['Clip 9', 'clip 10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
