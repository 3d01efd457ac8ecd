"""A GPU that is present is used, or the program fails with a clear message. Device files and PyTorch are faked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from coco import save_channel
from moving_squares import save_model

from bytetrack import devices, process, serve, train
from bytetrack.detection.engine import OnnxEngine, load_engine
from bytetrack.devices import UnusableGpu, driver_version, gpu_count

OLD = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02  Tue Jul 13 16:14:05 UTC 2021\nGCC version: gcc 7\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release  (bob@host)\nGCC version: 13\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root of a machine with a GPU whose driver is too old for the installed PyTorch."""
    root = tmp_path / "machine"
    (root / "dev").mkdir(parents=True)
    (root / "dev" / "nvidia0").touch()
    (root / "dev" / "nvidiactl").touch()
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text(OLD)
    monkeypatch.setattr(devices, "ROOT", root)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return root


def test_a_gpu_with_an_old_driver_is_an_error_that_names_both_versions(machine: Path) -> None:
    with pytest.raises(UnusableGpu, match=r"driver version is 470\.57\.02; CUDA 13\.\d of PyTorch needs 580 or newer"):
        gpu_count()


def test_an_unreadable_driver_version_is_reported_as_unknown(machine: Path) -> None:
    (machine / "proc/driver/nvidia/version").write_text("?")
    with pytest.raises(UnusableGpu, match="driver version is unknown"):
        gpu_count()


def test_the_version_of_the_open_kernel_module_is_read(machine: Path) -> None:
    (machine / "proc/driver/nvidia/version").write_text(OPEN)
    assert driver_version() == "580.159.04"


def test_a_gpu_that_is_listed_but_cannot_compute_is_an_error(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example a V100 with CUDA 13: it is listed, but CUDA has no code for it."""

    def ones(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore lines")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "ones", ones)
    with pytest.raises(UnusableGpu, match="cannot be used: CUDA error: no kernel image .* on the device. The driver"):
        gpu_count()


def test_without_a_gpu_the_cpu_is_used(machine: Path, tmp_path: Path) -> None:
    (machine / "dev/nvidia0").unlink()  # A driver without GPUs, as on a host that gives them to other containers.
    assert gpu_count() == 0
    assert isinstance(load_engine(save_model(tmp_path / "model")), OnnxEngine)


@pytest.mark.parametrize("hidden", ["-1", ""])
def test_hidden_gpus_are_not_counted(machine: Path, monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert gpu_count() == 0


def test_a_gpu_in_wsl_needs_the_nvidia_driver(machine: Path) -> None:
    (machine / "dev/nvidia0").unlink()
    (machine / "dev/dxg").touch()  # WSL has this file with any GPU.
    assert gpu_count() == 0
    (machine / devices.WSL_DRIVER).parent.mkdir(parents=True)
    (machine / devices.WSL_DRIVER).touch()
    with pytest.raises(UnusableGpu):
        gpu_count()


def test_serve_reports_the_driver(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    save_model(tmp_path / "model")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert serve.main() == 1
    assert "470.57.02" in capfd.readouterr().err


def test_process_reports_the_driver(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "processing/input/model")
    (tmp_path / "processing/input/videos").mkdir()
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert process.main([]) == 1
    assert "470.57.02" in (tmp_path / "output/message").read_text()


def test_train_reports_the_driver(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_channel(tmp_path / "input/data/train")
    (tmp_path / "input/config").mkdir()
    (tmp_path / "input/config/hyperparameters.json").write_text(json.dumps({}))
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert train.main() == 1
    assert "470.57.02" in (tmp_path / "output/failure").read_text()
