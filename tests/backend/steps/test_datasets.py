from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.errors import UserError
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_statistics import statistics_of
from backend.labels.label_store import load_labels, store_labels
from backend.progress import silent
from backend.steps import datasets, videos
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Labels, Video
from bytetrack.tracks import Tracks


def add_labels(workspace: Workspace, video: Video, frames: list[int], classes: tuple[str, ...] = ("person",)) -> Labels:
    """Add labels with one box in each of these frames, of alternating classes."""
    count = len(frames)
    class_ids = np.arange(count) % len(classes)
    tracks = Tracks(frames, np.ones(count), [[5, 5, 25, 35]] * count, np.ones(count), class_ids, classes)
    return store_labels(workspace, video, LabelSequence(video.name, tracks, frames), "test")


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])


@pytest.fixture
def clips(workspace: Workspace, video: Video) -> list[Video]:
    cut = videos.cut(workspace, silent, video=video.id, every_frames=5)
    return [workspace.get(Video, id) for id in cut["videos"]]


def test_a_dataset_has_exactly_the_labeled_frames(
    workspace: Workspace, clips: list[Video], number_of: Callable[[np.ndarray], int]
) -> None:
    train = add_labels(workspace, clips[1], [0, 3, 4], ("person", "car"))
    val = add_labels(workspace, clips[3], [2], ("car",))
    dataset = workspace.get(
        Dataset, datasets.build(workspace, silent, name="d", train=[train.id], val=[val.id], test=[])["dataset"]
    )
    assert dataset.classes == ["car", "person"]
    assert dataset.frames == {"train": 3, "val": 1, "test": 0}
    assert dataset.boxes["train"] == {"car": 1, "person": 2}
    folder = workspace.folder(dataset) / "train"
    annotations = json.loads((folder / "annotations.json").read_text())
    assert [image["frame_id"] for image in annotations["images"]] == [0, 3, 4]
    images = [cv2.imread(str(folder / "images" / image["file_name"])) for image in annotations["images"]]
    assert [number_of(image) for image in images] == [5, 8, 9]
    assert annotations["annotations"][0]["bbox"] == [5, 5, 20, 30]
    assert [category["name"] for category in annotations["categories"]] == ["car", "person"]


def test_problems_of_a_split_are_reported(workspace: Workspace, video: Video, clips: list[Video]) -> None:
    train = add_labels(workspace, clips[0], [0, 1])
    val = add_labels(workspace, video, [0, 1], ("car",))
    problems = " ".join(datasets.find_problems(workspace, [train.id], [val.id], []))
    for problem in (
        "chosen for test",
        "Only 2 labeled frames",
        "“car” has no box in train",
        "“person” has no box in val",
        "same frames",
    ):
        assert problem in problems
    other_clip = add_labels(workspace, clips[2], [0, 1])
    assert "same frames" not in " ".join(datasets.find_problems(workspace, [train.id], [other_clip.id], []))


def test_invalid_splits_and_unreadable_videos_are_refused(workspace: Workspace, video: Video) -> None:
    labels = add_labels(workspace, video, [0, 1])
    with pytest.raises(UserError, match="train split is empty"):
        datasets.build(workspace, silent, name="d", train=[], val=[labels.id], test=[])
    with pytest.raises(UserError, match="chosen twice"):
        datasets.build(workspace, silent, name="d", train=[labels.id], val=[labels.id], test=[])
    Path(video.path).write_bytes(b"no video")
    with pytest.raises(UserError):
        datasets.build(workspace, silent, name="d", train=[labels.id], val=[], test=[])
    assert not workspace.list(Dataset)
    assert not list((workspace.root / "datasets").iterdir())


