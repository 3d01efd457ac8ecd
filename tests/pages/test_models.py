from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from backend.steps.pretrained_catalog import CATALOG
from backend.workspace.records import Model
from bytetrack.detection.artifact import ModelConfig, write_config


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def model(workspace) -> Model:
    """Two classes, and no more weights than are needed to count them."""
    model = Model(name="coco", size="nano", classes=["person", "car"], input_size=[64, 64], source="YOLOX COCO")
    folder = workspace.folder(model)
    save_file({"weight": np.zeros((3, 4), np.float32)}, folder / "model.safetensors")
    (folder / "model.onnx").write_bytes(b"")
    config = ModelConfig(depth=0.33, width=0.25, depthwise=True, classes=model.classes, input_size=[64, 64])
    write_config(folder, config)
    return workspace.add(model)


def test_without_models_published_ones_are_offered(open_page):
    page = open_page("models")
    offered = [element for element in page.main.button if element.label == "Download"]
    assert len(offered) == sum(entry.url is not None for entry in CATALOG.values()) > 0


def test_a_model_is_shown(open_page, model):
    page = open_page("models")
    assert any("coco" in text.value for text in page.markdown)
    assert any("input 64 × 64, pixels 0-255" in text.value for text in page.caption)


def test_classes_are_chosen_from_its_own(open_page, workspace, model):
    page = open_page("models")
    next(element for element in page.multiselect if element.label == "Classes").set_value(["person"]).run()
    button(page, "Save as new model").click().run()
    assert {tuple(model.classes) for model in workspace.list(Model)} == {("person", "car"), ("person",)}


def test_a_file_that_is_no_model_ends_in_a_sentence(open_page, workspace, finish, tmp_path: Path):
    (tmp_path / "yolox_s.pth").write_text("not a checkpoint")
    page = open_page("models")
    next(element for element in page.text_input if element.label == "Path").input(str(tmp_path / "yolox_s.pth"))
    next(element for element in page.main.button if element.key and "model-by-path" in element.key).click().run()
    job = finish()
    assert job.status == "failed"
    assert "yolox_s.pth" in job.reason
    assert not workspace.list(Model)
