from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.detection.engine import OnnxEngine


def config() -> ModelConfig:
    return ModelConfig(depth=0.33, width=0.125, depthwise=True, classes=["person", "car"], input_size=[64, 96])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    torch.manual_seed(0)
    assert artifact.save(folder, artifact.build(config()), config()) < artifact.ONNX_TOLERANCE
    return folder


def test_an_artifact_has_three_files(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "model.onnx", "model.safetensors"]
    assert artifact.read_config(saved) == config()


def test_onnx_takes_any_batch_size_and_agrees_with_pytorch(saved: Path) -> None:
    images = np.random.default_rng(1).uniform(0, 255, (3, 3, 64, 96)).astype(np.float32)
    with torch.no_grad():
        expected = artifact.load_torch(saved)(torch.from_numpy(images)).numpy()
    assert expected.shape == (3, 8 * 12 + 4 * 6 + 2 * 3, 5 + 2)
    np.testing.assert_allclose(OnnxEngine(saved)(images), expected, rtol=1e-4, atol=1e-3)


def test_a_graph_that_differs_from_pytorch_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "_onnx_difference", lambda *_: float("nan"))
    with pytest.raises(ValueError, match="other results than PyTorch"):
        artifact.save(tmp_path, artifact.build(config()), config())
    assert not (tmp_path / "model.onnx").exists()
    assert not (tmp_path / "model.json").exists()


def test_missing_thresholds_have_defaults() -> None:
    config = ModelConfig(0.33, 0.25, True, ["person"], [64, 64], thresholds={"nmsthre": 0.5})
    assert config.thresholds == {**artifact.THRESHOLDS, "nmsthre": 0.5}


def test_the_spelling_of_version_1_0_is_read(saved: Path, tmp_path: Path) -> None:
    values = json.loads((saved / "model.json").read_bytes())
    del values["normalization"]
    (tmp_path / "model.json").write_text(json.dumps({**values, "normalisation": "imagenet"}))
    assert artifact.read_config(tmp_path).normalization == "imagenet"
    artifact.write_config(tmp_path, artifact.read_config(tmp_path))
    assert "normalisation" not in json.loads((tmp_path / "model.json").read_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2"),
        ({"classes": []}, "at least one class"),
        ({"input_size": [100, 64]}, "multiples of 32"),
        ({"normalization": "none"}, "must be one of raw, imagenet"),
        ({"keep_classes": ["dog"]}, "that the model does not have: dog"),
        ({"depth": "deep"}, "is not a valid model configuration"),
    ],
)
def test_an_invalid_configuration_is_reported(
    saved: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    values = json.loads((saved / "model.json").read_bytes())
    (tmp_path / "model.json").write_text(json.dumps({**values, **change}))
    with pytest.raises(ValueError, match=message):
        artifact.read_config(tmp_path)


def test_an_incomplete_artifact_is_reported(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        artifact.read_config(tmp_path)
    (tmp_path / "model.json").write_bytes((saved / "model.json").read_bytes())
    with pytest.raises(ValueError, match=r"model\.safetensors is missing"):
        artifact.load_torch(tmp_path)
    (tmp_path / "model.safetensors").write_text("not weights")
    with pytest.raises(ValueError, match="does not contain the weights"):
        artifact.load_torch(tmp_path)
