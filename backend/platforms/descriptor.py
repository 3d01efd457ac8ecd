"""What the console knows of a platform before it is built: names, settings, and how to build it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.platforms import options
from backend.platforms.base import Options, Platform


@dataclass(frozen=True)
class NoSettings:
    """The settings of a platform that needs none. Others declare theirs as fields, see `backend.platforms.options`."""

    @classmethod
    def parse(cls, values: Options) -> NoSettings:
        """Check that there are no values."""
        return options.parse(cls, values)


@dataclass(frozen=True)
class PlatformDescriptor:
    """One entry of `backend.platforms.registry.PLATFORMS`.

    Importing a descriptor must be quick: `build` and `end_unrecorded_servers` import the platform's modules themselves.

    Attributes:
        key: Name in records and settings of the workspace.
        title: Name on pages.
        description: What the user has to expect of the platform, for the Account page.
        build: Builds the platform from a folder for its files, its parsed settings, and whether a job asks for it (a
            job waits longer than a page for a network that is down).
        settings: Dataclass of the settings, with a classmethod `parse` that raises `UserError` for invalid values.
        locating_settings: Settings by which running endpoints are found again. They cannot change while there are any.
        access_settings: Settings without which the platform cannot be reached. They are asked before it is used.
        access_choices: Returns values and labels for settings whose choices are only known at run time.
        consequences: What changes when the platform is used, a sentence each. Empty if it needs no confirmation.
        end_unrecorded_servers: Ends servers in the folder that none of the returned refs belongs to, if servers of the
            platform can be left behind on this machine.
    """

    key: str
    title: str
    description: str
    build: Callable[[Path, Any, bool], Platform]
    settings: Any = NoSettings
    locating_settings: tuple[str, ...] = ()
    access_settings: tuple[str, ...] = ()
    access_choices: Callable[[], Mapping[str, Mapping[str, str]]] | None = None
    consequences: tuple[str, ...] = ()
    end_unrecorded_servers: Callable[[Path, Callable[[], list[Mapping[str, Any]]]], None] | None = None
