"""Three clicks from Home to tracks, and the notification when a long job ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from clicks import MINUTE, clicks_so_far, count_clicks, done
from consoles import running_console
from deployment_helpers import add_model
from moving_squares import HEIGHT, WIDTH, render_frame
from playwright.sync_api import Browser, Page, expect
from waiting import until

from backend import jobs
from backend.jobs import processes
from backend.progress import silent
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.paths import PARTIAL_TRACKS
from backend.workspace.records import Endpoint, Job, Run
from bytetrack.video import VideoWriter

FRAMES = 3000  # which take more than a second
SCENE_FRAMES = 30
RECORD_NOTIFICATIONS = """
window.shown = [];
window.asked = 0;
window.Notification = class {
  static get permission() { return localStorage.permission ?? "default"; }
  static async requestPermission() { asked += 1; localStorage.permission = "granted"; }
  constructor(title, options) { shown.push([title, options.body]); }
};
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a detector and a video of two squares that come and go."""
    folder = tmp_path_factory.mktemp("short path")
    workspace = Workspace(folder / "workspace")
    add_model(workspace)
    scene = [render_frame(frame) for frame in range(SCENE_FRAMES)]
    with VideoWriter(folder / "squares.mp4", 25, (WIDTH, HEIGHT)) as writer:
        for frame in range(FRAMES):
            writer.write(np.asarray(scene[frame % SCENE_FRAMES]))
    videos.add(workspace, silent, source=str(folder / "squares.mp4"))
    return folder


@pytest.fixture(scope="module")
def console(folder: Path) -> Iterator[str]:
    with running_console(folder) as address:
        yield address


def test_three_clicks_lead_from_home_to_tracks(page: Page, folder: Path) -> None:
    count_clicks(page)
    page.goto("/")
    main, workspace = page.get_by_test_id("stMain"), Workspace(folder / "workspace")
    main.get_by_role("button", name="Track", exact=True).click()
    expect(main.get_by_role("combobox", name="Detector")).to_be_visible(timeout=MINUTE)
    main.get_by_role("button", name="Track", exact=True).click()
    (job,) = until(lambda: [job for job in workspace.list(Job) if job.pid])
    partial = jobs.temporary_folder(workspace, job) / PARTIAL_TRACKS
    until(lambda: partial.exists() and partial.stat().st_size)
    (program,) = psutil.Process(job.pid).children()
    program.suspend()  # until the page was looked at
    try:
        so_far = page.get_by_text(re.compile(r"objects? so far, on the first [\d,]+ of 3,000 frames"))
        expect(so_far).to_be_visible(timeout=MINUTE)
        expect(page.locator(".player[data-frame]")).to_be_visible(timeout=MINUTE)
        expect(page.locator("canvas.timeline")).to_be_visible()
        assert clicks_so_far(page) <= 3
    finally:
        program.resume()
    done(page, "Track squares")
    expect(so_far).to_be_hidden()
    (run,), (endpoint,) = workspace.list(Run), workspace.list(Endpoint)
    assert (run.frames, run.endpoint, endpoint.mode) == (FRAMES, endpoint.id, "batch")


def test_the_end_of_a_long_job_is_announced(browser: Browser, console: str, folder: Path) -> None:
    workspace, identity = Workspace(folder / "workspace"), processes.this_process()
    running = Job(name="Training", verb="train", params={}, status="running", started=1e9)
    running.pid, running.pid_started = identity["pid"], identity["pid_started"]
    workspace.add(running)
    context = browser.new_context(base_url=console)
    page = context.new_page()
    page.add_init_script(RECORD_NOTIFICATIONS)
    page.goto("/")
    switch = page.get_by_label("Notify me when a job ends")
    expect(switch).to_be_visible(timeout=MINUTE)
    assert page.evaluate("asked") == 0, "permission is asked for by a click only"
    switch.check()
    page.wait_for_function("asked === 1")
    other_tab = context.new_page()  # in front of the first one
    other_tab.goto("about:blank")
    other_tab.bring_to_front()
    with workspace.edit(Job, running.id) as job:
        job.status, job.ended = "done", 1e9 + 60
    page.wait_for_function("shown.length", timeout=MINUTE)
    assert page.evaluate("shown") == [["Training: done", "After 1 min."]]
    page.reload()
    expect(switch).to_be_checked(timeout=MINUTE)
    assert page.evaluate("[shown.length, asked]") == [0, 0], "not again"
    context.close()
