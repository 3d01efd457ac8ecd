"""This machine as a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from backend.platforms.base import Platform
from backend.platforms.descriptor import NoSettings, PlatformDescriptor


def _build(folder: Path, settings: NoSettings, in_job: bool) -> Platform:
    from backend.platforms.local.platform import LocalPlatform

    return LocalPlatform(folder)


def _end_unrecorded_servers(folder: Path, recorded_refs: Callable[[], list[Mapping[str, Any]]]) -> None:
    from backend.platforms.local.endpoints import LocalEndpoints

    LocalEndpoints(folder / "endpoints").end_unrecorded(recorded_refs)


LOCAL = PlatformDescriptor(
    key="local",
    title="This machine",
    description=(
        "Training, batch jobs and endpoints are processes of the machine that this console runs on. They keep running "
        "when you close the page or the console, and cost nothing but its power."
    ),
    build=_build,
    end_unrecorded_servers=_end_unrecorded_servers,
)
