"""The workspace that this console shows."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.workspace import Workspace
from backend.workspace.paths import default_root


def workspace_root() -> Path:
    """Return the folder of the console's workspace."""
    return default_root()


def workspace() -> Workspace:
    """Return the workspace, which is opened once per server.

    Raises:
        UserError: If its folder cannot be used.
    """
    return _open(str(workspace_root()))


@st.cache_resource(show_spinner=False)
def _open(root: str) -> Workspace:
    return Workspace(root)
