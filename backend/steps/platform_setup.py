"""Setting up a platform: its checks, and the jobs behind the buttons beside them."""

from __future__ import annotations

from backend.jobs.platform_watch import make_watch
from backend.jobs.results import SettingsResult
from backend.platforms import registry
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Check, Options, Purpose
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job

TRAINING_VERBS: dict[str, Purpose] = {"train": TRAINING, "search hyperparameters": HYPERPARAMETER_SEARCH}


def checks(workspace: Workspace) -> list[Check]:
    """Return the checks of the chosen platform, with quotas for the newest training jobs and all endpoints."""
    name = registry.chosen(workspace)
    chosen: list[tuple[Purpose, Options]] = [
        (endpoint.mode, endpoint.options) for endpoint in workspace.list(Endpoint) if endpoint.platform == name
    ]
    for verb, purpose in TRAINING_VERBS.items():
        jobs = [job for job in workspace.list(Job) if job.verb == verb and job.params["platform"] == name]
        chosen += [(purpose, job.params["options"]) for job in jobs[:1]]  # newest first
    return registry.platform_of(workspace).setup.checks(chosen)


def fix(workspace: Workspace, progress: Progress, *, name: str, key: str) -> SettingsResult:
    """Do what the `fix_label` of a check says and store the settings that this changes.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        name: Key of the platform.
        key: Key of the check.

    Returns:
        The settings that changed.
    """
    changed = registry.platform_of(workspace, name).setup.fix(key, make_watch(workspace, progress))
    registry.change_settings(workspace, name, changed)
    return {"settings": changed}


def revert(workspace: Workspace, progress: Progress, *, name: str, key: str) -> SettingsResult:
    """Do what the `revert_label` of a check says and store the settings that this changes.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        name: Key of the platform.
        key: Key of the check.

    Returns:
        The settings that changed.
    """
    changed = registry.platform_of(workspace, name).setup.revert(key, make_watch(workspace, progress))
    registry.change_settings(workspace, name, changed)
    return {"settings": changed}
