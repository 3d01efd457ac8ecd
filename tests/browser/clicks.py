"""What every journey through the console does."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Locator, Page, TimeoutError, expect

MINUTE = 60_000  # milliseconds, on a machine that may be busy


def go(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def choose(page: Page, label: str, option: str) -> None:
    """An option of a list. Streamlit closes one that is open while the page runs again: then it is opened once more."""
    for _ in range(10):
        page.get_by_label(label, exact=True).click()
        with suppress(TimeoutError):
            return page.get_by_role("option", name=option).click(timeout=3000)
    raise AssertionError(f"“{label}” never offered “{option}”")


def done(page: Page, job: str, minutes: float = 3) -> None:
    """The job's line says that it is done."""
    lines = page.get_by_test_id("stMain").get_by_test_id("stMarkdownContainer")
    expect(lines.filter(has_text=re.compile(f"{job}.* done")).first).to_be_visible(timeout=minutes * MINUTE)
