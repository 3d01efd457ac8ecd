"""Names on SageMaker: 63 letters, digits and dashes, unique in the account and region."""

from __future__ import annotations

import re

LONGEST = 63
PREFIX = "bts"  # so that people who look there know whose it is


def name_of(title: str, token: str, suffix: str = "") -> str:
    """Reads like `title`, and is unique by `token`: `bts-crossing-nano-1-4f2a`."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    end = f"-{token}{suffix}"
    return f"{PREFIX}-{slug}"[: LONGEST - len(end)].rstrip("-") + end
