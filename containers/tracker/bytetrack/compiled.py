"""`compiled`: loops written in Python, compiled by Numba once per machine and kept on disk.

Numba's own cache notices a change in the file of a function, but none in the files of the functions that it calls. So
the code is kept in a folder that is named for the contents of all of these files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

SOURCES = ("boxes.py", "scoring/hota.py", "tracking/association.py", "tracking/kalman.py", "tracking/matching.py")

config: Any = numba.config  # its names are made when it is imported


def folder(package: Path) -> Path:
    """Where code compiled from the sources in `package` is kept: beside Python's own bytecode, unless Numba is told."""
    contents = hashlib.sha256(b"".join((package / name).read_bytes() for name in SOURCES)).hexdigest()
    return Path(config.CACHE_DIR or package / "__pycache__") / f"compiled-{contents[:16]}"


def compiled(function: Callable) -> Any:
    """Decorates a function that Numba can compile; its arguments are given by position."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(_folder)
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # nowhere to keep it: every process compiles it anew
        return numba.njit(function)
    finally:
        config.CACHE_DIR = before


_folder = folder(Path(__file__).parent)
