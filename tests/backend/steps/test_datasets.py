from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.errors import UserError
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels, store_labels
from backend.progress import silent
from backend.steps import datasets, videos
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Labels, Video
from bytetrack.tracks import Tracks


def label(workspace: Workspace, video: Video, frames: list[int], classes: tuple[str, ...] = ("person",)) -> Labels:
    count = len(frames)
    kinds = np.arange(count) % len(classes)
    tracks = Tracks(frames, np.ones(count), [[5, 5, 25, 35]] * count, np.ones(count), kinds, classes)
    return store_labels(workspace, video, LabelSequence(video.name, tracks, frames), "test")


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])


@pytest.fixture
def clips(workspace: Workspace, video: Video) -> list[Video]:
    made = videos.cut(workspace, silent, video=video.id, every_frames=5)["videos"]
    return [workspace.get(Video, id) for id in made]


def test_only_labeled_frames_and_the_right_ones(
    workspace: Workspace, clips: list[Video], number_of: Callable[[np.ndarray], int]
) -> None:
    train = label(workspace, clips[1], [0, 3, 4], ("person", "car"))
    val = label(workspace, clips[3], [2], ("car",))
    dataset = workspace.get(
        Dataset, datasets.build(workspace, silent, name="d", train=[train.id], val=[val.id], test=[])["dataset"]
    )
    assert dataset.classes == ["car", "person"]
    assert dataset.frames == {"train": 3, "val": 1, "test": 0}
    assert dataset.boxes["train"] == {"car": 1, "person": 2}
    folder = workspace.folder(dataset) / "train"
    annotations = json.loads((folder / "annotations.json").read_text())
    assert [image["frame_id"] for image in annotations["images"]] == [0, 3, 4]
    seen = [number_of(cv2.imread(str(folder / "images" / image["file_name"]))) for image in annotations["images"]]
    assert seen == [5, 8, 9]
    assert annotations["annotations"][0]["bbox"] == [5, 5, 20, 30]
    assert [each["name"] for each in annotations["categories"]] == ["car", "person"]


def test_problems_of_a_split(workspace: Workspace, video: Video, clips: list[Video]) -> None:
    train = label(workspace, clips[0], [0, 1])
    val = label(workspace, video, [0, 1], ("car",))
    problems = " ".join(datasets.find_problems(workspace, [train.id], [val.id], []))
    for problem in (
        "chosen for test",
        "Only 2 labeled frames",
        "“car” has no box in train",
        "“person” has no box in val",
        "same frames",
    ):
        assert problem in problems
    apart = label(workspace, clips[2], [0, 1])
    assert "same frames" not in " ".join(datasets.find_problems(workspace, [train.id], [apart.id], []))


def test_what_cannot_be_a_dataset(workspace: Workspace, video: Video) -> None:
    labels = label(workspace, video, [0, 1])
    with pytest.raises(UserError, match="train split is empty"):
        datasets.build(workspace, silent, name="d", train=[], val=[labels.id], test=[])
    with pytest.raises(UserError, match="chosen twice"):
        datasets.build(workspace, silent, name="d", train=[labels.id], val=[labels.id], test=[])
    Path(video.path).write_bytes(b"gone")
    with pytest.raises(UserError):
        datasets.build(workspace, silent, name="d", train=[labels.id], val=[], test=[])
    assert not workspace.list(Dataset)
    assert not list((workspace.root / "datasets").iterdir())


def test_suggested_split() -> None:
    def split(count: int) -> list[list[str]]:
        labels = [
            Labels(name=f"a_{k}", id=str(k), video="", source="", classes=[], labeled_frames=[], boxes=0, objects=0)
            for k in reversed(range(count))
        ]
        return list(datasets.suggest_split(labels).values())

    assert split(0) == [[], [], []]
    assert split(1) == [["0"], [], []]
    assert split(2) == [["0"], [], ["1"]]
    assert split(3) == [["0"], ["1"], ["2"]]
    assert split(6) == [["0", "1", "2", "3"], ["4"], ["5"]]
    assert split(20)[2] == ["17", "18", "19"]


def test_one_clip_is_split_in_time(workspace: Workspace, video: Video) -> None:
    labels = label(workspace, video, list(range(20)))
    made = datasets.split_in_time(workspace, silent, labels=labels.id)["labels"]
    parts = [workspace.get(Labels, id) for id in made]
    assert [len(each.labeled_frames) for each in parts] == [3] * 6 + [2]
    assert sum(len(load_labels(workspace, each)) for each in parts) == 20
    assert [len(ids) for ids in datasets.suggest_split(parts).values()] == [5, 1, 1]
