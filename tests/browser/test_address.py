"""The address of a page: links, back and forward, and what does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from consoles import running_console
from many_records import make_workspace
from playwright.sync_api import Browser, Page, expect

from backend.workspace import Workspace
from backend.workspace.records import Labels, Run, Video

expect.set_options(timeout=30_000)  # in milliseconds; generous for slow machines


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("address") / "workspace", count=60, few=2)


@pytest.fixture(scope="module")
def tab(browser: Browser, records: Workspace) -> Iterator[Page]:
    with running_console(records.root.parent) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
        page = context.new_page()
        page.set_default_timeout(30_000)
        yield page
        context.close()


def test_back_and_forward_go_through_lists_and_records(tab: Page, records: Workspace) -> None:
    heading = tab.get_by_role("heading", level=1)
    tab.goto("/videos")
    tab.get_by_role("textbox", name="Search").fill("camera 11")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile("q=camera"))
    tab.get_by_role("link", name="camera 11 23").click()
    expect(heading).to_have_text("camera 11 23")
    expect(tab).to_have_url(re.compile(f"video={records.get(Video, 'camera 11 23').id}"))
    tab.go_back()
    expect(heading).to_have_text(re.compile("Videos"))
    expect(tab.get_by_role("textbox", name="Search")).to_have_value("camera 11")
    expect(tab.get_by_role("link", name="camera 11 23")).to_be_visible()
    tab.go_back()
    expect(tab.get_by_role("textbox", name="Search")).to_have_value("")
    tab.go_forward()
    tab.go_forward()
    expect(heading).to_have_text("camera 11 23")
    tab.reload()
    expect(heading).to_have_text("camera 11 23")


def test_pages_and_order_of_a_list_are_in_the_address(tab: Page) -> None:
    tab.goto("/videos?page=3&sort=-created")
    names = tab.get_by_role("list", name="Videos").get_by_role("link")
    expect(names).to_have_count(12)
    expect(names.last).to_have_text("camera 0 0")
    tab.goto("/videos?page=99")
    expect(names).to_have_count(12)


def test_the_frame_of_the_player_is_in_the_address(tab: Page, records: Workspace) -> None:
    video = records.get(Video, "camera 0 0")
    tab.goto(f"/videos?video={video.id}&frame=40")
    player = tab.locator(".player[data-frame]")
    expect(player).to_have_attribute("data-frame", "40")
    player.focus()
    tab.keyboard.press("ArrowRight")
    expect(tab).to_have_url(re.compile("frame=41"))
    tab.reload()
    expect(player).to_have_attribute("data-frame", "41")
    tab.get_by_role("link", name="All videos").click()
    tab.get_by_role("link", name="camera 1 1", exact=True).click()
    expect(tab.get_by_role("heading", name="camera 1 1", level=1)).to_be_visible()
    expect(player).to_have_attribute("data-frame", "0")
    tab.goto(f"/videos?video={video.id}&frame=9999")
    expect(tab.get_by_text("There is no frame 9999.")).to_be_visible()


@pytest.mark.parametrize(
    "address",
    ["/videos?video=video-0", "/compare?comparison=comparison-0", "/track?run=run-0", "/labels?labels=labels-0"],
)
def test_an_unknown_record_is_said_with_a_link_to_the_list(tab: Page, address: str) -> None:
    tab.goto(address)
    expect(tab.get_by_role("alert")).to_contain_text("-0”. It was deleted")
    tab.get_by_test_id("stMain").get_by_role("link").click()
    expect(tab.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("view", "width", "height", "share"),
    [
        ("videos?video", 1440, 900, 0.6),
        ("videos?video", 2560, 1440, 0.6),
        ("videos?video", 420, 900, 0.2),
        ("track?run", 1440, 900, 0.3),
        ("track?run", 2560, 1440, 0.5),
        ("labels?labels", 1440, 900, 0.3),
        ("evaluate?run", 1440, 900, 0.3),
        ("evaluate?run", 2560, 1440, 0.5),
    ],
)
def test_the_player_fits_into_the_window(
    tab: Page, records: Workspace, view: str, width: int, height: int, share: float
) -> None:
    """With its controls and its timeline, and with at least this share of the window's height for the picture."""
    key, _, parameter = view.partition("?")
    record = records.list({"video": Video, "run": Run, "labels": Labels}[parameter])[0]
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto(f"/{key}?{parameter}={record.id}")
    player = tab.locator(".player[data-frame]")
    expect(player).to_have_attribute("data-frame", "0")
    last_row = player.locator(".row").first if key == "videos" else player.locator("canvas.timeline")
    expect(last_row).to_be_in_viewport(ratio=1)
    stage = player.locator(".stage").bounding_box()
    assert stage and stage["height"] > share * height
