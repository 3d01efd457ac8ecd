"""Where jobs run. Pages and verbs ask `platform_of`; only `backend.platforms` knows which platforms there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from backend import jobs
from backend.errors import UserError
from backend.platforms.base import Options, Platform
from backend.workspace import Workspace
from backend.workspace.paths import LOCAL_PLATFORM_FOLDER
from backend.workspace.records import Endpoint

if TYPE_CHECKING:
    from backend.platforms.local.platform import LocalPlatform

PLATFORMS = {  # their titles, and what to expect of them
    "local": (
        "This machine",
        "Training, batch jobs and endpoints are processes of the machine that this console runs on. They go on when "
        "you close the page or the console, and cost nothing but its power.",
    ),
    "aws": (
        "AWS",
        "Training, batch jobs and endpoints run on Amazon SageMaker in your own account, on machines of your choice. "
        "Videos, frames and models that they need are copied to a bucket there. It costs what AWS charges.",
    ),
}
CHOSEN = "platform"  # the workspace's settings: which platform is chosen, and what is known of AWS
AWS = "aws"
FOUND_BY = ("profile", "region", "stack")  # the settings by which things on AWS are found again
PATIENCE = 150.0  # seconds for which a job waits for a network that is away


def platform_of(workspace: Workspace, name: str | None = None) -> Platform:
    """The platform called `name`, by default the one chosen on the Account page.

    Raises:
        UserError: if there is no such platform.
    """
    name = name or chosen(workspace)
    if name == "local":
        return _local(workspace)
    if name == AWS:
        return _aws(workspace.setting(AWS, "{}"), bool(jobs.current_job_id.get()))
    raise UserError(f"There is no platform “{name}”. Choose one of: {', '.join(PLATFORMS)}.")


def chosen(workspace: Workspace) -> str:
    """The name of the platform that is in use."""
    return workspace.setting(CHOSEN, "local")


def choose(workspace: Workspace, name: str) -> None:
    """From now on jobs and new endpoints run there; what runs elsewhere stays where it is.

    Raises:
        UserError: if there is no such platform.
    """
    platform_of(workspace, name)
    workspace.set(CHOSEN, name)


def settings_of(workspace: Workspace, name: str) -> dict:
    """What the platform is told of how it is set up, see its options for `SETTINGS`."""
    return json.loads(workspace.setting(name, "{}")) if name != "local" else {}


def set_up(workspace: Workspace, name: str, values: Options) -> None:
    """Change some of a platform's settings.

    Raises:
        UserError: naming the one that makes no sense, or that would lose sight of what runs; nothing is changed then.
    """
    if name == AWS:
        from backend.platforms.aws.settings import AwsSettings

        before = settings_of(workspace, name)
        changed = before | dict(values)
        old, new = (vars(AwsSettings.parse(each)) for each in (before, changed))
        kept_up = [each for each in workspace.list(Endpoint) if each.platform == name and each.mode != "batch"]
        moved = [key for key in FOUND_BY if old[key] != new[key]]
        if kept_up and moved:
            raise UserError(
                f"“{kept_up[0].name}” runs on AWS, and would be lost sight of with another {moved[0]}. Delete it on "
                "Deploy first, or use another workspace for that."
            )
        workspace.set(AWS, json.dumps(changed))


def end_unrecorded_servers(workspace: Workspace, recorded: Callable[[], list[dict]]) -> None:
    """End servers of the workspace on this machine that no ref in `recorded()` names.

    On AWS nothing is ended without a user, who sees on Account what exists there.
    """
    _local(workspace).sweep(recorded)


def _local(workspace: Workspace) -> LocalPlatform:
    from backend.platforms.local.platform import LocalPlatform

    return LocalPlatform(workspace.root / LOCAL_PLATFORM_FOLDER)


@lru_cache(maxsize=4)  # its clients take a second to make
def _aws(settings: str, at_work: bool) -> Platform:
    from backend.platforms.aws.platform import AwsPlatform
    from backend.platforms.aws.settings import AwsSettings

    parsed = AwsSettings.parse(json.loads(settings))
    return AwsPlatform(parsed, PATIENCE) if at_work else AwsPlatform(parsed)
