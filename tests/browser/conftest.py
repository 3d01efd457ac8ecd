"""A console as a user starts it, and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import running_console
from playwright.sync_api import Browser, Page, sync_playwright

from backend.steps import account
from backend.workspace import Workspace

SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium or Chrome, or else Playwright's own; see chromium.sh."""
    executable = next((path for name in SYSTEM_BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[str]:
    """The address of a console of this test's own, with an empty workspace."""
    try:
        with running_console(tmp_path) as address:
            yield address
    finally:
        account.remove_everything(Workspace(tmp_path / "workspace"))  # a failed test may leave endpoints running


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    """A tab on the console's first page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=console)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto("/")
    yield page
    context.close()
