"""Commands of AWS's command line, for the user to paste into a terminal."""

from __future__ import annotations

import shlex

from backend.platforms.aws.account import Account


def aws(account: Account, *words: str) -> str:
    """Return the command `aws …` with the account's region and profile."""
    profile = ["--profile", account.settings.profile] if account.settings.profile else []
    return shlex.join(["aws", *words, "--region", account.region, *profile])
