"""The workspace that this console shows."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from backend.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[1]


def workspace_root() -> Path:
    """Return the folder in `BYTETRACK_WORKSPACE`, by default `workspace/` in the project."""
    return Path(os.environ.get("BYTETRACK_WORKSPACE") or PROJECT / "workspace").expanduser().resolve()


def workspace() -> Workspace:
    """Return the workspace, which is opened once per server.

    Raises:
        UserError: If its folder cannot be used.
    """
    return _open(str(workspace_root()))


@st.cache_resource(show_spinner=False)
def _open(root: str) -> Workspace:
    return Workspace(root)
