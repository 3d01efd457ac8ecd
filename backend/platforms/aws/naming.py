"""Names on SageMaker: up to 63 letters, digits and dashes, unique in the account and region."""

from __future__ import annotations

import re

MAX_LENGTH = 63
PREFIX = "bts"  # identifies the console's resources to people who look at them on AWS


def name_of(title: str, token: str, suffix: str = "") -> str:
    """Return a name that resembles `title` and is unique by `token`, such as `bts-crossing-nano-1-4f2a`."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    end = f"-{token}{suffix}"
    return f"{PREFIX}-{slug}"[: MAX_LENGTH - len(end)].rstrip("-") + end
