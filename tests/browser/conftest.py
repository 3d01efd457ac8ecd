"""A console as a user starts it, and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

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


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    """The address and the workspace of one console for all tests, because it takes seconds to start."""
    folder = tmp_path_factory.mktemp("console")
    with running_console(folder) as address:
        yield address, Workspace(folder / "workspace")


@pytest.fixture
def workspace(running: tuple[str, Workspace]) -> Iterator[Workspace]:
    """The console's workspace, which is empty at the start of each test."""
    _, workspace = running
    yield workspace
    account.remove_everything(workspace)  # also ends endpoints that a failed test left running


@pytest.fixture
def console(running: tuple[str, Workspace], workspace: Workspace) -> str:
    """The address of a console with an empty workspace."""
    address, _ = running
    return address


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    """A tab on the console's first page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=console)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto("/")
    yield page
    context.close()
