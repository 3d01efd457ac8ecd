"""A workspace for the routes, whose key signs their addresses."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def workspace_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the workspace of this test."""
    root = tmp_path / "workspace"
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(root))
    return root
