from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from moving_squares import HEIGHT, WIDTH, render_frame, save_model

from bytetrack.detection.engine import OnnxEngine, load_engine


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


def images(*frames: int) -> np.ndarray:
    return np.stack([render_frame(frame).transpose(2, 0, 1) for frame in frames]).astype(np.float32)


def test_onnx_engine_returns_one_row_per_anchor(artifact: Path) -> None:
    engine = OnnxEngine(artifact)
    assert engine.input_size == (HEIGHT, WIDTH)
    output = engine(images(0, 1))
    assert output.dtype == np.float32
    assert output.shape == (2, HEIGHT // 4 * WIDTH // 4, 7)


def test_a_machine_without_cuda_gets_onnx_runtime(artifact: Path) -> None:
    assert isinstance(load_engine(artifact), OnnxEngine)


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model.onnx is missing"):
        OnnxEngine(tmp_path)


def test_a_file_of_another_kind_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("not a model")
    with pytest.raises(ValueError, match="ONNX Runtime cannot read"):
        OnnxEngine(tmp_path)


def test_onnx_runtime_leaves_no_telemetry_in_the_home_folder(artifact: Path, tmp_path: Path) -> None:
    code = "import sys; from bytetrack.detection.engine import OnnxEngine; OnnxEngine(sys.argv[1])"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code, str(artifact)], env=environment, check=True, timeout=60)
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name.lower()]
