"""Setting up a platform: its checks, and the jobs behind the buttons beside them."""

from __future__ import annotations

from backend.errors import UserError
from backend.jobs.platform_watch import make_watch
from backend.jobs.results import SettingsResult
from backend.platforms import registry
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Check, Options, Purpose
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job

TRAINING_VERBS: dict[str, Purpose] = {"train": TRAINING, "search hyperparameters": HYPERPARAMETER_SEARCH}


def checks(workspace: Workspace, name: str | None = None, values: Options | None = None) -> list[Check]:
    """Return the checks of a platform, with quotas for the newest training jobs and all endpoints.

    Args:
        workspace: The workspace.
        name: Key of the platform; the chosen one if omitted.
        values: Settings to check before they are stored.

    Raises:
        UserError: If there is no such platform, or a value is invalid.
    """
    name = name or registry.chosen(workspace)
    chosen: list[tuple[Purpose, Options]] = [
        (endpoint.mode, endpoint.options) for endpoint in workspace.list(Endpoint) if endpoint.platform == name
    ]
    for verb, purpose in TRAINING_VERBS.items():
        jobs = [job for job in workspace.list(Job) if job.verb == verb and job.params["platform"] == name]
        chosen += [(purpose, job.params["options"]) for job in jobs[:1]]  # newest first
    platform = (
        registry.platform_of(workspace, name) if values is None else registry.with_settings(workspace, name, values)
    )
    return platform.setup.checks(chosen)


def use(workspace: Workspace, name: str, values: Options) -> None:
    """Use a platform for new jobs and endpoints, with some of its settings changed.

    Raises:
        UserError: If it cannot be reached with these settings, or a value is invalid. Nothing is changed then.
    """
    access = registry.with_settings(workspace, name, values).setup.access()
    if access.state != "ok":
        raise UserError(access.detail)
    registry.change_settings(workspace, name, values)
    registry.choose(workspace, name)


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
