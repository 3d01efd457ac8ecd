"""All steps of the console with clicks alone, from an empty workspace."""

from __future__ import annotations

import re
from pathlib import Path

from clicks import MINUTE, button, clicks_so_far, count_clicks, done, go
from playwright.sync_api import Page, expect


def test_sample_to_comparison(page: Page) -> None:
    expect(page.get_by_role("heading", name="From raw video to tracks you can trust")).to_be_visible()
    button(page, "Try it with the sample").click()
    expect(page.get_by_test_id("stMain").get_by_test_id("stProgress").first).to_be_visible()
    done(page, "Make the sample")

    go(page, "Videos")
    expect(page.get_by_text("sample 6", exact=True).first).to_be_visible()
    go(page, "Labels")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=MINUTE)

    go(page, "Datasets")
    button(page, "Build dataset").click()
    done(page, "Build dataset 1")

    go(page, "Training")
    for name, value in {"Epochs": "1", "Image height": "96", "Image width": "128"}.items():
        field = page.get_by_label(name, exact=True)
        field.fill(value)
        field.press("Enter")
    expect(page.get_by_text("1 epoch of")).to_be_visible()
    button(page, "Start training").click()
    button(page, "Stop").wait_for()
    page.reload()  # the job goes on without the page
    done(page, "Training dataset 1 nano 1", minutes=6)
    expect(page.get_by_text("Average precision on the validation split")).to_be_visible()

    count_clicks(page)
    page.goto("/models")
    expect(page.get_by_text("dataset 1 nano 1").first).to_be_visible()

    go(page, "Deploy")
    for number, mode in enumerate(("batch", "real-time", "asynchronous"), 1):
        button(page, f"Deploy {mode}").click()
        expect(button(page.get_by_test_id("stMain"), "Delete")).to_have_count(number, timeout=2 * MINUTE)

    go(page, "Track")
    button(page, "Track").click()
    done(page, "Track sample 1")
    expect(page.locator(".player[data-frame]")).to_have_count(1, timeout=MINUTE)  # the tracks so far are gone
    expect(page.locator(".player[data-frame]")).to_be_visible()

    go(page, "Evaluate")
    button(page, "Evaluate").click()
    done(page, "Evaluate sample 1")
    page.reload()  # results are there without running it again
    expect(page.get_by_text("HOTA", exact=True).first).to_be_visible(timeout=2 * MINUTE)

    go(page, "Compare")
    page.get_by_role("radio", name="Quick").click()
    button(page, "Compare").click()
    done(page, "Compare on sample 1")
    page.get_by_role("tab", name="Measurements").click()
    expect(page.get_by_text("p50").first).to_be_visible(timeout=MINUTE)
    assert clicks_so_far(page) <= 12  # from a model through all three modes to its scores and its latency

    go(page, "Account")
    expect(page.get_by_text("Traceback")).to_have_count(0)
    button(page, "Delete everything").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("delete")
    dialog.get_by_role("textbox").press("Enter")
    button(dialog, "Delete everything").click()
    expect(dialog).to_have_count(0, timeout=MINUTE)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home", exact=True).click()
    expect(button(page, "Try it with the sample")).to_be_visible()


def test_a_text_file_named_mp4_is_refused(page: Page, tmp_path: Path) -> None:
    """The page shows one sentence, and the console keeps working."""
    fake = tmp_path / "notes.mp4"
    fake.write_text("these are notes, not frames")
    go(page, "Videos")
    with page.expect_file_chooser() as chooser:
        page.get_by_text(re.compile("Drop|choose|Choose")).first.click()
    chooser.value.set_files(fake)
    expect(page.get_by_test_id("stAlert").first).to_contain_text("notes.mp4", timeout=MINUTE)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    go(page, "Labels")
