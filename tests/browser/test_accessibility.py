"""Accessibility of every page, in the light and in the dark theme: axe-core, names of controls, and the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from consoles import running_console
from many_records import make_workspace
from playwright.sync_api import Browser, Page, expect

from app.journey import STEPS
from backend import progress
from backend.steps import labeling
from backend.workspace import Workspace
from backend.workspace.records import LabelingJob, Labels, Model, Run, Video

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SERIOUS = {"serious", "critical"}
SETTLED = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning"
  && document.querySelector('[data-testid="stMain"] h1')
  && !document.querySelector("[data-testid$=Skeleton], [data-testid=stSpinner]")"""
RUN_AXE = """async (rules) => {
  const options = { resultTypes: ["violations"], elementRef: false };
  if (rules.length) options.runOnly = rules;
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((node) => ({
    target: node.target.flat().join(" "), html: node.html.slice(0, 160), why: node.any[0]?.message ?? "" })) }));
}"""
WITHOUT_TRANSITIONS = """addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = "* { transition: none !important; animation: none !important }";
  document.head.append(style);
})"""  # so that a color is not measured while it changes
# Icons are the text of a span in an icon font, which a screen reader would read out.
ICONS_READ_OUT = """() => [...document.querySelectorAll("span")]
  .filter((span) => getComputedStyle(span).fontFamily.includes("Material Symbols") && span.childElementCount === 0)
  .filter((span) => !span.closest("[aria-hidden=true]"))
  .map((span) => span.outerHTML.slice(0, 160))"""
# What Streamlit's own markup violates, by rule, with a part of the selector and the reason.
EXCEPTIONS = {
    "list": {"stSidebarNavItems": "The sections of the navigation stand between the list and its items."},
    "listitem": {'<li class="st-emotion-cache': "The same, seen from the items; the project's own have no such class."},
}


expect.set_options(timeout=30_000)  # in milliseconds; generous for slow machines


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("accessible") / "workspace", count=3, few=2)


@pytest.fixture(scope="module")
def tab(browser: Browser, records: Workspace) -> Iterator[Page]:
    """A tab of a console with a few records of each kind."""
    with running_console(records.root.parent) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=address, color_scheme="light")
        context.add_init_script(AXE)
        context.add_init_script(WITHOUT_TRANSITIONS)
        page = context.new_page()
        page.set_default_timeout(30_000)
        yield page
        context.close()


def open_view(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function(SETTLED)


def serious(violations: list[dict[str, Any]]) -> list[str]:
    """Return what of the violations is serious and not an exception, a line per element."""
    return [
        f"{violation['id']}: {node['target']} {node['html']} {node['why']}"
        for violation in violations
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
        if not any(part in node["target"] + node["html"] for part in EXCEPTIONS.get(violation["id"], {}))
    ]


VIEWS = [*STEPS, "videos?video", "track?run"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_has_no_serious_violation(tab: Page, records: Workspace, view: str) -> None:
    key, _, parameter = view.partition("?")
    kinds = {"video": Video, "run": Run, "model": Model}
    query = f"?{parameter}={records.list(kinds[parameter])[0].id}" if parameter else ""
    tab.emulate_media(color_scheme="light")
    open_view(tab, f"/{'' if key == 'home' else key}{query}")
    assert not (violations := serious(tab.evaluate(RUN_AXE, []))), "\n".join(violations)
    assert not (icons := tab.evaluate(ICONS_READ_OUT)), "\n".join(icons)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function("() => matchMedia('(prefers-color-scheme: dark)').matches")
    assert not (violations := serious(tab.evaluate(RUN_AXE, ["color-contrast"]))), "\n".join(violations)


def test_the_labeling_editor_has_no_serious_violation(tab: Page, records: Workspace) -> None:
    labels = records.list(Labels)[0]
    attributes = [{"name": "color", "kind": "choice", "values": ["red", "blue"]}, {"name": "remark", "kind": "text"}]
    video = records.get(Video, labels.video)
    job = labeling.start(
        records,
        progress.silent,
        name="streets",
        clips=[video.id],
        classes=labels.classes,
        earlier={video.id: labels.id},
        attributes=attributes,
    )
    open_view(tab, f"/labels?job={job['labeling']}")
    editor = tab.locator(".player[data-boxes]")
    expect(editor).to_have_attribute("data-frame", "0")
    editor.focus()
    tab.keyboard.press("Tab")
    expect(editor.get_by_role("textbox", name="remark")).to_be_visible()
    assert not (violations := serious(tab.evaluate(RUN_AXE, []))), "\n".join(violations)
    labeling.remove(records, records.get(LabelingJob, job["labeling"]))


def test_videos_and_the_player_are_used_with_the_keyboard(tab: Page, records: Workspace) -> None:
    """From the list to a frame, a track of it and back, without a mouse."""
    open_view(tab, "/videos")
    tab.get_by_role("textbox", name="Search").focus()
    tab.keyboard.type("camera 1")
    tab.keyboard.press("Enter")
    link = tab.get_by_role("link", name="camera 1 1")
    expect(tab.get_by_role("link", name="camera 0 0")).to_have_count(0)
    link.focus()
    tab.keyboard.press("Enter")
    player = tab.locator(".player[data-frame]")
    expect(player).to_have_attribute("data-frame", "0")
    expect(tab.get_by_role("heading", name="camera 1 1", level=1)).to_be_visible()
    tab.get_by_role("button", name="Play (space)").focus()
    tab.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "1")
    tab.get_by_role("link", name="All videos").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Videos", level=1)).to_be_visible()


def test_tracks_are_selected_with_the_keyboard(tab: Page, records: Workspace) -> None:
    run = records.list(Run)[0]
    open_view(tab, f"/evaluate?run={run.id}")
    player = tab.locator(".player[data-frame]")
    expect(player).to_have_attribute("data-frame", "0")
    expect(player.get_by_role("slider", name="Timeline")).to_be_visible()  # the tracks are loaded
    player.focus()
    tab.keyboard.press("ArrowDown")
    expect(player.locator(".selection")).to_contain_text("#1 person")
    tab.keyboard.press("ArrowDown")
    expect(player.locator(".selection")).to_contain_text("#2 car")
    tab.keyboard.press("Escape")
    expect(player.locator(".selection")).to_be_hidden()


def test_several_records_are_tagged_and_deleted_with_the_keyboard(tab: Page, records: Workspace) -> None:
    open_view(tab, "/videos")
    for number in (0, 2):
        tab.get_by_role("checkbox", name=f"Select camera {number} {number}").focus()
        tab.keyboard.press("Space")
    expect(tab.get_by_role("status").filter(has_text="2 selected")).to_be_visible()
    tab.get_by_role("button", name="Delete", exact=True).focus()
    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 2 videos?")
    expect(dialog).to_contain_text("2 label sets, 2 runs")
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert records.count(Video) == 3
