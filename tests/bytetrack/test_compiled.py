from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

import bytetrack
from bytetrack import compiled

PACKAGE = Path(bytetrack.__file__).parent


def double(x: float) -> float:
    return 2 * x


def test_a_change_in_any_source_changes_the_cache_folder(tmp_path: Path) -> None:
    for name in compiled.SOURCES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / name, tmp_path / name)
    folders = [compiled.cache_folder(tmp_path)]
    for name in compiled.SOURCES:
        (tmp_path / name).write_text((tmp_path / name).read_text() + "\n")
        folders.append(compiled.cache_folder(tmp_path))
    assert len(set(folders)) == 1 + len(compiled.SOURCES)


def test_every_file_with_compiled_functions_is_a_source() -> None:
    sources = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "@compiled" in path.read_text()
    }
    assert sources == set(compiled.SOURCES)


def test_functions_compile_without_a_writable_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def njit_without_cache(*arguments: Any, **options: Any) -> Callable:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*arguments, **options)

    monkeypatch.setattr(numba, "njit", njit_without_cache)
    cache_dir = compiled.config.CACHE_DIR
    assert compiled.compiled(double)(21) == 42
    assert cache_dir == compiled.config.CACHE_DIR
