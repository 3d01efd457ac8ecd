from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_checkpoints import add, save_checkpoint

from backend import jobs
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace.records import Endpoint, Model
from bytetrack.detection.artifact import ModelConfig, read_config, write_config


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def field(page, label: str, fields=None):
    return next(field for field in (fields or page.main.selectbox) if field.label == label)


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


def enter_path(page, path: Path):
    return next(element for element in page.text_input if element.key == "model-path").input(str(path)).run()


def test_a_file_that_is_no_model_ends_in_a_sentence(open_page, workspace, finish, tmp_path: Path):
    (tmp_path / "yolox_s.pth").write_text("not a checkpoint")
    page = enter_path(open_page("models"), tmp_path / "yolox_s.pth")
    field(page, "Input normalization").set_value("raw").run()
    button(page, "Import").click().run()
    job = finish()
    assert job.status == "failed"
    assert "yolox_s.pth" in job.reason
    assert not workspace.list(Model) and (tmp_path / "yolox_s.pth").exists()


def test_a_path_that_does_not_exist_is_said_at_once(open_page, tmp_path: Path):
    page = enter_path(open_page("models"), tmp_path / "gone.pth")
    assert [error.value for error in page.error] == [f"File or folder not found: {tmp_path / 'gone.pth'}."]
    assert not any(button.label == "Import" for button in page.main.button)


def test_nothing_about_the_input_is_guessed_from_the_name(open_page, tmp_path: Path):
    (tmp_path / "bytetrack_nano_mot17.pth.tar").write_bytes(b"weights")
    page = enter_path(open_page("models"), tmp_path / "bytetrack_nano_mot17.pth.tar")
    assert field(page, "Input normalization").value == "not sure" and button(page, "Import").disabled
    assert any("ByteTrack nano MOT17, input 1088 × 608" in caption.value for caption in page.caption)
    assert button(page, "Try both normalizations").disabled  # there is no video or picture yet
    field(page, "Input normalization").set_value("imagenet").run()
    assert not button(page, "Import").disabled


def test_a_model_of_this_console_says_everything_itself(open_page, tmp_path: Path):
    (tmp_path / "trained").mkdir()
    write_config(tmp_path / "trained", ModelConfig(0.33, 0.25, True, ["person"], [64, 64]))
    page = enter_path(open_page("models"), tmp_path / "trained")
    assert not any(box.label == "Input normalization" for box in page.selectbox)
    assert not button(page, "Import").disabled


def test_both_normalizations_are_tried_side_by_side_before_the_import(
    open_page, workspace, video, finish, tmp_path: Path
):
    path = save_checkpoint(tmp_path / "mine.pth", classes=3)
    page = enter_path(open_page("models"), path)
    for label in ("Input width", "Input height"):
        next(element for element in page.number_input if element.label == label).set_value(64).run()
    next(element for element in page.slider if element.label == "Frame (0–19)").set_value(7).run()
    button(page, "Try both normalizations").click().run()
    trial = finish()
    assert trial.status == "done" and trial.params["frame"] == 7
    page.run()
    assert len(page.get("image")) == 2 and not workspace.list(Model)
    assert any("on frame 7 of tiny" in text.value for text in page.markdown)
    assert any("3 classes and does not name them" in warning.value for warning in page.warning)
    assert any("Nothing is detected with either" in info.value for info in page.info)
    field(page, "Class names, in the model's order", page.text_input).input("person, car, dog").run()
    button(page, "Use ImageNet mean and std").click().run()
    job = jobs.recent(workspace)[0]
    jobs.stop(workspace, job.id)
    assert job.verb == "add model" and job.params == {
        "source": str(path),
        "classes": ["person", "car", "dog"],
        "normalization": "imagenet",
        "input_size": [64, 64],
    }
    finish()


def test_the_input_of_an_imported_model_is_changed(open_page, workspace, finish, tmp_path: Path):
    model = add(workspace, save_checkpoint(tmp_path / "mine.pth", classes=3))
    endpoint = workspace.add(Endpoint(name="live", model=model.id, mode="realtime", platform="local"))
    page = open_page("models")
    assert button(page, "Save").disabled
    assert any("“live” must be updated on Deploy" in caption.value for caption in page.caption)
    field(page, "Input normalization").set_value("imagenet").run()
    button(page, "Save").click().run()
    job = finish()
    assert job.status == "done" and read_config(workspace.folder(model)).normalization == "imagenet"
    page.run()
    assert any("“live” still answers with the earlier input" in warning.value for warning in page.warning)
    assert workspace.get(Endpoint, endpoint.id).model_changed


def test_the_input_of_a_trained_model_is_that_of_its_training(open_page, workspace, model):
    assert any(button.label == "Save" for button in open_page("models").main.button)
    with workspace.edit(Model, model.id) as stored:
        stored.source = "trained"
    assert not any(button.label == "Save" for button in open_page("models").main.button)
