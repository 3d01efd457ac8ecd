"""The decorator `compiled`, which compiles numeric Python functions with Numba and caches the machine code on disk.

Numba's own cache detects a change in the file of a function, but not in the files of the functions that it calls. The
cache folder is therefore named after a hash of all files that contain compiled functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

SOURCES = ("boxes.py", "scoring/hota.py", "tracking/association.py", "tracking/kalman.py", "tracking/matching.py")

config: Any = numba.config  # Numba sets its attributes at import, so type checkers do not see them.

F = TypeVar("F", bound=Callable[..., Any])


def cache_folder(package: Path) -> Path:
    """Return the folder for code compiled from the `SOURCES` in `package`.

    It is `__pycache__` of the package, or the folder that the environment variable `NUMBA_CACHE_DIR` names.
    """
    contents = hashlib.sha256(b"".join((package / name).read_bytes() for name in SOURCES)).hexdigest()
    return Path(config.CACHE_DIR or package / "__pycache__") / f"compiled-{contents[:16]}"


def compiled(function: F) -> F:
    """Compile a function when it is first called, and cache the result for later processes.

    If no folder is writable, every process compiles the function again.
    """
    numba_cache, config.CACHE_DIR = config.CACHE_DIR, str(_CACHE_FOLDER)
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:  # Numba found no folder that it can write to.
        return cast(F, numba.njit(function))
    finally:
        config.CACHE_DIR = numba_cache


_CACHE_FOLDER = cache_folder(Path(__file__).parent)
