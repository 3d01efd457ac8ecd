"""The program `train`, in a process of its own or in that of the test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from coco import read_document, save_channel, save_pretrained, write_document
from safetensors.torch import load_file

from bytetrack import train
from bytetrack.detection import artifact
from bytetrack.training.failure import TrainingDiverged
from bytetrack.training.hyperparameters import Hyperparameters
from bytetrack.training.metric_definitions import parse

pytestmark = pytest.mark.slow

SIZES = dict.fromkeys(("input_size_h", "input_size_w", "test_size_h", "test_size_w"), "64")
INTERVALS = {"print_interval": "1", "eval_interval": "1"}
TINY = {"width": "0.125", "batch_size": "3", "max_epoch": "2", "num_workers": "0", **SIZES, **INTERVALS}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread, as the child processes do, so that sums have the same order; restore pytest's SIGTERM handler."""
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A training job's folder with six images in each of the channels `train` and `val`."""
    return save_job(tmp_path / "job")


def save_job(base: Path, **hyperparameters: str) -> Path:
    for split in ("train", "val"):
        save_channel(base / "input" / "data" / split)
    set_hyperparameters(base, **hyperparameters)
    return base


def set_hyperparameters(base: Path, **changes: str) -> None:
    path = base / "input" / "config" / "hyperparameters.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**TINY, **changes}))


