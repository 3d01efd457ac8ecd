"""The player, on videos whose frames show their number as a row of black and white squares."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clicks import button, go
from playwright.sync_api import Locator, Page, expect
from waiting import until

from backend import progress
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import store_labels
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.records import Labels, Run, Video
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter

WIDTH, HEIGHT, FRAMES, BITS = 480, 270, 90, 8
CELL = 40  # pixels, side of the square of a bit
BOX = (130, 60, 100)  # top, width and height of the box, whose left edge tells the frame number as well
STEP = 3  # pixels that the box moves per frame
TIMELINE_MARGINS = 62, 10  # CSS pixels at the left and right of the timeline, as in timeline.js

# Read the frame number from the image on the canvas, from the player's attribute, and from the drawn box.
READ = """player => {
  const canvas = player.querySelector("canvas.picture"), context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / WIDTH, canvas.height / HEIGHT);
  const left = (canvas.width - WIDTH * scale) / 2, top = (canvas.height - HEIGHT * scale) / 2;
  const at = (x, y) => context.getImageData(Math.round(left + x * scale), Math.round(top + y * scale), 1, 1).data;
  let image = 0;
  for (let bit = 0; bit < BITS; bit++) image += (at((bit + 0.5) * CELL, CELL / 2)[1] > 128) << bit;
  let box = null;  // the first colorful pixel is the left edge
  for (let frame = 0; box === null && frame < FRAMES; frame++) {
    const [red, green, blue] = at(20 + STEP * frame, 180);
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 60) box = frame;
  }
  return { image, frame: Number(player.dataset.frame), box };
}"""
for _name, _value in {
    "WIDTH": WIDTH,
    "HEIGHT": HEIGHT,
    "FRAMES": FRAMES,
    "BITS": BITS,
    "CELL": CELL,
    "STEP": STEP,
}.items():
    READ = READ.replace(_name, str(_value))
WATCH = (
    """(player, seconds) => new Promise(resolve => {
  const read = """
    + READ
    + """, readings = [], started = performance.now();
  const look = () => {
    readings.push(read(player));
    if (performance.now() - started < seconds * 1000) requestAnimationFrame(look);
    else resolve(readings);
  };
  look();
})"""
)


def numbered(number: int) -> np.ndarray:
    """Return an image that shows the bits of a number."""
    image = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    for bit in range(BITS):
        image[:CELL, bit * CELL : (bit + 1) * CELL] = 255 * (number >> bit & 1)
    return image


def write(path: Path, fps: float, times: np.ndarray | None = None) -> None:
    with VideoWriter(path, fps, (WIDTH, HEIGHT), keyint=30, times=times) as writer:
        for number in range(FRAMES):
            writer.write(numbered(number))


def write_avi(path: Path) -> None:
    """Write a file that browsers cannot play."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="bgr24")))
        container.mux(stream.encode(None))


def variable_rate_times() -> np.ndarray:
    """Return times, in seconds, of frames that are 10 to 60 ms apart."""
    return np.r_[0, np.random.default_rng(3).uniform(0.01, 0.06, FRAMES - 1).cumsum()]


def add(workspace: Workspace, path: Path) -> Labels:
    """Add a video and labels with one box per frame, whose position tells the frame number."""
    video = workspace.get(Video, videos.add(workspace, progress.silent, source=str(path))["video"])
    frame = np.arange(FRAMES)
    left, (top, width, height) = 20 + STEP * frame, BOX
    xyxy = np.stack([left, np.full(FRAMES, top), left + width, np.full(FRAMES, top + height)], axis=1)
    tracks = Tracks(frame, np.ones(FRAMES), xyxy, np.ones(FRAMES), np.zeros(FRAMES), ("disc",))
    return store_labels(workspace, video, LabelSequence(video.name, tracks, frame.tolist()), "made")


@pytest.fixture
def player(page: Page) -> Locator:
    return page.locator(".player")


def open_labels(page: Page) -> None:
    go(page, "Labels")
    player = page.locator(".player")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=60_000)
    for label in ("IDs", "Trails"):  # so that only the edges of the box are colorful
        button(player, label).click()
    until(lambda: player.evaluate(READ)["box"] is not None)


