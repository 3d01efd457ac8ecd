"""Setting a platform up: what it lacks, and the jobs that do what the button beside a check says."""

from __future__ import annotations

from backend.jobs.results import SettingsResult
from backend.jobs.watch import make_watch
from backend.platforms import registry
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Check
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job


def checks(workspace: Workspace) -> list[Check]:
    """What the chosen platform needs, with room for what was started there of late and for all that is deployed."""
    name = registry.chosen(workspace)
    chosen = [
        (each.mode, each.options) for each in workspace.list(Endpoint) if each.platform == name
    ]  # ways of serving are called alike in both
    for verb, what in (("train", TRAINING), ("search hyperparameters", HYPERPARAMETER_SEARCH)):
        newest = [job for job in workspace.list(Job) if job.verb == verb and job.params["platform"] == name][:1]
        chosen += [(what, job.params["options"]) for job in newest]
    return registry.platform_of(workspace).checks(chosen)


def fix(workspace: Workspace, progress: Progress, *, name: str, key: str) -> SettingsResult:
    """Do what the `action` of the check `key` says, and keep the settings that it changes.

    Returns:
        `{"settings": …}`, those that changed.
    """
    changed = registry.platform_of(workspace, name).fix(key, make_watch(workspace, progress))
    registry.set_up(workspace, name, changed)
    return {"settings": changed}


def revert(workspace: Workspace, progress: Progress, *, name: str, key: str) -> SettingsResult:
    """Do what the `revert` of the check `key` says, and keep the settings that it changes.

    Returns:
        `{"settings": …}`, those that changed.
    """
    changed = registry.platform_of(workspace, name).revert(key, make_watch(workspace, progress))
    registry.set_up(workspace, name, changed)
    return {"settings": changed}
