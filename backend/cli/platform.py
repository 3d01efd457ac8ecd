"""Subcommands for the platform: choose it, set it up, list what exists on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from backend.cli.app import PLATFORM, command
from backend.cli.options import PlatformName, Yes
from backend.cli.session import confirm, pairs, run_job, workspace


@command(PLATFORM, "use aws region=eu-west-1", "use local")
def use(platform: PlatformName, /, *settings: Annotated[str, Parameter(metavar="NAME=VALUE")]) -> dict[str, Any]:
    """Choose where new jobs run, and print what is missing there.

    Nothing changes if the platform cannot be reached with these settings.

    Args:
        platform: Key of the platform: `local` is this machine, `aws` is Amazon SageMaker.
        settings: Settings of the platform to change, such as region=eu-west-1.
    """
    from backend.steps import platform_setup

    platform_setup.use(workspace(), platform, pairs(settings))
    return {"platform": platform, "checks": platform_setup.checks(workspace())}


@command(PLATFORM, "checks")
def checks() -> Sequence[object]:
    """Print what the chosen platform needs and whether it is there."""
    from backend.steps import platform_setup

    return platform_setup.checks(workspace())


@command(PLATFORM, "set-up stack", "set-up image")
def set_up(key: str, /) -> dict[str, Any]:
    """Create what a check of the chosen platform found missing.

    Args:
        key: Key of the check, as `checks` prints it.
    """
    from backend.platforms import registry

    return run_job("set up", f"Set up {key}", name=registry.chosen(workspace()), key=key)


@command(PLATFORM, "take-down stack")
def take_down(key: str, /) -> dict[str, Any]:
    """Remove what `set-up` created.

    Args:
        key: Key of the check, as `checks` prints it.
    """
    from backend.platforms import registry

    return run_job("take down", f"Take down {key}", name=registry.chosen(workspace()), key=key)


@command(PLATFORM, "inventory")
def inventory() -> Sequence[object]:
    """List what this console created on the chosen platform, with its cost per hour."""
    from backend.platforms.registry import platform_of

    return platform_of(workspace()).inventory.resources()


@command(PLATFORM, "delete-resource endpoint/streets-nano --yes")
def delete_resource(*resources: Annotated[str, Parameter(metavar="ID")], yes: Yes = False) -> dict[str, Any]:
    """Delete resources of the chosen platform.

    Args:
        resources: IDs, as `inventory` prints them.
        yes: Delete without being asked.
    """
    from backend.platforms.registry import platform_of

    created = platform_of(workspace()).inventory
    confirm(f"This deletes {', '.join(resources)} from the platform.", yes)
    for resource in resources:
        created.delete(resource)
    return {"deleted": list(resources)}
