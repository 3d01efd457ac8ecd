"""Label with a real mouse: draw two objects through a clip, import the labels, and train on them."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from clicks import MINUTE, button, choose, clicks_so_far, count_clicks, done, go
from playwright.sync_api import Locator, Page, expect
from waiting import until

from backend import progress
from backend.labels.label_store import load_labels
from backend.labels.labeling_folder import ClipAnnotations, LabelingFolder, objects_from_tracks, tracks_from_objects
from backend.steps import labeling, videos
from backend.workspace import Workspace
from backend.workspace.records import LabelingJob, Labels, Model, Video
from bytetrack.boxes import box_iou
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter

WIDTH, HEIGHT, FRAMES = 480, 270, 21
SIZE = 60  # pixels, of both objects


def truth(frame: int) -> tuple[list[float], list[float]]:
    """Return the boxes of a square, which turns back in the middle, and of a disc, which moves straight on."""
    x = 30 + 10 * min(frame, 20 - frame)
    return [x, 40, x + SIZE, 40 + SIZE], [380 - 15 * frame, 170, 380 - 15 * frame + SIZE, 170 + SIZE]


@pytest.fixture
def clip(workspace: Workspace, tmp_path: Path) -> None:
    """Add a clip with two moving objects to the console's workspace."""
    path = tmp_path / "moving.mp4"
    noise = np.random.default_rng(1).integers(60, 110, (HEIGHT // 6, WIDTH // 6, 3), np.uint8)
    background = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    texture = np.random.default_rng(2).integers(100, 255, (6, 6, 3), np.uint8)
    with VideoWriter(path, 10, (WIDTH, HEIGHT)) as writer:
        for number in range(FRAMES):
            image = background.copy()
            square, disc = truth(number)
            left, top = int(square[0]), int(square[1])
            image[top : top + SIZE, left : left + SIZE] = cv2.resize(texture, (SIZE, SIZE))
            middle = int((disc[0] + disc[2]) / 2), int((disc[1] + disc[3]) / 2)
            cv2.circle(image, middle, SIZE // 2, (40, 60, 230), -1)
            cv2.circle(image, middle, SIZE // 4, (250, 240, 230), 3)
            writer.write(image)
    videos.add(workspace, progress.silent, source=str(path))


@pytest.fixture
def editor(page: Page, workspace: Workspace, clip: None) -> Locator:
    """The editor with the clip of a new job."""
    clips = [video.id for video in workspace.list(Video)]
    labeling.start(workspace, progress.silent, name="moving", clips=clips, classes=["square", "disc"])
    page.goto(f"/labels?job={job_of(workspace).id}")
    return opened_editor(page)


def opened_editor(page: Page) -> Locator:
    """Wait for the editor and return it."""
    editor = page.locator(".player[data-boxes]")
    expect(editor).to_have_attribute("data-frame", "0", timeout=MINUTE)
    return editor


class Hand:
    """A hand that uses the mouse; all positions are pixels of the image."""

    def __init__(self, page: Page, editor: Locator) -> None:
        self.page, self.editor = page, editor
        self.canvas = editor.locator("canvas.picture")

    def at(self, x: float, y: float) -> tuple[float, float]:
        box = self.canvas.bounding_box()
        assert box
        scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
        left, top = (box["width"] - WIDTH * scale) / 2, (box["height"] - HEIGHT * scale) / 2
        return box["x"] + left + x * scale, box["y"] + top + y * scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        self.page.mouse.move(*self.at(*end))
        self.page.mouse.up()

    def draw(self, xyxy: list[float]) -> None:
        self.drag((xyxy[0], xyxy[1]), (xyxy[2], xyxy[3]))

    def move(self, old: list[float], new: list[float]) -> None:
        """Drag the selected box by its center."""
        centers = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (old, new)]
        self.drag(*centers)

    def click(self, xyxy: list[float]) -> None:
        self.page.mouse.click(*self.at((xyxy[0] + xyxy[2]) / 2, (xyxy[1] + xyxy[3]) / 2))

    def go_to(self, frame: int) -> None:
        field = self.editor.get_by_title("Frame, counted from 0")
        field.fill(str(frame))
        field.press("Enter")
        expect(self.editor).to_have_attribute("data-frame", str(frame))
        self.editor.focus()

    def expect_saved(self) -> None:
        expect(self.editor.locator(".status")).to_have_text("Saved")


@pytest.fixture
def hand(page: Page, editor: Locator) -> Hand:
    return Hand(page, editor)


def job_of(workspace: Workspace) -> LabelingJob:
    (record,) = workspace.list(LabelingJob)
    return record


def test_two_objects_are_labeled_through_a_clip_and_trained_on(page: Page, clip: None, workspace: Workspace) -> None:
    go(page, "Labels")
    choose(page, "Clips", "moving")
    page.keyboard.press("Escape")
    expect(page.get_by_text("21 frames in 1 clip")).to_be_visible()  # the page has run with the choice
    classes = page.get_by_label("Classes", exact=True)
    classes.fill("square, disc")
    classes.press("Enter")
    button(page, "Start labeling").click()
    button(page, "Draw").click(timeout=MINUTE)
    editor = opened_editor(page)
    hand = Hand(page, editor)
    square, disc = truth(0)
    hand.draw(square)
    page.keyboard.press("Escape")
    page.keyboard.press("2")  # new objects are discs
    hand.draw(disc)
    expect(editor).to_have_attribute("data-objects", "2")
    hand.go_to(20)
    hand.move(disc, truth(20)[1])  # its last box is offered as a ghost, which can be dragged
    hand.go_to(0)
    hand.click(square)
    for before, frame in ((0, 10), (10, 20)):
        hand.go_to(frame)
        hand.move(truth(before)[0], truth(frame)[0])
    expect(editor).to_have_attribute("data-boxes", str(2 * FRAMES))

    page.keyboard.press("Control+z")
    expect(editor).to_have_attribute("data-boxes", str(FRAMES + 11))
    page.keyboard.press("Control+y")
    expect(editor).to_have_attribute("data-boxes", str(2 * FRAMES))
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(editor).to_have_attribute("data-frame", "17")
    hand.expect_saved()

    expect(page).to_have_url(re.compile(r"labels\?job=.*&clip=moving&frame=17$"))
    count_clicks(page)
    page.reload()  # everything was saved, and the address names the clip and the frame
    expect(editor).to_have_attribute("data-frame", "17", timeout=MINUTE)
    expect(editor).to_have_attribute("data-boxes", str(2 * FRAMES), timeout=MINUTE)
    button(page, "Mark clip as done").click()
    button(page, "Save as labels").click()
    done(page, "Save labels of moving")
    (labels,) = workspace.list(Labels)
    tracks = load_labels(workspace, labels)
    assert labels.labeled_frames == list(range(FRAMES)) and labels.classes == ["square", "disc"]
    assert len(np.unique(tracks.id)) == 2
    for frame in range(FRAMES):
        boxes = tracks.at(frame)
        assert [tracks.classes[class_id] for class_id in boxes.class_id.tolist()] == ["square", "disc"]
        assert np.diag(box_iou(boxes.xyxy, np.array(truth(frame), float))).min() > 0.8, frame

    go(page, "Datasets")
    button(page, "Build dataset").click()
    done(page, "Build dataset 1")
    go(page, "Training")
    for name, value in {"Epochs": "1", "Image height": "96", "Image width": "160"}.items():
        field = page.get_by_label(name, exact=True)
        field.fill(value)
        field.press("Enter")
    button(page, "Start training").click()
    button(page, "Stop").wait_for()
    go(page, "Labels")
    expect(page.get_by_text("moving").first).to_be_visible()
    assert clicks_so_far(page) <= 12  # from a labeled clip to a running training and back
    go(page, "Training")
    done(page, "Training dataset 1")
    (model,) = workspace.list(Model)
    assert sorted(model.classes) == ["disc", "square"]


def test_tools(page: Page, editor: Locator, hand: Hand, workspace: Workspace) -> None:
    """Follow, split, remove, end, mark as occluded, merge, change the id, delete, fill a gap, undo."""
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder

    def boxes() -> Tracks:
        hand.expect_saved()
        return tracks_from_objects(folder.annotations(0), folder.job.classes)[0]

    def drawn() -> dict[int, list[int]]:
        """Return the saved frames by object."""
        table = boxes()
        return {id: table.frame[table.id == id].tolist() for id in np.unique(table.id).tolist()}

    hand.draw(truth(0)[0])
    page.keyboard.press("f")
    expect(editor).to_have_attribute("data-boxes", str(FRAMES), timeout=20_000)
    table = boxes()
    shares = [box_iou(table.at(frame).xyxy, np.array([truth(frame)[0]]))[0, 0] for frame in range(FRAMES)]
    assert min(shares) > 0.7

    hand.go_to(12)
    page.keyboard.press("s")  # the rest becomes object 2
    assert drawn() == {1: list(range(12)), 2: list(range(12, FRAMES))}
    hand.go_to(15)
    page.keyboard.press("x")
    assert drawn()[2] == [12, 13, 14, 16, 17, 18, 19, 20]
    hand.go_to(18)
    page.keyboard.press("e")
    assert drawn()[2] == [12, 13, 14, 16, 17, 18]
    page.keyboard.press("o")
    hand.expect_saved()
    assert folder.annotations(0).objects[1].keys[18].occluded

    hand.go_to(11)
    page.keyboard.press("Escape")
    hand.click(truth(11)[0])
    page.keyboard.press("m")
    hand.go_to(12)
    hand.click(truth(12)[0])
    assert drawn() == {1: [*range(15), 16, 17, 18]}
    page.keyboard.press("r")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    assert list(drawn()) == [7]
    page.keyboard.press("Shift+Delete")
    assert drawn() == {}
    for _ in range(2):
        page.keyboard.press("Control+z")
    assert drawn() == {1: [*range(15), 16, 17, 18]}
    hand.go_to(15)
    hand.click(truth(14)[0])  # its ghost
    page.keyboard.press("g")
    assert drawn() == {1: list(range(19))}
    for _ in range(2):
        page.keyboard.press("Control+z")
    assert drawn() == {1: list(range(12)), 2: [12, 13, 14, 16, 17, 18]}


def test_following_replaces_predictions_up_to_where_they_are_right(
    page: Page, editor: Locator, hand: Hand, workspace: Workspace
) -> None:
    """For example, boxes of a model that are off in some frames."""
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder
    off = [40 if 6 <= frame < 12 else 0 for frame in range(FRAMES)]
    boxes = [np.array(truth(frame)[0]) + [0, shift, 0, shift] for frame, shift in enumerate(off)]
    table = Tracks(list(range(FRAMES)), [1] * FRAMES, boxes, [1] * FRAMES, [0] * FRAMES, ("square",))
    start_with(page, editor, folder, table)
    hand.go_to(6)
    hand.click(boxes[6].tolist())
    hand.move(boxes[6].tolist(), truth(6)[0])
    page.keyboard.press("f")
    expect(editor).to_have_attribute("data-frame", "11", timeout=20_000)
    hand.expect_saved()
    (drawn,) = folder.annotations(0).objects
    assert [frame for frame, key in drawn.keys.items() if not key.predicted] == [6]
    corrected, _ = tracks_from_objects(folder.annotations(0), folder.job.classes)
    assert corrected.frame.tolist() == list(range(FRAMES))
    shares = [box_iou(corrected.at(frame).xyxy, np.array([truth(frame)[0]]))[0, 0] for frame in range(FRAMES)]
    assert min(shares) > 0.8 and shares[12:] == [pytest.approx(1)] * (FRAMES - 12)


def start_with(page: Page, editor: Locator, folder: LabelingFolder, table: Tracks) -> None:
    """Reload the editor with predicted boxes, as if the job had started with them."""
    folder.save(0, ClipAnnotations(objects=objects_from_tracks(table, folder.job.classes)).model_dump_json().encode())
    page.reload()
    expect(editor).to_have_attribute("data-objects", "1", timeout=MINUTE)


def test_predicted_boxes_between_drawn_ones_are_corrected_along(
    page: Page, editor: Locator, hand: Hand, workspace: Workspace
) -> None:
    """For example, boxes of an object that following has lost gradually."""
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder
    boxes = [np.array(truth(0)[0]) + [0, 4 * frame, 0, 4 * frame] for frame in range(FRAMES)]
    table = Tracks(list(range(FRAMES)), [1] * FRAMES, boxes, [1] * FRAMES, [0] * FRAMES, ("square",))
    start_with(page, editor, folder, table)
    hand.click(boxes[0].tolist())
    for frame, by in ((0, 0), (20, 0), (10, -40)):
        hand.go_to(frame)
        box = boxes[frame]
        # Moving a box away and back marks it as drawn.
        hand.move(box.tolist(), (box + [30, by, 30, by]).tolist())
        hand.move((box + [30, by, 30, by]).tolist(), (box + [0, by, 0, by]).tolist())
    hand.expect_saved()
    tracks, _ = tracks_from_objects(folder.annotations(0), folder.job.classes)
    tops = [tracks.at(frame).xyxy[0, 1] for frame in range(FRAMES)]
    np.testing.assert_allclose(tops[:11], 40, atol=1.5)
    np.testing.assert_allclose(tops[15], 40 + 60 - 20, atol=1.5)
    np.testing.assert_allclose(tops[20], 120, atol=1.5)


def test_a_second_tab_overwrites_nothing(page: Page, editor: Locator, hand: Hand, workspace: Workspace) -> None:
    other_page = page.context.new_page()
    other_page.goto(page.url)
    other = other_page.locator(".player[data-boxes]")
    expect(other).to_have_attribute("data-frame", "0", timeout=30_000)
    hand.draw(truth(0)[0])
    hand.expect_saved()
    Hand(other_page, other).draw(truth(0)[1])
    expect(other.get_by_text("was changed in another tab")).to_be_visible()
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder and len(folder.annotations(0).objects) == 1  # nothing was overwritten
    other.get_by_role("button", name="Load the other version").click()
    expect(other.get_by_text("was changed in another tab")).to_be_hidden()
    Hand(other_page, other).draw(truth(0)[1])
    expect(other).to_have_attribute("data-objects", "2")
    expect(other.locator(".status")).to_have_text("Saved")
    assert len(folder.annotations(0).objects) == 2


def test_keyboard_buttons_and_wheel(page: Page, editor: Locator, hand: Hand, workspace: Workspace) -> None:
    """Mark as truncated, copy to the next frame, change the class, resize, use the keyboard after a click, zoom."""
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder
    hand.draw([30, 40, 90, 100])
    page.keyboard.press("t")
    page.keyboard.press("v")
    expect(editor).to_have_attribute("data-frame", "1")
    editor.get_by_role("button", name="disc (2)").click()
    page.keyboard.press("ArrowLeft")
    expect(editor).to_have_attribute("data-frame", "0")
    hand.drag((90, 70), (120, 70))  # its right edge
    hand.expect_saved()
    (drawn,) = folder.annotations(0).objects
    assert drawn.class_id == 1 and [key.truncated for key in drawn.keys.values()] == [True, False]
    np.testing.assert_allclose(drawn.keys[0].xyxy, (30, 40, 120, 100), atol=1.5)
    np.testing.assert_allclose(drawn.keys[1].xyxy, (30, 40, 90, 100), atol=1.5)

    editor.get_by_role("button", name="Keyboard shortcuts").focus()
    page.keyboard.press("Space")  # presses the button and does not play
    expect(editor.locator(".shortcuts")).to_be_visible()
    page.keyboard.press("Tab")  # moves the focus and does not select
    expect(editor.get_by_role("button", name="Full screen")).to_be_focused()
    editor.focus()

    page.keyboard.press("Escape")
    page.mouse.move(*hand.at(300, 130))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    hand.draw([290, 120, 350, 180])  # at the positions of these pixels before zooming
    hand.expect_saved()
    left, top, right, bottom = folder.annotations(0).objects[1].keys[0].xyxy
    assert right - left == pytest.approx(60 / np.exp(0.8), abs=2) == bottom - top


ATTRIBUTES = [
    {"name": "color", "kind": "choice", "values": ["red", "blue"]},
    {"name": "turned", "kind": "checkbox", "changes": True},
    {"name": "remark", "kind": "text"},
]


def test_objects_get_attributes_and_are_filtered_by_keyboard(page: Page, clip: None, workspace: Workspace) -> None:
    (video,) = workspace.list(Video)
    classes = ["square", "disc"]
    job = labeling.start(
        workspace, progress.silent, name="job", clips=[video.id], classes=classes, attributes=ATTRIBUTES
    )
    record = workspace.get(LabelingJob, job["labeling"])
    folder = labeling.labeling_folder(workspace, record)
    assert folder
    boxes = [truth(0)[0], truth(20)[0], truth(0)[1], truth(10)[1]]
    table = Tracks([0, 20, 0, 10], [1, 1, 2, 2], boxes, [1] * 4, [0, 0, 1, 1], ("square", "disc"))
    objects = objects_from_tracks(table, classes)
    for labeled_object in objects:  # without the gaps between the first and the last box
        for keyframe in labeled_object.keys.values():
            keyframe.gap = False
    folder.save(0, ClipAnnotations(objects=objects).model_dump_json().encode())

    page.goto(f"/labels?job={record.id}&frame=3")
    editor = page.locator(".player[data-boxes]")
    expect(editor).to_have_attribute("data-frame", "3", timeout=MINUTE)
    editor.focus()
    page.keyboard.press("Tab")  # selects object 1
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    expect(editor.get_by_role("combobox", name="color")).to_have_value("red")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(editor.get_by_role("checkbox", name="turned")).to_be_checked()
    expect(editor.get_by_role("checkbox", name="turned")).to_be_focused()  # although the fields were replaced
    page.keyboard.press("Tab")
    page.keyboard.type("has a scratch")
    page.keyboard.press("Enter")
    expect(editor.locator(".status")).to_have_text("Saved")
    first = folder.annotations(0).objects[0]
    assert first.attributes == {"color": "red", "remark": "has a scratch"}
    assert {frame: key.attributes for frame, key in first.keys.items()} == {
        0: {},
        3: {"turned": True},
        20: {"turned": True},
    }

    editor.focus()
    page.keyboard.press("/")
    page.keyboard.type("scratch")
    options = editor.get_by_role("listbox", name="Objects").get_by_role("option")
    expect(options).to_have_count(1)
    page.keyboard.press("Control+a")
    page.keyboard.type("disc")
    expect(options).to_have_count(2)  # the selected object stays
    editor.get_by_role("listbox", name="Objects").focus()
    page.keyboard.press("End")
    expect(options).to_have_count(1)
    expect(options).to_have_attribute("aria-selected", "true")
    expect(options).to_contain_text("#2 disc")
    button(editor, "Clear").click()
    page.keyboard.press("Escape")
    editor.get_by_role("combobox", name="Filter by attribute").select_option("color: red")
    expect(options).to_have_count(1)
    editor.get_by_role("combobox", name="Filter by attribute").select_option("")
    editor.get_by_role("combobox", name="Filter by presence in this frame").select_option("absent")
    expect(options).to_have_count(0)
    editor.focus()
    page.keyboard.press("End")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("#2 disc")


def test_the_editor_fits_the_window(page: Page, editor: Locator, hand: Hand) -> None:
    """Image, controls, timeline and panel are in view, and stay in place when something is selected."""
    for width, height in ((1440, 900), (2560, 1440)):
        page.set_viewport_size({"width": width, "height": height})
        for part in ("canvas.picture", "canvas.timeline", ".panel"):
            until(lambda part=part, height=height: bottom_of(editor.locator(part)) <= height)
    before = editor.locator("canvas.picture").bounding_box()
    hand.draw(truth(0)[0])
    expect(editor).to_have_attribute("data-objects", "1")
    assert editor.locator("canvas.picture").bounding_box() == before


def bottom_of(part: Locator) -> float:
    box = part.bounding_box()
    assert box and box["y"] >= 0
    return box["y"] + box["height"]


def test_closing_the_tab_right_after_drawing_loses_nothing(
    page: Page, editor: Locator, hand: Hand, workspace: Workspace
) -> None:
    folder = labeling.labeling_folder(workspace, job_of(workspace))
    assert folder
    page.on("dialog", lambda dialog: dialog.accept())  # leave the page
    hand.draw([30, 40, 90, 100])
    page.close(run_before_unload=True)
    assert len(until(lambda: folder.annotations(0).objects)) == 1