def test_the_suggested_split_keeps_the_order_of_names() -> None:
    def suggest(count: int) -> list[list[str]]:
        labels = [
            Labels(name=f"a_{k}", id=str(k), video="", source="", classes=[], labeled_frames=[], boxes=0, objects=0)
            for k in reversed(range(count))
        ]
        return list(datasets.suggest_split(labels).values())

    assert suggest(0) == [[], [], []]
    assert suggest(1) == [["0"], [], []]
    assert suggest(2) == [["0"], [], ["1"]]
    assert suggest(3) == [["0"], ["1"], ["2"]]
    assert suggest(6) == [["0", "1", "2", "3"], ["4"], ["5"]]
    assert suggest(20)[2] == ["17", "18", "19"]


def test_labels_of_one_clip_are_split_by_time(workspace: Workspace, video: Video) -> None:
    labels = add_labels(workspace, video, list(range(20)))
    split = datasets.split_in_time(workspace, silent, labels=labels.id)
    parts = [workspace.get(Labels, id) for id in split["labels"]]
    assert [len(part.labeled_frames) for part in parts] == [3] * 6 + [2]
    assert sum(len(load_labels(workspace, part)) for part in parts) == 20
    assert [len(ids) for ids in datasets.suggest_split(parts).values()] == [5, 1, 1]


def many_labels(count: int) -> tuple[list[Video], list[Labels]]:
    """Return labels without files, each of a clip of one long video; clips overlap by a frame."""
    parent = Video(name="v", path="", width=64, height=48, fps=10, frames=10 * count + 1, seconds=1, codec="", size=1)
    clips = [replace(parent, id=f"clip-{k}", frames=11, start=10 * k, parent=parent.id) for k in range(count)]
    statistics = {"boxes_per_class": {"person": 3}, "small_boxes": 1, "boxes_outside": 0, "objects_with_one_box": 0}
    shared = {"source": "test", "classes": ["person"], "labeled_frames": [0, 1], "boxes": 3, "objects": 1}
    return [parent, *clips], [
        Labels(name=f"l_{k}", id=f"labels-{k}", video=clip.id, statistics=statistics, **shared)
        for k, clip in enumerate(clips)
    ]


def test_problems_of_many_labels_are_found_without_their_boxes(workspace: Workspace) -> None:
    """They are summed up, and no pair of clips that share a frame is overlooked."""
    videos_of_labels, labels = many_labels(300)
    for record in (*videos_of_labels, *labels):
        workspace.add(record)
    splits = datasets.suggest_split(labels)
    problems = datasets.find_problems(workspace, **splits)
    assert any(
        problem.startswith("2 pairs") or "“l_209” in train and “l_210” in val" in problem for problem in problems
    )
    assert any("“l_254” in val and “l_255” in test" in problem for problem in problems)
    assert any(problem.startswith("300 clips: 300 of 900 boxes have a side below 8 pixels") for problem in problems)
    assert len(problems) < 10
    shuffled = {split: [record.id for record in labels[shift::3]] for shift, split in enumerate(datasets.SPLITS)}
    assert any("299 pairs of clips" in problem for problem in datasets.find_problems(workspace, **shuffled))


def test_labels_of_an_earlier_version_are_counted_once(workspace: Workspace, video: Video) -> None:
    labels = add_labels(workspace, video, [0, 1, 2], ("person", "car"))
    with workspace.edit(Labels, labels.id) as stored:
        stored.statistics = None
    assert statistics_of(workspace, workspace.get(Labels, labels.id)) == labels.statistics
    assert labels.statistics and labels.statistics["boxes_per_class"] == {"person": 2, "car": 1}
    assert workspace.get(Labels, labels.id).statistics == labels.statistics


def test_only_one_of_several_labels_of_a_video_is_suggested(workspace: Workspace, video: Video) -> None:
    drawn, imported = add_labels(workspace, video, [0]), add_labels(workspace, video, [1])
    assert datasets.select_distinct(workspace, [imported, drawn]) == [imported]  # the newest
    drawn.source = "Drawn here"
    assert datasets.select_distinct(workspace, [imported, drawn]) == [drawn]