def expect_frame(player: Locator, frame: int) -> None:
    """Check that the number, the image and the box that the player shows are those of a frame."""
    expect(player).to_have_attribute("data-frame", str(frame))
    assert player.evaluate(READ) == {"image": frame, "frame": frame, "box": frame}


@pytest.mark.parametrize("kind", ["25", "29.97", "variable", "avi"])
def test_boxes_are_drawn_on_their_own_frames(
    page: Page, player: Locator, workspace: Workspace, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / ("numbers.avi" if kind == "avi" else "numbers.mp4")
    if kind == "avi":
        write_avi(path)
    else:
        write(path, 30000 / 1001 if kind == "29.97" else 25, variable_rate_times() if kind == "variable" else None)
    add(workspace, path)
    open_labels(page)
    expect_frame(player, 0)

    player.focus()
    for frame in range(1, 8):
        page.keyboard.press("ArrowRight")
        expect_frame(player, frame)
    page.keyboard.press("ArrowLeft")
    expect_frame(player, 6)
    page.keyboard.press("End")
    expect_frame(player, FRAMES - 1)
    page.keyboard.press("Home")
    expect_frame(player, 0)
    field = player.get_by_title("Frame, counted from 0")
    for frame in (61, 13, 14, 15, 88, 30, 29):
        field.fill(str(frame))
        field.press("Enter")
        expect_frame(player, frame)

    player.focus()
    for speed in ("1", "4", "0.25"):
        player.get_by_title("Speed").select_option(speed)
        page.keyboard.press("Home")
        expect_frame(player, 0)
        page.keyboard.press("Space")
        readings = player.evaluate(WATCH, 2)
        page.keyboard.press("k")
        assert all(reading["image"] == reading["box"] == reading["frame"] for reading in readings)
        assert len({reading["frame"] for reading in readings}) > 5


def test_differences_are_listed_and_can_be_jumped_to(
    page: Page, player: Locator, workspace: Workspace, tmp_path: Path
) -> None:
    """The tracks miss the object for ten frames, give it another id then, and have a false positive."""
    path = tmp_path / "numbers.mp4"
    write(path, 25)
    labels = add(workspace, path)
    truth = Tracks.load(workspace.folder(labels) / "tracks.json")
    detected = np.flatnonzero((truth.frame < 40) | (truth.frame >= 50))
    frame = np.r_[truth.frame[detected], 70, 71]
    xyxy = np.r_[truth.xyxy[detected], [[10, 60, 40, 90]] * 2]
    identity = np.r_[np.where(truth.frame[detected] < 40, 4, 5), 9, 9]
    tracks = Tracks(frame, identity, xyxy, np.full(len(frame), 0.8), np.zeros(len(frame)), ("disc",))
    run = Run(
        name="numbers",
        video=labels.video,
        endpoint="gone",
        endpoint_name="gone",
        mode="batch",
        model="gone",
        frames=FRAMES,
        objects=3,
        seconds=1,
        fps=90,
    )
    tracks.save(workspace.folder(run) / "tracks.json")
    workspace.add(run)
    go(page, "Evaluate")
    expect(player).to_have_attribute("data-frame", "0", timeout=60_000)

    differences = player.locator(".difference")
    expect(differences).to_have_text(["missed#1frames 40–49", "ID switch#5frame 50", "false positive#9frames 70–71"])
    differences.nth(0).click()
    expect(player).to_have_attribute("data-frame", "40")
    expect(player.locator(".selection")).to_contain_text("#1 disc of labels")
    differences.nth(1).click()
    expect(player).to_have_attribute("data-frame", "50")
    expect(player.locator(".selection")).to_contain_text("#5 disc of tracks, frames 50–89, 40 boxes")
    for key, frame in (("ArrowRight", 70), ("ArrowLeft", 50), ("ArrowLeft", 40)):
        page.keyboard.press(f"Shift+{key}")
        expect(player).to_have_attribute("data-frame", str(frame))

    button(player, "End").click()
    expect(player).to_have_attribute("data-frame", "89")
    stage = player.locator(".stage")
    shape = stage.evaluate("stage => stage.clientWidth / stage.clientHeight")
    button(player, "Side by side").click()
    assert stage.evaluate("stage => stage.clientWidth / stage.clientHeight") == pytest.approx(2 * shape, rel=0.05)
    button(player, "Side by side").click()
    page.keyboard.press("Escape")
    expect(player.locator(".selection")).to_be_hidden()

    timeline = player.locator("canvas.timeline")
    timeline.scroll_into_view_if_needed()
    box = timeline.bounding_box()
    assert box
    page.mouse.click(
        box["x"] + 20, box["y"] + box["height"] - 8
    )  # the id of the lowest lane, that of the false positive
    expect(player.locator(".selection")).to_contain_text("#9 disc of tracks, frames 70–71")
    expect(player).to_have_attribute("data-frame", "70")
    box = timeline.bounding_box()  # the row of the selection has moved it down
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)  # the middle of the ruler
    expect(player).not_to_have_attribute("data-frame", "70")
    assert 35 < int(player.get_attribute("data-frame") or 0) < 50


