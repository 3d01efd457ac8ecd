from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from coco import read_document, save_channel, write_document
from safetensors.torch import load_file

from bytetrack import train
from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.training.metric_definitions import METRIC_DEFINITIONS, parse

TINY = {
    "width": "0.125", "batch_size": "3", "max_epoch": "2", "print_interval": "1", "eval_interval": "1",
    "input_size_h": "64", "input_size_w": "64", "test_size_h": "64", "test_size_w": "64", "num_workers": "0",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the child processes here, so that sums have the same order; and pytest's own SIGTERM comes back."""
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """What a training job finds, with six images for train and for val."""
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
    """The program as the platform starts it."""
    environment = {"SAGEMAKER_BASE_DIR": str(base), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "bytetrack.train"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_here(base: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The same without the seconds that a new process takes."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    return train.main()


def weights(base: Path) -> dict[str, torch.Tensor]:
    return load_file(base / "model" / "model.safetensors")


def assert_equal_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-6, msg=name)


def test_the_program_writes_an_artifact_and_a_log_that_can_be_read(base: Path) -> None:
    process = start(base)
    log, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors == ""  # no chatter of libraries
    lines = [parse(line) for line in log.splitlines()]
    steps = [line for line in lines if "total_loss" in line]
    assert [(line["epoch"], line["iter"], line["iters"]) for line in steps] == [
        (1, 1, 2),
        (1, 2, 2),
        (2, 1, 2),
        (2, 2, 2),
    ]
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


def test_metric_definitions_are_told_apart() -> None:
    assert {each["Name"] for each in METRIC_DEFINITIONS} >= {"AP", "AP50", "best_AP", "HOTA", "lr", "total_loss"}
    line = "epoch: 3/30, iter: 20/50, total_loss: 3.2100, lr: 1.000e-03, images_per_second: 12.3, eta: 123"
    assert parse(line) == {
        "epoch": 3, "epochs": 30, "iter": 20, "iters": 50,
        "total_loss": 3.21, "lr": 0.001, "images_per_second": 12.3, "eta": 123,
    }  # fmt: skip
    assert parse("best AP: 0.4500, AP50: 0.8") == {"best_AP": 0.45, "AP50": 0.8}
    assert parse("model written") == {}


def test_a_stopped_training_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_cores_share_a_batch_and_stop_together(tmp_path: Path) -> None:
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


def test_another_seed_is_another_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = save_job(tmp_path / "one"), save_job(tmp_path / "other", seed="1")
    assert run_here(one, monkeypatch) == run_here(other, monkeypatch) == 0
    assert not torch.equal(*(weights(each)["head.obj_preds.0.weight"] for each in (one, other)))


def test_two_hosts_train_one_model(tmp_path: Path) -> None:
    hosts = ["127.0.0.1", "127.0.0.2"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    bases = [save_job(tmp_path / host, max_epoch="1", batch_size="4") for host in hosts]
    for host, each in zip(hosts, bases):
        resources = {"current_host": host, "hosts": hosts, "network_interface_name": "lo"}
        (each / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
    processes = [start(each, MASTER_PORT=port) for each in bases]
    outputs = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "2 x CPU" in outputs[0][0]
    assert "total_loss" not in outputs[1][0]  # one of them speaks for all
    assert artifact.load_torch(bases[0] / "model")
    assert not (bases[1] / "model").exists()


def test_multi_scale_mixup_sgd_and_no_validation(base: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    shutil.rmtree(base / "input" / "data" / "val")
    scales = {"random_size_h": "1", "random_size_w": "3"}
    set_hyperparameters(base, mosaic_prob="1", mixup_prob="1", optimizer="sgd", **scales)
    assert run_here(base, monkeypatch) == 0
    assert artifact.load_torch(base / "model")
    assert "AP" not in capsys.readouterr().out


def save_start(path: Path, classes: int | list[str], width: float = 0.125) -> dict[str, torch.Tensor]:
    names = classes if isinstance(classes, list) else [str(number) for number in range(classes)]
    config = ModelConfig(0.33, width, True, names, [64, 64], "imagenet")
    model = artifact.build(config)
    if path.suffix:
        path.parent.mkdir()
        torch.save({"model": model.state_dict(), "start_epoch": 300}, path)
    else:
        artifact.save(path, model, config)
    return model.state_dict()


@pytest.mark.parametrize(
    ("name", "normalization"),
    [("model/yolox.pth", "raw"), ("model/bytetrack_mot17.pth.tar", "imagenet"), ("model", "imagenet")],
)
def test_fine_tuning_with_other_classes(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, normalization: str
) -> None:
    before = save_start(base / "input" / "data" / name, classes=1)
    set_hyperparameters(base, max_epoch="1", basic_lr_per_img="1e-8")
    assert run_here(base, monkeypatch) == 0
    assert (
        f"{len(before) - 6} of {len(before)} weights taken over" in capsys.readouterr().out
    )  # 3 levels, weight and bias
    kernel = "backbone.backbone.stem.conv.conv.weight"
    torch.testing.assert_close(weights(base)[kernel], before[kernel], rtol=1e-3, atol=1e-4)
    assert artifact.read_config(base / "model").normalization == normalization


def test_an_artifact_to_start_from_may_come_packed(tmp_path: Path) -> None:
    before = save_start(tmp_path / "artifact", classes=1)
    (tmp_path / "channel").mkdir()
    with tarfile.open(tmp_path / "channel" / "model.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "artifact", ".")
    found = train.find_pretrained(tmp_path / "channel", "")
    assert found and (found.normalization, found.classes) == ("imagenet", ["0"])
    assert all(torch.equal(found.weights[name], before[name]) for name in before)


def test_class_outputs_are_taken_over_by_name(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_start(base / "input" / "data" / "model", ["disc", "lamp", "Square "])
    set_hyperparameters(base, max_epoch="1", basic_lr_per_img="1e-8")
    assert run_here(base, monkeypatch) == 0
    assert "weights taken over, and the outputs of square, disc" in capsys.readouterr().out
    for level in range(3):
        for part in ("weight", "bias"):
            name = f"head.cls_preds.{level}.{part}"
            torch.testing.assert_close(weights(base)[name], before[name][[2, 0]], rtol=1e-3, atol=1e-5)


def test_as_many_classes_of_other_names_are_not_taken_for_the_same(tmp_path: Path) -> None:
    save_start(tmp_path / "start", ["cat", "square"])
    start = train.find_pretrained(tmp_path / "start", "")
    assert start
    model = artifact.build(ModelConfig(0.33, 0.125, True, ["square", "disc"], [64, 64]))
    fresh = model.state_dict()["head.cls_preds.0.weight"].clone()
    assert train.load_matching(model, start, ["square", "disc"]).endswith("and the outputs of square")
    loaded = model.state_dict()["head.cls_preds.0.weight"]
    assert torch.equal(loaded[0], start.weights["head.cls_preds.0.weight"][1])
    assert torch.equal(loaded[1], fresh[1])


@pytest.mark.parametrize(
    ("name", "classes", "names"),
    [("yolox_nano.pth", 80, "person"), ("bytetrack_nano_mot17.pth.tar", 1, "person"), ("own.pth", 1, None)],
)
def test_published_checkpoints_are_known_to_have_their_classes(
    tmp_path: Path, name: str, classes: int, names: str | None
) -> None:
    save_start(tmp_path / "model" / name, classes)
    start = train.find_pretrained(tmp_path / "model", "")
    assert start and (start.classes[0] if start.classes else None) == names


def script_precision(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Let the evaluations of a training give these AP in turn, whatever its network has learned."""
    given = iter(values)
    monkeypatch.setattr(train, "average_precision", lambda *_: {"AP": next(given)})


def evaluations(capsys: pytest.CaptureFixture[str]) -> tuple[list[int], str]:
    """The epochs that were evaluated, and the whole log."""
    log = capsys.readouterr().out
    return [int(found["epoch"]) for found in map(parse, log.splitlines()) if "AP" in found], log


def test_a_start_that_no_epoch_betters_is_kept(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_start(base / "input" / "data" / "model", ["square", "disc"])
    set_hyperparameters(base, basic_lr_per_img="0.01")
    script_precision(monkeypatch, 0.6, 0.5, 0.6)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2] and "no epoch was better than the start" in log
    assert artifact.read_config(base / "model").metrics["AP"] == 0.6
    assert_equal_weights(weights(base), before)


def test_the_best_epoch_after_a_start_is_kept(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_start(base / "input" / "data" / "model", ["square", "disc"])
    script_precision(monkeypatch, 0.4, 0.5, 0.45)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2] and "epoch 1 was the best" in log
    assert artifact.read_config(base / "model").metrics["AP"] == 0.5
    kernel = "backbone.backbone.stem.conv.conv.weight"
    assert not torch.equal(weights(base)[kernel], before[kernel])


def test_from_scratch_there_is_no_epoch_before_the_first(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script_precision(monkeypatch, 0.1, 0.2)
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [1, 2] and "start" not in log


def test_a_stopped_training_remembers_that_its_start_was_the_best(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = save_start(base / "input" / "data" / "model", ["square", "disc"])
    set_hyperparameters(base, max_epoch="3", basic_lr_per_img="1e-8")

    def evaluated(*_: object) -> dict[str, float]:
        if len(seen) == 2:  # in the evaluation after the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        seen.append(0.6 if not seen else 0.5)
        return {"AP": seen[-1]}

    seen: list[float] = []
    monkeypatch.setattr(train, "average_precision", evaluated)
    assert run_here(base, monkeypatch) == 143
    monkeypatch.setattr(train, "average_precision", lambda *_: {"AP": 0.5})
    assert run_here(base, monkeypatch) == 0
    epochs, log = evaluations(capsys)
    assert epochs == [0, 1, 2, 3] and "resuming at epoch" in log and "no epoch was better than the start" in log
    assert_equal_weights(weights(base), before)


def test_pixels_are_normalized_as_the_detector_does(tmp_path: Path) -> None:
    from bytetrack.detection.detector import Detector
    from bytetrack.training.validation import ModelEngine

    config = ModelConfig(0.33, 0.125, True, ["person"], [64, 64], "imagenet")
    artifact.write_config(tmp_path, config)
    detector = Detector(tmp_path, ModelEngine(artifact.build(config).eval(), (64, 64)))
    frame = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    pixels = torch.from_numpy(frame.transpose(2, 0, 1)[None].astype(np.float32))
    np.testing.assert_allclose(
        train.normalized(pixels, "imagenet")[0].numpy(), detector.prepare(frame).image, rtol=1e-5, atol=1e-5
    )


def fail(base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
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
        ({"pretrained_model": "yolox_s.pth"}, "there is no channel “model”"),
        ({"basic_lr_per_img": "1", "optimizer": "sgd", "max_epoch": "30"}, "The training diverged"),
    ],
)
def test_bad_hyperparameters(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hyperparameters: dict, message: str
) -> None:
    set_hyperparameters(base, **hyperparameters)
    assert message in fail(base, monkeypatch, capsys)


def remove_boxes(base: Path) -> None:
    folder = base / "input" / "data" / "train"
    write_document(folder, {**read_document(folder), "annotations": []})


def rename_class(base: Path) -> None:
    folder = base / "input" / "data" / "val"
    document = read_document(folder)
    document["categories"][0]["name"] = "cube"
    write_document(folder, document)


def spoil_image(base: Path) -> None:
    set_hyperparameters(base, num_workers="1")
    (base / "input" / "data" / "train" / "images" / "002.jpg").write_text("text")


def spoil_checkpoint(base: Path) -> None:
    (base / "checkpoints").mkdir()
    (base / "checkpoints" / "last.pt").write_text("text")


def other_size(base: Path) -> None:
    save_start(base / "input" / "data" / "model", classes=1, width=0.25)


def no_model(base: Path) -> None:
    (base / "input" / "data" / "model").mkdir()


def no_train(base: Path) -> None:
    shutil.rmtree(base / "input" / "data" / "train")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_train, "The channel “train” is missing"),
        (remove_boxes, "has images but no boxes"),
        (rename_class, "The classes of “val” (cube, disc) are not those of “train” (square, disc)"),
        (spoil_image, "002.jpg is not an image that can be read"),
        (spoil_checkpoint, "last.pt is damaged"),
        (other_size, "has depth 0.33 and width 0.25, which are not those in the hyperparameters"),
        (no_model, "must hold one model to start from; it holds no checkpoint"),
    ],
)
def test_bad_input(
    base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage, message: str
) -> None:
    damage(base)
    assert message in fail(base, monkeypatch, capsys)


def test_a_full_disk_is_named(base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("unexpected pos 704 vs 598")  # as PyTorch puts it

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**30, 2**30, 0))
    started = time.perf_counter()
    assert "The disk is full" in fail(base, monkeypatch, capsys)
    assert time.perf_counter() - started < 30