def start(base: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the program as the platform does."""
    environment = {"SAGEMAKER_BASE_DIR": str(base), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "bytetrack.train"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_here(base: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the program in this process, which saves the seconds that a new one takes to start."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    return train.main()


def weights(base: Path) -> dict[str, torch.Tensor]:
    return load_file(base / "model" / "model.safetensors")


def assert_equal_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-6, msg=name)


def test_the_program_writes_an_artifact_and_a_log_with_metrics(base: Path) -> None:
    process = start(base)
    log, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors == ""  # libraries must not print warnings
    lines = [parse(line) for line in log.splitlines()]
    steps = [line for line in lines if "total_loss" in line]
    step_numbers = [(line["epoch"], line["iter"], line["iters"]) for line in steps]
    assert step_numbers == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]
    assert {"iou_loss", "l1_loss", "conf_loss", "cls_loss", "lr", "images_per_second", "eta"} <= steps[0].keys()
    evaluations = [line for line in lines if "AP" in line]
    assert [line["epoch"] for line in evaluations] == [1, 2]
    assert {"AP", "AP50", "AP75", "AR"} <= evaluations[0].keys()
    assert "best_AP" in lines[-2]
    assert {"HOTA", "MOTA", "IDF1"} == lines[-1].keys()
    config = artifact.read_config(base / "model")
    assert (config.classes, config.input_size, config.hyperparameters["max_epoch"]) == (["square", "disc"], [64, 64], 2)
    assert {"AP", "AP50", "HOTA", "IDF1"} <= config.metrics.keys()
    assert artifact.load_torch(base / "model")


def test_a_stopped_training_resumes_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"max_epoch": "12", "eval_interval": "6", "no_aug_epochs": "3"}
    stopped, whole = save_job(tmp_path / "stopped", **settings), save_job(tmp_path / "whole", **settings)
    process = start(stopped)
    assert process.stdout
    for line in process.stdout:
        if line.startswith("epoch: 2/"):
            break
    process.send_signal(signal.SIGTERM)
    log, errors = process.communicate(timeout=20)
    assert process.returncode == 143, errors
    assert "checkpoint written" in log
    assert (stopped / "checkpoints" / "last.pt").is_file()
    assert not (stopped / "model").exists()
    assert run_here(stopped, monkeypatch) == run_here(whole, monkeypatch) == 0
    assert_equal_weights(weights(stopped), weights(whole))


def test_workers_share_a_batch_and_stop_together(tmp_path: Path) -> None:
    base = save_job(tmp_path / "job", max_epoch="6", eval_interval="6", no_aug_epochs="2", batch_size="4")
    process = start(base, OMP_NUM_THREADS="2")
    assert process.stdout
    for line in process.stdout:
        if line.startswith("epoch: 2/"):
            break
    process.send_signal(signal.SIGTERM)
    log, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "checkpoint written" in log, errors
    assert not (base / "output" / "failure").exists()
    log, errors = start(base, OMP_NUM_THREADS="2").communicate(timeout=180)
    assert "on 2 x CPU" in log, errors
    assert "resuming at epoch" in log
    assert artifact.load_torch(base / "model")


def test_another_seed_gives_another_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = save_job(tmp_path / "one"), save_job(tmp_path / "other", seed="1")
    assert run_here(one, monkeypatch) == run_here(other, monkeypatch) == 0
    assert not torch.equal(*(weights(job)["head.obj_preds.0.weight"] for job in (one, other)))


def test_two_hosts_train_one_model(tmp_path: Path) -> None:
    hosts = ["127.0.0.1", "127.0.0.2"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    bases = [save_job(tmp_path / host, max_epoch="1", batch_size="4") for host in hosts]
    for host, base in zip(hosts, bases):
        resources = {"current_host": host, "hosts": hosts, "network_interface_name": "lo"}
        (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
    processes = [start(base, MASTER_PORT=port) for base in bases]
    outputs = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "2 x CPU" in outputs[0][0]
    assert "total_loss" not in outputs[1][0]  # only worker 0 writes the log
    assert artifact.load_torch(bases[0] / "model")
    assert not (bases[1] / "model").exists()


def test_multi_scale_mixup_and_sgd_without_validation(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(base / "input" / "data" / "val")
    scales = {"random_size_h": "1", "random_size_w": "3"}
    set_hyperparameters(base, mosaic_prob="1", mixup_prob="1", optimizer="sgd", **scales)
    assert run_here(base, monkeypatch) == 0
    assert artifact.load_torch(base / "model")
    assert "AP" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "normalization"),
    [("model/yolox.pth", "raw"), ("model/bytetrack_mot17.pth.tar", "imagenet"), ("model", "imagenet")],
)
def test_fine_tuning_with_other_classes(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, normalization: str
) -> None:
    before = save_pretrained(base / "input" / "data" / name, classes=1)
    set_hyperparameters(base, max_epoch="1", basic_lr_per_img="1e-8")
    assert run_here(base, monkeypatch) == 0
    class_outputs = 6  # weight and bias on each of three levels
    assert f"{len(before) - class_outputs} of {len(before)} weights copied" in capsys.readouterr().out
    kernel = "backbone.backbone.stem.conv.conv.weight"
    torch.testing.assert_close(weights(base)[kernel], before[kernel], rtol=1e-3, atol=1e-4)
    assert artifact.read_config(base / "model").normalization == normalization


def test_class_outputs_are_copied_by_the_name_of_the_class(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_pretrained(base / "input" / "data" / "model", ["disc", "lamp", "Square "])
    set_hyperparameters(base, max_epoch="1", basic_lr_per_img="1e-8")
    assert run_here(base, monkeypatch) == 0
    assert "weights copied, and the outputs of square, disc" in capsys.readouterr().out
    for level in range(3):
        for part in ("weight", "bias"):
            name = f"head.cls_preds.{level}.{part}"
            torch.testing.assert_close(weights(base)[name], before[name][[2, 0]], rtol=1e-3, atol=1e-5)


def fake_average_precision(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Make the evaluations of a training return these AP in turn, whatever the network has learned."""
    remaining = iter(values)
    monkeypatch.setattr(train, "average_precision", lambda *_: {"AP": next(remaining)})


def evaluations(capsys: pytest.CaptureFixture[str]) -> tuple[list[int], str]:
    """Return the epochs that were evaluated, and the whole log."""
    log = capsys.readouterr().out
    return [int(metrics["epoch"]) for metrics in map(parse, log.splitlines()) if "AP" in metrics], log


def test_a_pretrained_model_is_kept_if_no_epoch_is_better(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_pretrained(base / "input" / "data" / "model", ["square", "disc"])
    set_hyperparameters(base, basic_lr_per_img="0.01")
    fake_average_precision(monkeypatch, 0.6, 0.5, 0.6)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2] and "no epoch was better than the start" in log
    assert artifact.read_config(base / "model").metrics["AP"] == 0.6
    assert_equal_weights(weights(base), before)


def test_the_best_epoch_after_a_pretrained_start_is_kept(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_pretrained(base / "input" / "data" / "model", ["square", "disc"])
    fake_average_precision(monkeypatch, 0.4, 0.5, 0.45)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2] and "epoch 1 was the best" in log
    assert artifact.read_config(base / "model").metrics["AP"] == 0.5
    kernel = "backbone.backbone.stem.conv.conv.weight"
    assert not torch.equal(weights(base)[kernel], before[kernel])


def test_from_scratch_there_is_no_epoch_0(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_average_precision(monkeypatch, 0.1, 0.2)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [1, 2] and "start" not in log


def test_a_stopped_training_remembers_that_the_pretrained_model_was_the_best(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_pretrained(base / "input" / "data" / "model", ["square", "disc"])
    set_hyperparameters(base, max_epoch="3", basic_lr_per_img="1e-8")

    scores: list[float] = []

    def stop_in_third_evaluation(*_: object) -> dict[str, float]:
        if len(scores) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        scores.append(0.5 if scores else 0.6)
        return {"AP": scores[-1]}

    monkeypatch.setattr(train, "average_precision", stop_in_third_evaluation)
    assert run_here(base, monkeypatch) == 143
    monkeypatch.setattr(train, "average_precision", lambda *_: {"AP": 0.5})
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2, 3] and "resuming at epoch" in log and "no epoch was better than the start" in log
    assert_equal_weights(weights(base), before)


def failure_of(base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    assert run_here(base, monkeypatch) == 1
    reason = (base / "output" / "failure").read_text()
    assert "Traceback" not in reason
    assert "Traceback" in capsys.readouterr().err
    return reason


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"max_epoch": "-1"}, "max_epoch is -1, but must be from 1"),
        ({"num_classes": "3"}, "num_classes is 3, but the data has 2 classes: square, disc."),
        ({"learning_rate": "1"}, "There is no hyperparameter “learning_rate”"),
        ({"pretrained_model": "yolox_s.pth"}, "has no channel “model”"),
        ({"basic_lr_per_img": "1", "optimizer": "sgd", "max_epoch": "30"}, "The training diverged"),
    ],
)
def test_invalid_hyperparameters_are_reported(
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hyperparameters: dict[str, str],
    message: str,
) -> None:
    set_hyperparameters(base, **hyperparameters)
    assert message in failure_of(base, monkeypatch, capsys)