def test_tracks_are_filtered_selected_and_played(
    page: Page, player: Locator, workspace: Workspace, tmp_path: Path
) -> None:
    """A click selects only tracks that pass the filters."""
    path = tmp_path / "numbers.mp4"
    write(path, 25)
    video = workspace.get(Video, videos.add(workspace, progress.silent, source=str(path))["video"])
    long, short = np.arange(FRAMES), np.arange(10)
    frame, identity = np.r_[long, short], np.r_[np.ones(FRAMES), np.full(10, 2)]
    xyxy = np.r_[np.tile([20, 130, 120, 230], (FRAMES, 1)), np.tile([300, 130, 400, 230], (10, 1))]
    score = np.r_[np.ones(FRAMES), np.full(10, 0.3)]
    tracks = Tracks(frame, identity, xyxy, score, identity - 1, ("disc", "ring"))
    store_labels(workspace, video, LabelSequence(video.name, tracks, long.tolist()), "made")
    go(page, "Labels")
    expect(player).to_have_attribute("data-frame", "0", timeout=60_000)
    canvas, selection = player.locator("canvas.picture"), player.locator(".selection")

    def click(x: float, y: float) -> None:
        box = canvas.bounding_box()
        assert box
        canvas.click(position={"x": x * box["width"] / WIDTH, "y": y * box["height"] / HEIGHT})

    def expect_clickable(is_clickable: bool) -> None:
        page.keyboard.press("Escape")
        click(350, 180)
        if is_clickable:
            expect(selection).to_contain_text("#2 ring frames 0–9, 10 boxes")
        else:
            expect(selection).to_be_hidden()

    canvas.scroll_into_view_if_needed()
    expect_clickable(True)
    player.get_by_text("ring", exact=True).click()
    expect_clickable(False)
    player.get_by_text("ring", exact=True).click()
    for title, value in (("Hide boxes with a lower score", "0.5"), ("Hide tracks with fewer boxes", "20")):
        slider = player.get_by_title(title)
        slider.fill(value)
        expect_clickable(False)
        slider.fill("0")
        expect_clickable(True)
    page.keyboard.press("Escape")
    click(70, 180)
    expect(selection).to_contain_text("#1 disc")
    button(player, "Hide others").click()
    click(350, 180)
    expect(selection).to_be_hidden()

    player.focus()
    page.keyboard.press("l")
    expect(player).to_have_attribute("data-frame", str(FRAMES - 1), timeout=20_000)
    page.keyboard.press("j")
    expect(player).to_have_attribute("data-frame", "0", timeout=20_000)

    timeline = player.locator("canvas.timeline")
    timeline.scroll_into_view_if_needed()
    box = timeline.bounding_box()
    assert box
    left, right = TIMELINE_MARGINS
    width = box["width"] - left - right
    page.mouse.move(box["x"] + left + width * 0.3, box["y"] + 10)
    page.mouse.down()
    for frame in (30, 40, 50, 60):
        page.mouse.move(box["x"] + left + width * (frame + 0.5) / FRAMES, box["y"] + 10)
        expect(player).to_have_attribute("data-frame", str(frame))
    page.mouse.up()
