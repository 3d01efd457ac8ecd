from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from coco import save_pretrained

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.training.pretrained import find_pretrained, load_pretrained_weights


def test_an_artifact_may_be_an_archive(tmp_path: Path) -> None:
    weights = save_pretrained(tmp_path / "artifact", classes=1)
    (tmp_path / "channel").mkdir()
    with tarfile.open(tmp_path / "channel" / "model.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "artifact", ".")
    pretrained = find_pretrained(tmp_path / "channel", "")
    assert pretrained and (pretrained.normalization, pretrained.classes) == ("imagenet", ["0"])
    assert all(torch.equal(pretrained.weights[name], weights[name]) for name in weights)


def test_class_outputs_of_other_names_are_not_copied(tmp_path: Path) -> None:
    save_pretrained(tmp_path / "start", ["cat", "square"])
    pretrained = find_pretrained(tmp_path / "start", "")
    assert pretrained
    model = artifact.build(ModelConfig(0.33, 0.125, True, ["square", "disc"], [64, 64]))
    random_weights = model.state_dict()["head.cls_preds.0.weight"].clone()
    assert load_pretrained_weights(model, pretrained, ["square", "disc"]).endswith("and the outputs of square")
    loaded = model.state_dict()["head.cls_preds.0.weight"]
    assert torch.equal(loaded[0], pretrained.weights["head.cls_preds.0.weight"][1])
    assert torch.equal(loaded[1], random_weights[1])


@pytest.mark.parametrize(
    ("file_name", "classes", "first_class", "normalization"),
    [
        ("yolox_nano.pth", 80, "person", "raw"),
        ("bytetrack_nano_mot17.pth.tar", 1, "person", "imagenet"),
        ("bytetrack_ablation.pth.tar", 1, "person", "imagenet"),
        ("own.pth", 1, None, "raw"),
    ],
)
def test_published_checkpoints_get_their_classes_and_normalization(
    tmp_path: Path, file_name: str, classes: int, first_class: str | None, normalization: str
) -> None:
    save_pretrained(tmp_path / "model" / file_name, classes)
    pretrained = find_pretrained(tmp_path / "model", "")
    assert pretrained and pretrained.normalization == normalization
    assert (pretrained.classes[0] if pretrained.classes else None) == first_class


@pytest.mark.parametrize(
    ("files", "file_name", "message"),
    [
        (["a.pth", "b.pth"], "", "contains a.pth, b.pth. Name the file in pretrained_model"),
        (["a.pth"], "c.pth", "contains a.pth"),
        ([], "", "contains no checkpoint"),
    ],
)
def test_an_ambiguous_channel_is_reported(tmp_path: Path, files: list[str], file_name: str, message: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=message):
        find_pretrained(tmp_path, file_name)
