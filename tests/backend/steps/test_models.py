from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from yolox.config import YoloxConfig

from backend.errors import UserError
from backend.progress import silent
from backend.steps import models
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Model
from bytetrack.detection.artifact import read_config


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a very small network with three classes, as YOLOX's trainer writes it."""
    path = tmp_path_factory.mktemp("checkpoint") / "mine.pth"
    return save_checkpoint(path, classes=3)


def save_checkpoint(path: Path, classes: int, width: float = 0.125) -> Path:
    network = YoloxConfig("", num_classes=classes, depth=0.33, width=width, depthwise=True).get_model()
    torch.save({"model": network.state_dict(), "start_epoch": 1, "optimizer": {}}, path)
    return path


@pytest.fixture(scope="session")
def artifact(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("artifact"))
    return workspace.folder(add(workspace, checkpoint))


def add(workspace: Workspace, path: Path, **options) -> Model:
    options = {"classes": ["person", "car", "dog"], "input_size": [64, 64], **options}
    return workspace.get(Model, models.add(workspace, silent, source=str(path), **options)["model"])


def files(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.root.rglob("*") if path.is_file() and not path.name.startswith("studio.db")]


def test_a_checkpoint_with_its_own_classes(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    assert (model.name, model.size, model.source) == ("mine", "custom", "file")
    assert (model.classes, model.input_size) == (["person", "car", "dog"], [64, 64])
    assert sorted(path.name for path in workspace.folder(model).iterdir()) == sorted(models.FILES)
    assert read_config(workspace.folder(model)).normalization == "raw"
    assert checkpoint.exists()


def test_yolox_nano_of_coco(workspace: Workspace, tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "yolox_nano (1).pth", classes=80, width=0.25)
    model = add(workspace, path, classes=None, input_size=None)
    assert (model.name, model.size, model.source, model.input_size) == ("YOLOX-nano", "nano", "YOLOX COCO", [416, 416])
    assert model.classes[:3] == ["person", "bicycle", "car"]
    assert len(model.classes) == 80
    assert models.card(workspace, model).parameters == 912_159  # 0.91 million, as its authors say


def test_bytetrack_of_mot(workspace: Workspace, tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "bytetrack_nano_mot17.pth.tar", classes=1, width=0.25)
    model = add(workspace, path, classes=None, input_size=[64, 96])
    assert (model.name, model.source, model.classes) == ("ByteTrack nano MOT17", "ByteTrack MOT", ["person"])
    assert read_config(workspace.folder(model)).normalization == "imagenet"


def test_the_origin_of_a_checkpoint_can_be_given(workspace: Workspace, tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "renamed.pth", classes=1)
    with pytest.raises(UserError, match="has 1 class and does not name them"):
        add(workspace, path, classes=None)
    model = add(workspace, path, classes=None, origin="ByteTrack")
    assert read_config(workspace.folder(model)).normalization == "imagenet"
    assert model.classes == ["person"]


@pytest.mark.parametrize(
    "size, from_bytetrack, expected",
    [("nano", False, [416, 416]), ("s", False, [640, 640]), ("s", True, [608, 1088]), ("m", True, [800, 1440])],
)
def test_input_sizes_are_those_of_the_authors(size: str, from_bytetrack: bool, expected: list[int]) -> None:
    assert models._input_size(size, None, None, from_bytetrack) == expected


def test_wrong_classes_and_input_sizes_are_refused(workspace: Workspace, checkpoint: Path) -> None:
    with pytest.raises(UserError, match="give 3 different names"):
        add(workspace, checkpoint, classes=["person", "car"])
    with pytest.raises(UserError, match="give 3 different names"):
        add(workspace, checkpoint, classes=["person", "car", "car"])
    with pytest.raises(UserError, match="multiples of 32"):
        add(workspace, checkpoint, input_size=[100, 100])
    assert not workspace.list(Model)
    assert not files(workspace)


def test_an_artifact_as_folder_zip_or_tar(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        for file in models.FILES:
            archive.write(artifact / file, f"model/{file}")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        for file in models.FILES:
            tar.add(artifact / file, file)
    for path in (artifact, tmp_path / "zipped.zip", tmp_path / "model.tar.gz"):
        model = add(workspace, path, name="copy")
        assert model.classes == ["person", "car", "dog"]
        assert (workspace.folder(model) / "model.safetensors").read_bytes() == (
            artifact / "model.safetensors"
        ).read_bytes()
    assert (artifact / "model.json").exists()


def test_the_onnx_graph_of_an_artifact_is_replaced(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "tampered")
    (tmp_path / "tampered" / "model.onnx").write_bytes(b"not what the weights say")
    model = add(workspace, tmp_path / "tampered")
    assert (workspace.folder(model) / "model.onnx").read_bytes() != b"not what the weights say"


def test_an_archive_with_one_checkpoint_in_it(workspace: Workspace, checkpoint: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.add(checkpoint, "weights/best_ckpt.pth")
    assert add(workspace, tmp_path / "model.tar.gz").name == "model"


def test_an_upload_is_deleted_once_it_is_added(workspace: Workspace, checkpoint: Path) -> None:
    upload = workspace.root / "uploads" / "mine.pth"
    upload.parent.mkdir()
    shutil.copyfile(checkpoint, upload)
    add(workspace, upload)
    assert not upload.exists()


def test_files_that_are_no_models_are_refused(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("not a model")
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        add(workspace, tmp_path / "text.pth")
    with pytest.raises(UserError, match="File or folder not found"):
        add(workspace, tmp_path / "gone.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty is not a model"):
        add(workspace, tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("photo.jpg", b"")
    with pytest.raises(UserError, match="photos.zip is not a model"):
        add(workspace, tmp_path / "photos.zip")
    shutil.copytree(artifact, tmp_path / "broken")
    (tmp_path / "broken" / "model.json").write_text("{")
    with pytest.raises(UserError, match="model.json"):
        add(workspace, tmp_path / "broken")
    shutil.copyfile(artifact / "model.json", tmp_path / "broken" / "model.json")
    os.truncate(tmp_path / "broken" / "model.safetensors", 1000)
    with pytest.raises(UserError):
        add(workspace, tmp_path / "broken")
    assert not workspace.list(Model)
    assert not files(workspace)


def test_choose_classes(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    chosen = models.choose_classes(workspace, model.id, ["dog", "person"])
    assert (chosen.name, chosen.classes, chosen.base) == ("mine person dog", ["person", "dog"], model.id)
    card = models.card(workspace, chosen)
    assert (card.classes, card.known_classes) == (["person", "dog"], ["person", "car", "dog"])
    assert card.base == "mine"
    assert models.card(workspace, model).classes == ["person", "car", "dog"]
    workspace.remove(model)  # the new model has its own link to the weights
    assert models.card(workspace, chosen).parameters == card.parameters
    assert models.choose_classes(workspace, chosen.id, ["car"], name="cars").classes == ["car"]
    with pytest.raises(UserError, match="was not trained for cat. Its classes are person, car, dog"):
        models.choose_classes(workspace, chosen.id, ["cat"])
    with pytest.raises(UserError, match="at least one class"):
        models.choose_classes(workspace, chosen.id, [])


def test_a_trained_model_is_stored_with_its_origin(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "trained")
    config = json.loads((tmp_path / "trained" / "model.json").read_text())
    config |= {"metrics": {"AP50": 0.8}, "hyperparameters": {"max_epoch": 30}}
    (tmp_path / "trained" / "model.json").write_text(json.dumps(config))
    dataset = workspace.add(
        Dataset(name="site", splits={"train": ["labels-gone"]}, classes=["person"], frames={"train": 1}, boxes={})
    )
    model = models.store(workspace, tmp_path / "trained", "night shift", "trained", dataset=dataset.id, job="job-1")
    assert workspace.list(Model) == [model]
    assert (model.metrics, model.hyperparameters) == ({"AP50": 0.8}, {"max_epoch": "30"})
    card = models.card(workspace, model)
    assert (card.dataset, card.labels, card.metrics) == ("site", [], {"AP50": 0.8})
    with pytest.raises(UserError, match="incomplete: model.safetensors"):
        models.store(workspace, tmp_path / "trained", "again", "trained")


def test_the_card_of_a_model_without_files_is_a_user_error(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    (workspace.folder(model) / "model.safetensors").unlink()
    with pytest.raises(UserError, match="missing or damaged"):
        models.card(workspace, model)
