"""Account: where jobs run, what exists, what it costs, and how to delete it."""

from __future__ import annotations

from app.widgets import guard, page_header
from pages.parts.machine import this_machine
from pages.parts.platform_choice import platform_choice
from pages.parts.platform_resources import platform_resources
from pages.parts.reset import reset
from pages.parts.running_now import running_now
from pages.parts.storage import storage

SECTIONS = (platform_choice, running_now, platform_resources, this_machine, storage, reset)


def main() -> None:
    """Show the sections of the page. An error in one of them does not affect the others."""
    page_header("account")
    for section in SECTIONS:
        with guard():
            section()


main()