class BrokenNetwork(torch.nn.Module):
    """A network that fails like YOLOX's loss does if a weight is not a number."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("all elements of input should be between 0 and 1")


@pytest.mark.parametrize(("weight", "error"), [(float("nan"), TrainingDiverged), (1.0, RuntimeError)])
def test_only_errors_of_a_network_that_is_not_finite_are_taken_for_divergence(
    weight: float, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        train.compute_losses(BrokenNetwork(weight), torch.zeros(1), torch.zeros(1), Hyperparameters())
    assert type(raised.value) is error


def remove_boxes(base: Path) -> None:
    folder = base / "input" / "data" / "train"
    write_document(folder, {**read_document(folder), "annotations": []})


def rename_class(base: Path) -> None:
    folder = base / "input" / "data" / "val"
    document = read_document(folder)
    document["categories"][0]["name"] = "cube"
    write_document(folder, document)


def damage_image(base: Path) -> None:
    set_hyperparameters(base, num_workers="1")
    (base / "input" / "data" / "train" / "images" / "002.jpg").write_text("text")


def damage_checkpoint(base: Path) -> None:
    (base / "checkpoints").mkdir()
    (base / "checkpoints" / "last.pt").write_text("text")


def other_size(base: Path) -> None:
    save_pretrained(base / "input" / "data" / "model", classes=1, width=0.25)


def no_model(base: Path) -> None:
    (base / "input" / "data" / "model").mkdir()


def no_train(base: Path) -> None:
    shutil.rmtree(base / "input" / "data" / "train")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_train, "The channel “train” is missing"),
        (remove_boxes, "has images but no boxes"),
        (rename_class, "“train” has square, disc, and “val” has cube, disc"),
        (damage_image, "002.jpg cannot be read as an image"),
        (damage_checkpoint, "last.pt is damaged"),
        (other_size, "has depth 0.33 and width 0.25, but the hyperparameters have others"),
        (no_model, "must contain one model to start from, but it contains no checkpoint"),
    ],
)
def test_invalid_input_is_reported(
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    message: str,
) -> None:
    damage(base)
    assert message in failure_of(base, monkeypatch, capsys)


def test_a_full_disk_is_reported(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("unexpected pos 704 vs 598")  # what PyTorch raises then

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**30, 2**30, 0))
    started = time.perf_counter()
    assert "The disk is full" in failure_of(base, monkeypatch, capsys)
    assert time.perf_counter() - started < 30
