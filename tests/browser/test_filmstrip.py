"""Cut ranges of a video on the filmstrip, with the keyboard and with the mouse."""

from __future__ import annotations

from pathlib import Path

from clicks import MINUTE, button, done
from playwright.sync_api import Page, expect

from backend import progress
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.records import Video


def test_two_ranges_are_chosen_named_and_cut_in_one_job(page: Page, workspace: Workspace, tiny_video: Path) -> None:
    video_id = videos.add(workspace, progress.silent, source=str(tiny_video))["video"]  # of 20 frames
    page.goto(f"/videos?video={video_id}")
    strip = page.locator(".filmstrip")
    start, end = (strip.get_by_role("slider", name=f"{side} of the clip") for side in ("Start", "End"))
    expect(end).to_have_attribute("aria-valuenow", "9", timeout=MINUTE)
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_attribute("data-loaded", "true", timeout=MINUTE)
    assert strip.locator(".pictures img").evaluate_all("images => images.every((image) => image.naturalWidth > 0)")

    start.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    end.focus()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowLeft")
    expect(start).to_have_attribute("aria-valuetext", "frame 2, 0:00.2")
    expect(end).to_have_attribute("aria-valuetext", "frame 9, 0:00.9")
    page.keyboard.press("Shift+ArrowLeft")  # not beyond the start
    expect(end).to_have_attribute("aria-valuenow", "2")
    strip.get_by_label("Last frame number").fill("6")
    strip.get_by_label("Last frame number").press("Enter")
    strip.get_by_label("Name of clip 1").fill("goal")

    button(strip, "Add range").click()
    expect(start).to_have_attribute("aria-valuenow", "7")
    box = strip.locator(".strip").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)  # the end is nearer
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10)
    page.mouse.up()
    expect(end).to_have_attribute("aria-valuenow", "14")
    button(page, "Cut 2 clips").click(timeout=MINUTE)
    done(page, "Cut tiny")
    clips = {clip.name: (clip.start, clip.frames) for clip in workspace.list(Video) if clip.parent == video_id}
    assert clips == {"goal": (2, 5), "tiny_7-14": (7, 8)}
