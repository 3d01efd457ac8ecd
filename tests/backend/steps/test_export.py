from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from backend.errors import UserError
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels, store_labels
from backend.progress import silent
from backend.steps import overlays, videos
from backend.steps.export import COLUMNS, export
from backend.steps.importing import import_labels
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY
from backend.workspace.records import Labels, Video
from bytetrack import mot
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter, frame_times

TABLE = Tracks([0, 5], [1, 2], [[1, 2, 11, 22], [3, 4, 13.5, 24]], [1, 1], [0, 1], ("person", "a, b"))


@pytest.fixture
def labels(workspace: Workspace, tiny_video: Path) -> Labels:
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    return store_labels(workspace, video, LabelSequence("tiny", TABLE, [0, 5]), "test")


def test_every_format_has_the_same_boxes(workspace: Workspace, labels: Labels) -> None:
    for table in (
        mot.read(export(workspace, labels, "mot"), TABLE.classes),
        Tracks.load(export(workspace, labels, "json")),
    ):
        np.testing.assert_array_equal(table.xyxy, TABLE.xyxy)
        np.testing.assert_array_equal(table.frame, TABLE.frame)
        np.testing.assert_array_equal(table.class_id, TABLE.class_id)
    with export(workspace, labels, "csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == COLUMNS
    assert rows[1] == ["5", "0.5", "2", "a, b", "1.0", "3.0", "4.0", "13.5", "24.0"]


def test_seconds_are_exact_at_a_variable_frame_rate(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "varying.mp4"
    times = np.array([0.0, 0.1, 0.5, 0.6, 2.0, 2.1])
    with VideoWriter(path, 10, (64, 48), times=times) as writer:
        for _ in times:
            writer.write(np.zeros((48, 64, 3), np.uint8))
    video = workspace.get(Video, videos.add(workspace, silent, source=str(path))["video"])
    labels = store_labels(workspace, video, LabelSequence("varying", TABLE, [0, 5]), "test")

    def seconds() -> list[str]:
        with export(workspace, labels, "csv").open(newline="") as file:
            return [row["seconds"] for row in csv.DictReader(file)]

    assert seconds() == ["0.0", "2.1"]
    overlays.make(workspace, silent, of=labels.id)
    drawn = frame_times(workspace.folder(labels) / OVERLAY)
    np.testing.assert_allclose(drawn, times, atol=1e-3)
    path.unlink()
    (workspace.folder(labels) / "tracks.csv").unlink()
    assert seconds() == ["0.0", f"{5 / video.fps:.3f}".rstrip("0")]


def test_unknown_formats_and_missing_tracks_are_refused(workspace: Workspace, labels: Labels) -> None:
    with pytest.raises(UserError, match="not a format"):
        export(workspace, labels, "xls")
    (workspace.folder(labels) / "tracks.json").unlink()
    with pytest.raises(UserError, match="no tracks"):
        export(workspace, labels, "mot")


def test_exported_ground_truth_is_imported_as_the_same_labels(workspace: Workspace, labels: Labels) -> None:
    path = export(workspace, labels, "ground_truth")
    (again,) = import_labels(workspace, silent, path=str(path))["labels"]
    imported = workspace.get(Labels, again)
    assert (imported.video, imported.labeled_frames, imported.source) == (labels.video, [0, 5], "Ground Truth")
    assert sorted(imported.classes) == sorted(labels.classes)
    np.testing.assert_array_equal(load_labels(workspace, imported).xyxy, TABLE.xyxy.round())
