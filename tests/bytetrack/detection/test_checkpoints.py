from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from yolox.config import YoloxConfig

from bytetrack.detection.checkpoints import (
    architecture_of,
    build_network,
    is_bytetrack_checkpoint,
    read_checkpoint,
)

SIZES = {
    "nano": (0.33, 0.25),
    "tiny": (0.33, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}


def tiny_weights(classes: int = 2) -> dict[str, torch.Tensor]:
    return YoloxConfig("", num_classes=classes, depth=0.33, width=0.125, depthwise=True).get_model().state_dict()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("classes", [1, 80])
def test_the_architecture_is_derived_from_the_shapes(size: str, classes: int) -> None:
    depth, width = SIZES[size]
    with torch.device("meta"):
        network = YoloxConfig("", num_classes=classes, depth=depth, width=width, depthwise=size == "nano").get_model()
    assert architecture_of(network.state_dict()) == (depth, width, size == "nano", classes)


def test_checkpoints_of_yolox_and_bytetrack_are_read(tmp_path: Path) -> None:
    weights = tiny_weights()
    torch.save(
        {"start_epoch": 80, "model": weights, "optimizer": {"state": {}}, "best_ap": np.float64(0.5)},
        tmp_path / "ckpt.pth.tar",
        _use_new_zipfile_serialization=False,
    )
    read = read_checkpoint(tmp_path / "ckpt.pth.tar")
    assert all(torch.equal(read[name], weight) for name, weight in weights.items())
    network = build_network(read)
    assert not network.training
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 84, 7)


def test_half_precision_weights_of_a_distributed_training_are_read(tmp_path: Path) -> None:
    weights = {f"module.{name}": weight.half() for name, weight in tiny_weights().items()}
    torch.save(weights, tmp_path / "ckpt.pth")
    read = read_checkpoint(tmp_path / "ckpt.pth")
    assert {weight.dtype for weight in read.values()} == {torch.float32}


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("pwned"),))


def test_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Evil()}, "evil.pth")
    Path("plain.pth").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(ValueError, match="contains code"):
            read_checkpoint(Path(name))
    assert not Path("pwned").exists()


def test_files_of_another_kind_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_text("not a model")
    with pytest.raises(ValueError, match=r"model\.pth cannot be read as a checkpoint"):
        read_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(path)
    torch.save({"model": tiny_weights()}, path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="contains no weights of a model"):
        read_checkpoint(path)
    torch.save({"fc.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(ValueError, match="another network than YOLOX"):
        read_checkpoint(path)
    weights = tiny_weights()
    weights["head.obj_preds.0.bias"].fill_(float("nan"))
    torch.save(weights, path)
    with pytest.raises(ValueError, match="training diverged"):
        read_checkpoint(path)


def test_missing_weights_are_reported() -> None:
    weights = tiny_weights()
    del weights["head.obj_preds.0.bias"]
    with pytest.raises(ValueError, match="not those of a complete YOLOX"):
        build_network(weights)


@pytest.mark.parametrize(
    ("file_name", "classes", "expected"),
    [
        ("bytetrack_x_mot17.pth.tar", 1, True),
        ("bytetrack_ablation.pth.tar", 1, True),
        ("MOT20.pth", 1, True),
        ("yolox_x.pth", 80, False),
        ("mot17.pth", 80, False),
        ("people.pth", 1, False),
    ],
)
def test_checkpoints_of_bytetrack_are_recognized(file_name: str, classes: int, expected: bool) -> None:
    assert is_bytetrack_checkpoint(file_name, classes) == expected
