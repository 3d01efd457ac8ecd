from __future__ import annotations

from typing import Any

import pytest
from yolox.data.datasets.coco_classes import COCO_CLASSES as YOLOX_CLASSES

from backend.steps import detectors
from backend.steps.detectors import DetectorChoice, detectors_for
from backend.steps.pretrained_catalog import CATALOG, COCO_CLASSES
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Run, Video


def add_video(workspace: Workspace, name: str, parent: str | None = None) -> Video:
    facts: dict[str, Any] = {
        "width": 64,
        "height": 48,
        "fps": 10,
        "frames": 20,
        "seconds": 2,
        "codec": "h264",
        "size": 1,
    }
    return workspace.add(Video(name=name, path=f"/{name}.mp4", parent=parent, **facts))


def add_model(workspace: Workspace, name: str, source: str = "file", **facts: Any) -> Model:
    values = {"size": "nano", "classes": ["person"], "input_size": [416, 416]} | facts
    return workspace.add(Model(name=name, source=source, **values))


def add_run(workspace: Workspace, video: Video, model: Model) -> Run:
    counts = {"frames": 20, "objects": 1, "seconds": 1, "fps": 20}
    return workspace.add(
        Run(name="run", video=video.id, endpoint="e", endpoint_name="e", mode="batch", model=model.id, **counts)
    )


def names(workspace: Workspace, video: Video) -> list[str]:
    return [choice.name for choice in detectors_for(workspace, video) if choice.model]


def test_the_best_fitting_model_comes_first(workspace: Workspace) -> None:
    yard, street = add_video(workspace, "yard"), add_video(workspace, "street")
    clip = add_video(workspace, "yard 1", parent=yard.id)
    labels = workspace.add(
        Labels(name="clip", video=clip.id, source="COCO", classes=["person"], labeled_frames=[0], boxes=1, objects=1)
    )
    imported = add_model(workspace, "imported")
    add_model(workspace, "trained elsewhere", "trained")
    add_model(workspace, "trained here", "trained", labels=[labels.id])
    assert names(workspace, yard) == ["trained here", "trained elsewhere", "imported"]
    assert names(workspace, street) == ["trained here", "trained elsewhere", "imported"], "the newest of the trained"
    add_run(workspace, street, imported)
    assert names(workspace, street)[0] == "imported", "what was used on this video"
    assert names(workspace, yard)[:2] == ["trained here", "imported"]


def test_published_models_follow_until_they_are_downloaded(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "is_gpu_present", lambda: False)
    video = add_video(workspace, "yard")
    first, *others = detectors_for(workspace, video)
    assert first.key == "yolox_nano" and first.published is CATALOG["yolox_nano"]
    assert len(others) == 5 and all(choice.published and choice.published.url for choice in others)
    add_model(workspace, "YOLOX-nano", "YOLOX COCO", classes=list(COCO_CLASSES))
    first, *others = detectors_for(workspace, video)
    assert first.model and first.model.name == "YOLOX-nano"
    assert "yolox_nano" not in [choice.key for choice in others]


def test_a_model_limited_to_classes_does_not_replace_the_download(workspace: Workspace) -> None:
    add_model(workspace, "people", "YOLOX COCO", base="model-1")
    assert "yolox_nano" in [choice.key for choice in detectors_for(workspace, add_video(workspace, "yard"))]


def test_with_a_gpu_a_larger_one_is_suggested(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "is_gpu_present", lambda: True)
    assert detectors_for(workspace, add_video(workspace, "yard"))[0].key == "yolox_s"


def test_few_classes_are_offered_at_first() -> None:
    coco = DetectorChoice("m", "m", COCO_CLASSES)
    assert len(coco.quick_classes()) <= 8 and coco.default_classes() == ["person"]
    own = DetectorChoice("m", "m", ("ball", "player"))
    assert own.quick_classes() == ["ball", "player"] and own.default_classes() == []
    many = DetectorChoice("m", "m", tuple(f"part {number}" for number in range(30)))
    assert len(many.quick_classes()) <= 8 and many.default_classes() == ["part 0"]


def test_the_classes_of_coco_are_those_of_yolox() -> None:
    assert tuple(YOLOX_CLASSES) == COCO_CLASSES
