from __future__ import annotations

import pytest

from backend.platforms.base import Hardware
from backend.steps.training_start import StartSuggestion, suggest_start
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Model

CPU, GPU = Hardware(2, 0), Hardware(8, 1, "A10G")


def dataset(*classes: str) -> Dataset:
    splits = {"train": ["labels-1"], "val": ["labels-2"], "test": ["labels-3"]}
    return Dataset(name="site", splits=splits, classes=list(classes), frames={"train": 100}, boxes={})


def add(workspace: Workspace, name: str, *classes: str, **options) -> Model:
    options = {"source": "YOLOX COCO", "size": "nano", **options}
    return workspace.add(Model(name=name, classes=list(classes), input_size=[416, 416], **options))


def suggest(workspace: Workspace, *classes: str, hardware: Hardware = CPU) -> StartSuggestion:
    return suggest_start(workspace, dataset(*classes), hardware)


@pytest.mark.parametrize("hardware, key", [(CPU, "yolox_nano"), (GPU, "yolox_s")])
def test_without_a_model_the_published_one_for_the_hardware_is_offered(
    workspace: Workspace, hardware: Hardware, key: str
) -> None:
    suggestion = suggest(workspace, "Person", "helmet", hardware=hardware)
    assert suggestion.model is None and suggestion.download and suggestion.download[0] == key
    assert suggestion.reason == "No model in this workspace knows Person or helmet, so training starts from scratch."


def test_classes_that_nobody_knows_start_from_scratch(workspace: Workspace) -> None:
    add(workspace, "coco", "person", "car")
    suggestion = suggest(workspace, "square", "disc")
    assert suggestion.model is None and suggestion.download is None


def test_the_model_that_knows_more_of_the_classes_fits_better(workspace: Workspace) -> None:
    both = add(workspace, "both", "car", "person", size="x")
    add(workspace, "one", "car")
    suggestion = suggest(workspace, "person", "car")
    assert suggestion.model == both
    assert suggestion.reason == "Of the models here, “both” fits best: it knows person and car."
    assert suggestion.download and suggestion.download[0] == "yolox_nano"  # it knows both, and suits a CPU
    assert suggest(workspace, "helmet", "car").reason.startswith(
        "Of the models here, “one” fits best: it knows car, and learns helmet anew."
    )


def test_of_equal_knowledge_the_size_decides_then_the_newest(workspace: Workspace) -> None:
    add(workspace, "large", "person", size="m")
    add(workspace, "older", "person", created=1.0)
    newer = add(workspace, "newer", "person")
    assert suggest(workspace, "person").model == newer
    assert suggest(workspace, "person").download is None
    assert suggest(workspace, "person", hardware=GPU).model.name == "large"


def test_a_model_that_has_seen_the_validation_frames_is_not_suggested(workspace: Workspace) -> None:
    add(workspace, "leak", "helmet", source="trained", labels=["labels-2"])
    assert suggest(workspace, "helmet").model is None
    own = add(workspace, "own", "helmet", source="trained", labels=["labels-1"])
    assert suggest(workspace, "helmet").model == own
    general = add(workspace, "general", "helmet", source="file", created=1.0)
    assert suggest(workspace, "helmet").model == general
