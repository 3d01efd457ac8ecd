from __future__ import annotations

import base64
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.progress import silent
from backend.steps import report, videos
from backend.steps.report import PICTURES, find_current, picture_frames
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY, REPORT, TRACKS_JSON
from backend.workspace.records import Labels, Model, Run, Score, Video
from bytetrack.detection.artifact import ModelConfig, write_config
from bytetrack.tracks import Tracks

HOSTILE = '<script>alert("tracks")</script> & "people"'


class Elements(HTMLParser):
    """Collects the elements, the addresses in them, and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"
        self.attributes += [name for name, _ in attrs]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text += f"{data} "


@pytest.fixture
def run(workspace: Workspace, tiny_video: Path) -> Run:
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    model = workspace.add(
        Model(name="street", size="nano", classes=["person", HOSTILE], input_size=[64, 96], source="trained")
    )
    write_config(
        workspace.folder(model),
        ModelConfig(0.33, 0.25, True, model.classes, [64, 96], thresholds={"track_buffer": 30, "min_length": 2}),
    )
    record = workspace.add(
        Run(
            name="tiny",
            video=video.id,
            endpoint="endpoint-0",
            endpoint_name=HOSTILE,
            mode="realtime",
            model=model.id,
            frames=20,
            objects=2,
            seconds=1.0,
            fps=20.0,
            latency_ms={"p50": 12.0},
            bytes_sent=40_000,
            requests=2,
        )
    )
    frame = np.r_[np.arange(20), np.arange(10, 15)]
    ids = np.r_[np.full(20, 1), np.full(5, 2)]
    xyxy = np.stack([frame, np.full(25, 10), frame + 20, np.full(25, 40)], 1)
    Tracks(frame, ids, xyxy, np.ones(25), ids - 1, ("person", HOSTILE)).save(workspace.folder(record) / TRACKS_JSON)
    return record


def read(workspace: Workspace, run: Run) -> tuple[str, Elements]:
    report.make(workspace, silent, run=run.id)
    text = (workspace.folder(run) / REPORT).read_text()
    elements = Elements()
    elements.feed(text)
    return text, elements


def pictures(text: str) -> list[np.ndarray]:
    encoded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR) for jpeg in encoded]


def test_a_report_needs_no_network_and_no_scripts(workspace: Workspace, run: Run) -> None:
    text, elements = read(workspace, run)
    assert all(address.startswith("data:image/jpeg;base64,") for address in elements.addresses)
    assert not {"script", "link", "iframe", "object", "form"} & set(elements.tags)
    assert not any(name.startswith("on") for name in elements.attributes)
    assert "url(" not in text and "@import" not in text and "http://" not in text and "https://" not in text
    assert "default-src 'none'" in text and 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    assert len(text) < 10e6 and all(tag in elements.tags for tag in ("h1", "h2", "table", "figure"))


def test_names_are_escaped(workspace: Workspace, run: Run) -> None:
    text, elements = read(workspace, run)
    assert HOSTILE not in text and HOSTILE in elements.text


def test_a_report_has_counts_measurements_settings_and_facts(workspace: Workspace, run: Run) -> None:
    _, elements = read(workspace, run)
    text = " ".join(elements.text.split())
    assert "Tracks of tiny" in text and "20.0 frames/s, 2.0 times the video's rate" in text
    assert "2, 20 kB each" in text and "p50 12 ms" in text and "p90" not in text
    assert "0:02.0, 20 frames (0–19) at 10 frames/s" in text and "Frames count from 0." in text
    assert "person 1 1 20 2.0 s" in text and f"{HOSTILE} 1 1 5 0.5 s" in text
    assert "track_buffer 30 (1.0 s)" in text and "min_length 2 (0.2 s)" in text
    assert "not compared with labels" in text and str(workspace.root) not in text


def test_pictures_show_the_frames_that_they_name(workspace: Workspace, run: Run, number_of) -> None:
    """Also with trails, for which the frames before are read, and from the video that was drawn before."""
    text, elements = read(workspace, run)
    chosen = [int(number) for number in re.findall(r"Frame (\d+) of 0–19", elements.text)]
    assert chosen == picture_frames(Tracks.load(workspace.folder(run) / TRACKS_JSON), 20)
    assert len(pictures(text)) == PICTURES and all(image.shape == (48, 64, 3) for image in pictures(text))
    assert "Frame 10 of 0–19, 0:01.0: 2 objects" in elements.text

    video = workspace.get(Video, run.video)
    shutil.copyfile(video.path, workspace.folder(run) / OVERLAY)  # as if it was drawn, but without boxes
    text, _ = read(workspace, run)
    assert [number_of(image) for image in pictures(text)] == chosen


@pytest.mark.parametrize(("frames", "pictures"), [(1, 1), (4, 4), (300, 6)])
def test_pictures_are_chosen_over_the_length(frames: int, pictures: int) -> None:
    chosen = picture_frames(Tracks.empty(), frames)
    assert len(chosen) == pictures and chosen == sorted(set(chosen)) and chosen[-1] < frames


def test_a_report_without_a_video_file_has_no_pictures(workspace: Workspace, run: Run, tiny_video: Path) -> None:
    tiny_video.unlink()
    text, elements = read(workspace, run)
    assert not pictures(text) and "The video file could not be read" in elements.text


def test_a_report_of_a_run_without_tracks_says_so(workspace: Workspace, run: Run) -> None:
    Tracks.empty().save(workspace.folder(run) / TRACKS_JSON)
    _, elements = read(workspace, run)
    assert "No object was tracked." in elements.text


def test_a_report_is_made_anew_when_the_run_was_scored_since(workspace: Workspace, run: Run) -> None:
    assert find_current(workspace, run) is None
    read(workspace, run)
    assert find_current(workspace, run) == workspace.folder(run) / REPORT
    labels = workspace.add(
        Labels(name="by hand", video=run.video, source="x", classes=[], labeled_frames=[0, 1], boxes=2, objects=1)
    )
    metrics = {"HOTA": 61.25, "MOTA": 70.0, "IDF1": 80.0, "IDSW": 3, "FP": 4, "FN": 1500}
    workspace.add(Score(name="tiny", run=run.id, labels=labels.id, metrics=metrics))
    assert find_current(workspace, run) is None
    _, elements = read(workspace, run)
    assert find_current(workspace, run)
    assert "by hand (2 labeled frames) 61.2 % 70.0 % 80.0 % 3 4 1,500" in " ".join(elements.text.split())


def test_a_report_has_the_classes_that_were_asked_for_and_the_warnings(workspace: Workspace, run: Run) -> None:
    assert "Warning." not in read(workspace, run)[1].text and ", only" not in read(workspace, run)[1].text
    with workspace.edit(Run, run.id) as stored:
        stored.classes, stored.warnings = ["person", "car"], [f"Hardly anything found: {HOSTILE}"]
    content, elements = read(workspace, run)
    assert "only person and car" in elements.text and "Hardly anything found: <script>" in elements.text
    assert HOSTILE not in content
