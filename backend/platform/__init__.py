"""Where jobs run. Pages and verbs ask `platform_of`; only `backend.platform` knows which platforms there are."""

from __future__ import annotations

from backend.errors import UserError
from backend.platform.base import Platform
from backend.workspace import Workspace

PLATFORMS = {"local": "This machine"}


def platform_of(workspace: Workspace, name: str | None = None) -> Platform:
    """The platform called `name`, by default the one chosen on the Account page.

    Raises:
        UserError: if there is no such platform.
    """
    name = name or workspace.setting("platform", "local")
    if name == "local":
        from backend.platform.local.platform import LocalPlatform

        return LocalPlatform(workspace.root / "local")
    raise UserError(f"There is no platform “{name}”. Choose one of: {', '.join(PLATFORMS)}.")
