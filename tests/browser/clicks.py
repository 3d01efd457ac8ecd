"""Steps that browser tests share."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Locator, Page, TimeoutError, expect

MINUTE = 60_000  # in milliseconds, as Playwright counts time-outs; generous for slow machines
COUNT_CLICKS = """addEventListener("pointerdown", (event) => {
  if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


def count_clicks(page: Page) -> None:
    """Count the clicks of this tab from its next page load on; loading a page again does not reset the count."""
    page.add_init_script(COUNT_CLICKS)


def clicks_so_far(page: Page) -> int:
    """Return the number of clicks that `count_clicks` has counted."""
    clicks: int = page.evaluate("Number(sessionStorage.clicks ?? 0)")
    return clicks


def go(page: Page, title: str) -> None:
    """Open a page of the console by its link in the sidebar."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a select box.

    Streamlit closes an open select box when the page runs again. Then it is opened once more.
    """
    for _ in range(10):
        page.get_by_label(label, exact=True).click()
        with suppress(TimeoutError):
            return page.get_by_role("option", name=option).click(timeout=3000)
    raise AssertionError(f"{label!r} has no option {option!r}")


def done(page: Page, job: str, minutes: float = 3) -> None:
    """Wait until a job is shown as done."""
    lines = page.get_by_test_id("stMain").get_by_test_id("stMarkdownContainer")
    expect(lines.filter(has_text=re.compile(f"{job}.* done")).first).to_be_visible(timeout=minutes * MINUTE)
