"""Setting a platform up, as jobs: each does what the button beside a check says."""

from __future__ import annotations

from backend import platform
from backend.progress import Progress
from backend.watching import watching
from backend.workspace import Workspace


def mend(workspace: Workspace, progress: Progress, *, name: str, key: str) -> dict:
    """Do what the `action` of the check `key` says, and keep the settings that it changes.

    Returns:
        `{"settings": …}`, those that changed.
    """
    changed = platform.platform_of(workspace, name).mend(key, watching(workspace, progress))
    platform.set_up(workspace, name, changed)
    return {"settings": changed}


def undo(workspace: Workspace, progress: Progress, *, name: str, key: str) -> dict:
    """Do what the `undo` of the check `key` says, and keep the settings that it changes.

    Returns:
        `{"settings": …}`, those that changed.
    """
    changed = platform.platform_of(workspace, name).undo(key, watching(workspace, progress))
    platform.set_up(workspace, name, changed)
    return {"settings": changed}
