"""Measure how long pages take from a fresh load until they can be used, with many records and with none.

    PYTHONPATH=.:tests:tests/browser python tests/benchmarks/page_times.py [--count 1000] [--pages track …]

A page can be used once its script has ended and nothing on it waits for a later part.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from consoles import running_console
from many_records import make_workspace
from playwright.sync_api import Browser, Page, sync_playwright

from app.journey import STEPS

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USABLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const isDone = app?.dataset.testScriptState === "notRunning" && document.querySelector('[data-testid="stMain"] h1');
  const waits = document.querySelector("[data-testid$=Skeleton], [data-testid=stSpinner]");
  return isDone && !waits ? performance.now() : null;
}"""


def main() -> None:
    """Parse the command line and print a row per page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="records of each kind")
    parser.add_argument("--repeats", type=int, default=3, help="loads per page, of which the median counts")
    parser.add_argument("--pages", nargs="+", default=list(STEPS), help="keys of the pages")
    parser.add_argument("--workspace", type=Path, help="folder to keep the workspace in, and to reuse it from")
    options = parser.parse_args()
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = options.workspace or Path(temporary)
        if not (folder / "workspace").exists():
            started = time.perf_counter()
            make_workspace(folder / "workspace", options.count)
            print(f"Workspace with {options.count:,} records of each kind: {time.perf_counter() - started:.1f} s")
        empty = Path(temporary) / "empty"
        empty.mkdir()
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        print(f"{'page':10}  {'empty':>8}  {options.count:>8,}   seconds, median of {options.repeats}")
        with running_console(empty) as without, running_console(folder) as with_many:
            for key in options.pages:
                times = [measure(browser, f"{address}/{key}", options.repeats) for address in (without, with_many)]
                print(f"{key:10}  {times[0]:8.2f}  {times[1]:8.2f}", flush=True)
        browser.close()


def measure(browser: Browser, address: str, repeats: int) -> float:
    """Return the median time in seconds from a fresh load until the page can be used."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    load(page, address)  # fills the browser's cache, as an earlier visit has, and the server's imports
    seconds = statistics.median(load(page, address) for _ in range(repeats))
    context.close()
    return seconds


def load(page: Page, address: str) -> float:
    """Load a page and return the time in seconds until it can be used."""
    page.goto(address.removesuffix("/home"))
    return page.wait_for_function(USABLE, timeout=120_000, polling=20).json_value() / 1000


if __name__ == "__main__":
    main()
