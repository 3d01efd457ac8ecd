"""What every journey through the console does."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

MINUTE = 60_000  # milliseconds, on a machine that may be busy


def go(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def done(page: Page, job: str, minutes: float = 3) -> None:
    """The job's line says that it is done."""
    lines = page.get_by_test_id("stMain").get_by_test_id("stMarkdownContainer")
    expect(lines.filter(has_text=re.compile(f"{job}.* done")).first).to_be_visible(timeout=minutes * MINUTE)
