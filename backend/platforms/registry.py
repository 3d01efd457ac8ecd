"""The list of platforms, and the one that a workspace uses.

To add a platform, write a folder with a `PlatformDescriptor` and add it to `PLATFORMS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from backend import jobs
from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import AWS
from backend.platforms.base import Option, Options, Platform
from backend.platforms.descriptor import PlatformDescriptor
from backend.platforms.local import LOCAL
from backend.workspace import Workspace
from backend.workspace.records import Endpoint

PLATFORMS: dict[str, PlatformDescriptor] = {descriptor.key: descriptor for descriptor in (LOCAL, AWS)}
DEFAULT = LOCAL.key
CHOSEN_SETTING = "platform"  # the workspace's setting with the chosen platform; each platform's own is under its key


def platform_of(workspace: Workspace, name: str | None = None) -> Platform:
    """Return a platform.

    Args:
        workspace: The workspace.
        name: Key of the platform. If omitted, the one chosen on the Account page.

    Raises:
        UserError: If there is no such platform.
    """
    descriptor = _descriptor(name or chosen(workspace))
    text = workspace.setting(descriptor.key, "{}")
    return _build(descriptor, workspace.root / descriptor.key, text, bool(jobs.current_job_id.get()))


def chosen(workspace: Workspace) -> str:
    """Return the key of the platform that new jobs and endpoints use."""
    return workspace.setting(CHOSEN_SETTING, DEFAULT)


def choose(workspace: Workspace, name: str) -> None:
    """Use a platform for new jobs and endpoints. Existing ones stay where they are.

    Raises:
        UserError: If there is no such platform.
    """
    platform_of(workspace, name)
    workspace.set(CHOSEN_SETTING, name)


def with_settings(workspace: Workspace, name: str, values: Options) -> Platform:
    """Return a platform with some settings changed, to check them before they are stored.

    Raises:
        UserError: If there is no such platform, or a value is invalid.
    """
    descriptor = _descriptor(name)
    settings = descriptor.settings.parse(settings_of(workspace, name) | dict(values))
    return descriptor.build(workspace.root / descriptor.key, settings, bool(jobs.current_job_id.get()))


def reload() -> None:
    """Build platforms anew when they are next used, with credentials that were changed outside the console."""
    _build.cache_clear()


def setting_options(name: str) -> list[Option]:
    """Return the settings of a platform as fields of a form; empty if it has none."""
    descriptor = _descriptor(name)
    return options.form(descriptor.settings, **(descriptor.access_choices() if descriptor.access_choices else {}))


def access_options(name: str) -> list[Option]:
    """Return the settings without which a platform cannot be reached, as fields of a form; empty if there are none."""
    by_name = {option.name: option for option in setting_options(name)}
    return [by_name[setting] for setting in _descriptor(name).access_settings]


def settings_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return the stored settings of a platform."""
    stored: dict[str, Any] = json.loads(workspace.setting(_descriptor(name).key, "{}"))
    return stored


def change_settings(workspace: Workspace, name: str, values: Options) -> None:
    """Change some of a platform's settings.

    Raises:
        UserError: If a value is invalid, or if running endpoints could no longer be found; nothing is changed then.
    """
    descriptor = _descriptor(name)
    before = settings_of(workspace, name)
    after = before | dict(values)
    old, new = descriptor.settings.parse(before), descriptor.settings.parse(after)
    moved = [key for key in descriptor.locating_settings if getattr(old, key) != getattr(new, key)]
    running = [
        endpoint for endpoint in workspace.list(Endpoint) if endpoint.platform == name and endpoint.keeps_running
    ]
    if running and moved:
        raise UserError(
            f"“{running[0].name}” runs on {descriptor.title} and cannot be found again with another {moved[0]}. Delete "
            "it on Deploy first, or use another workspace."
        )
    if after != before:
        workspace.set(descriptor.key, json.dumps(after))


def end_unrecorded_servers(workspace: Workspace, recorded_refs: Callable[[str], list[Mapping[str, Any]]]) -> None:
    """End servers of the workspace on this machine that no endpoint refers to.

    On AWS nothing is ended without the user, who sees on Account what exists there.

    Args:
        workspace: The workspace.
        recorded_refs: Returns the refs of the endpoints on a platform, by the platform's key.
    """
    for key, descriptor in PLATFORMS.items():
        if descriptor.end_unrecorded_servers:
            descriptor.end_unrecorded_servers(workspace.root / key, partial(recorded_refs, key))


def _descriptor(name: str) -> PlatformDescriptor:
    if name not in PLATFORMS:
        raise UserError(f"Unknown platform “{name}”. Choose one of: {', '.join(PLATFORMS)}.")
    return PLATFORMS[name]


@lru_cache(maxsize=8)  # because the clients of AWS take a second to create
def _build(descriptor: PlatformDescriptor, folder: Path, settings: str, in_job: bool) -> Platform:
    return descriptor.build(folder, descriptor.settings.parse(json.loads(settings)), in_job)
