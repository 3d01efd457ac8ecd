from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_checkpoints import add, files

from backend.errors import UserError
from backend.progress import silent
from backend.steps import model_import, models
from backend.steps.model_files import says_its_input
from backend.steps.model_trial import Trial
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace import Workspace
from backend.workspace.records import Model
from bytetrack.detection.artifact import read_config
from bytetrack.detection.detector import Detections

pytestmark = pytest.mark.slow

COCO = {"classes": None, "normalization": "imagenet", "input_size": [64, 64]}


def test_a_checkpoint_with_its_own_classes(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    assert (model.name, model.size, model.source) == ("mine", "custom", "file")
    assert (model.classes, model.input_size) == (["person", "car", "dog"], [64, 64])
    assert sorted(path.name for path in workspace.folder(model).iterdir()) == sorted(models.FILES)
    assert read_config(workspace.folder(model)).normalization == "raw"
    assert checkpoint.exists()


@pytest.mark.parametrize("name", ["yolox_nano (1).pth", "bytetrack_nano_mot17.pth", "mine.pth"])
@pytest.mark.parametrize(
    "missing, unknown",
    [
        ({"normalization": None}, "does not say how its input is normalized. Choose pixels 0-255"),
        ({"input_size": None}, "does not say how large its input is. Give height and width; 416 x 416 is usual"),
        ({"normalization": None, "input_size": None}, "how its input is normalized and how large its input is"),
    ],
)
def test_what_the_file_does_not_say_is_asked_whatever_its_name(
    workspace: Workspace, tiny_coco: Path, tmp_path: Path, name: str, missing: dict, unknown: str
) -> None:
    path = Path(shutil.copyfile(tiny_coco, tmp_path / name))
    with pytest.raises(UserError, match=unknown):
        add(workspace, path, **{**COCO, **missing})
    assert not workspace.list(Model) and not files(workspace)


def test_a_model_of_coco_is_what_the_user_says(workspace: Workspace, tiny_coco: Path, tmp_path: Path) -> None:
    path = Path(shutil.copyfile(tiny_coco, tmp_path / "bytetrack_nano_mot17.pth.tar"))
    model = add(workspace, path, classes=None, normalization="raw", input_size=[64, 96])
    config = read_config(workspace.folder(model))
    assert (config.normalization, config.input_size, len(config.classes)) == ("raw", [64, 96], 80)
    assert (model.source, model.name, model.size) == ("file", "bytetrack_nano_mot17", "nano")


def test_a_published_checkpoint_is_recognized_by_its_content(
    workspace: Workspace, tiny_coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copyfile(tiny_coco, tmp_path / "renamed.pth"))
    monkeypatch.setattr("backend.steps.model_files.identify", lambda sha256: CATALOG["yolox_nano"])
    model = add(workspace, path, classes=None, normalization=None, input_size=None)
    assert (model.name, model.source, model.input_size) == ("YOLOX-nano", "YOLOX COCO", [416, 416])
    assert read_config(workspace.folder(model)).normalization == "raw"
    assert model.classes[:3] == ["person", "bicycle", "car"]
    assert models.card(workspace, model).parameters == 912_159  # 0.91 million, as its authors say


def test_wrong_options_are_refused(workspace: Workspace, checkpoint: Path) -> None:
    with pytest.raises(UserError, match="has 3 classes and does not name them"):
        add(workspace, checkpoint, classes=None)
    for classes in (["person", "car"], ["person", "car", "car"], ["person", "car", " "]):
        with pytest.raises(UserError, match="give 3 different names"):
            add(workspace, checkpoint, classes=classes)
    for size in ([100, 100], [64], [0, 64], [64, 8192]):
        with pytest.raises(UserError, match="multiples of 32, from 32 to 4096"):
            add(workspace, checkpoint, input_size=size)
    with pytest.raises(UserError, match="Unknown normalization “YOLOX”. Choose one of raw, imagenet"):
        add(workspace, checkpoint, normalization="YOLOX")
    assert not workspace.list(Model)
    assert not files(workspace)


def trials(raw: list[float], imagenet: list[float]) -> list[Trial]:
    return [
        Trial(name, Detections(np.ones((len(scores), 4)), np.array(scores), np.zeros(len(scores), np.int64)), ("a",))
        for name, scores in (("raw", raw), ("imagenet", imagenet))
    ]


def test_both_are_tried_only_when_asked_and_the_clearly_better_one_is_kept(
    workspace: Workspace, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    picture = tmp_path / "street.png"
    cv2.imwrite(str(picture), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(UserError, match="Give a video or a picture to try both"):
        add(workspace, checkpoint, normalization="both")
    monkeypatch.setattr(model_import, "try_normalizations", lambda *_: trials([0.5] * 9, [0.9, 0.8, 0.7]))
    model = add(workspace, checkpoint, normalization="both", picture=str(picture))
    assert read_config(workspace.folder(model)).normalization == "imagenet"
    printed = capsys.readouterr().out
    assert "pixels 0-255: 9 boxes, mean score 0.50 (a 9)" in printed
    assert "ImageNet mean and std: 3 boxes, mean score 0.80 (a 3)" in printed
    for raw, imagenet in (([0.8] * 3, [0.85] * 3), ([], []), ([0.6] * 9, []), ([], [0.9])):
        monkeypatch.setattr(model_import, "try_normalizations", lambda *_, of=(raw, imagenet): trials(*of))
        with pytest.raises(UserError, match="mine.pth is not clearly surer with one normalization"):
            add(workspace, checkpoint, normalization="both", picture=str(picture))
    assert len(workspace.list(Model)) == 1


def test_an_artifact_says_everything(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    unsaid = {"classes": None, "normalization": None, "input_size": None}
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        for file in models.FILES:
            archive.write(artifact / file, f"model/{file}")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        for file in models.FILES:
            tar.add(artifact / file, file)
    for path in (artifact, tmp_path / "zipped.zip", tmp_path / "model.tar.gz"):
        assert says_its_input(path)
        model = add(workspace, path, name="copy", **unsaid)
        assert model.classes == ["person", "car", "dog"] and model.input_size == [64, 64]
        assert (workspace.folder(model) / "model.safetensors").read_bytes() == (
            artifact / "model.safetensors"
        ).read_bytes()
    assert (artifact / "model.json").exists()
    for contradiction in ({"normalization": "imagenet"}, {"input_size": [96, 64]}):
        with pytest.raises(UserError, match="says itself that its input is 64 x 64, pixels 0-255"):
            add(workspace, artifact, **{**unsaid, **contradiction})


def test_only_an_artifact_says_its_input(checkpoint: Path, artifact: Path, tmp_path: Path) -> None:
    assert not says_its_input(checkpoint)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    with tarfile.open(tmp_path / "weights.tar.gz", "w:gz") as tar:
        tar.add(checkpoint, "weights/best_ckpt.pth")
    truncated = tmp_path / "truncated.tar.gz"
    truncated.write_bytes((tmp_path / "weights.tar.gz").read_bytes()[:5000])
    for path in (tmp_path / "empty", tmp_path / "text.zip", tmp_path / "weights.tar.gz", truncated, tmp_path / "gone"):
        assert not says_its_input(path)


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


def test_a_truncated_checkpoint_is_refused(workspace: Workspace, checkpoint: Path, tmp_path: Path) -> None:
    for size in (0, 100, checkpoint.stat().st_size // 2, checkpoint.stat().st_size - 1):
        (tmp_path / "cut.pth").write_bytes(checkpoint.read_bytes()[:size])
        with pytest.raises(UserError, match="cut.pth cannot be read as a checkpoint"):
            add(workspace, tmp_path / "cut.pth")
    assert not workspace.list(Model) and not files(workspace)


def test_an_archive_with_a_path_that_leads_out_is_refused(
    workspace: Workspace, checkpoint: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("../../evil.pth", "/tmp/evil.pth", "weights/../../evil.pth")):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), checkpoint.read_bytes())  # `write` would make it harmless
        with pytest.raises(UserError, match="leads out of its folder. It was not unpacked"):
            add(workspace, tmp_path / f"{number}.zip")
    assert not workspace.list(Model) and not files(workspace) and not list(tmp_path.rglob("evil*"))


def test_code_in_a_checkpoint_is_not_run(workspace: Workspace, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "was run"),)

    torch.save({"model": Code()}, tmp_path / "code.pth")
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        add(workspace, tmp_path / "code.pth")
    assert not (tmp_path / "was run").exists()


def test_published_models_know_their_input(workspace: Workspace, tiny_coco: Path) -> None:
    added = model_import.add_published(workspace, silent, tiny_coco, CATALOG["yolox_nano"])
    model = workspace.get(Model, added["model"])
    assert (model.name, model.source, model.input_size) == ("YOLOX-nano", "YOLOX COCO", [416, 416])
