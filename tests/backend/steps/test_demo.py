"""The command `run` on a tiny video of moving squares, with the real programs, on each platform."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from deployment_helpers import add_model, all_ended
from moving_squares import SIDE, centers, save_video
from yolox.config import YoloxConfig

from backend.errors import UserError
from backend.platforms.registry import platform_of
from backend.progress import silent
from backend.steps import demo
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Dataset, Endpoint, LabelingJob, Model, Run
from bytetrack.tracks import Tracks
from bytetrack.training.hyperparameters import PRETRAINED_EPOCHS
from bytetrack.video import probe

pytestmark = pytest.mark.slow

FRAMES = 36


def save_ground_truth(path: Path) -> Path:
    """Write the boxes of the two squares as MOTChallenge text, whose frames, ids and classes count from 1."""
    rows = [
        f"{frame + 1},{number},{x - SIDE / 2},{y - SIDE / 2},{SIDE},{SIDE},1,{number},1"
        for frame in range(FRAMES)
        for number, (x, y) in enumerate(centers(frame).values(), 1)
    ]
    path.write_text("\n".join(rows))
    return path


def backend(workspace: Path, *arguments: str) -> str:
    """Run the command line and return what it prints."""
    completed = subprocess.run(
        [sys.executable, "-m", "backend", *arguments, "--workspace", str(workspace)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def run(workspace: Path, video: Path, labels: str) -> dict:
    """Run all steps with one epoch and return the result."""
    printed = backend(workspace, "run", "--video", str(video), "--labels", labels, "--model", "nano", "--epochs", "1")
    (line,) = printed.splitlines()
    return json.loads(line)


@pytest.fixture(scope="module")
def on_this_machine(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("local")
    video, labels = save_video(folder / "squares.mp4", range(FRAMES)), save_ground_truth(folder / "gt.txt")
    return run(folder / "workspace", video, str(labels)), folder / "workspace"


def test_run_takes_a_video_through_all_steps(on_this_machine: tuple[dict, Path]) -> None:
    result, root = on_this_machine
    assert {"video", "label", "build", "train", "deploy async", "track batch", "evaluate realtime"} <= set(
        result["seconds"]
    )
    assert result["train_images_per_second"] > 0 and 0 <= result["AP50"] <= 1
    assert all(result[name] <= 100 for name in ("HOTA", "MOTA", "IDF1"))
    for mode in ("batch", "realtime", "async"):
        served = result[mode]
        assert served["fps"] > 0 and Path(served["tracks"]).is_file() and probe(served["overlay"]).frames > 0
        assert (served.get("requests", 0) > 0) == (mode != "batch") == (served.get("latency_ms", {}).keys() == {"p50"})
    assert result["agree"]

    workspace = Workspace(root)
    assert len(workspace.list(Model)) == 1 and len(workspace.list(Run)) == 3
    assert {endpoint.mode for endpoint in workspace.list(Endpoint)} == {"batch"}
    assert all_ended(workspace.root)


class ReadyToTrain(Exception):
    """Ends a run of all steps before the training."""


def test_run_starts_from_a_checkpoint_file(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = YoloxConfig("", num_classes=80, depth=0.33, width=0.125, depthwise=True).get_model()
    torch.save({"model": network.state_dict()}, tmp_path / "tiny.pth")
    start_training = Mock(side_effect=ReadyToTrain)
    monkeypatch.setattr(demo.training, "start", start_training)
    video, labels = save_video(tmp_path / "squares.mp4", range(FRAMES)), save_ground_truth(tmp_path / "gt.txt")
    with pytest.raises(ReadyToTrain):
        demo.run(
            workspace,
            silent,
            video=video,
            labels=str(labels),
            start_from=str(tmp_path / "tiny.pth"),
            start_normalization="raw",
            start_input_size=[64, 96],
        )
    (base,) = workspace.list(Model)
    assert (base.name, base.source) == ("tiny", "file")
    arguments = start_training.call_args.kwargs
    assert arguments["base"] == base.id
    assert arguments["hyperparameters"]["max_epoch"] == str(PRETRAINED_EPOCHS)


def test_run_starts_from_a_model_of_the_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    model = add_model(workspace)
    monkeypatch.setattr(demo._Steps, "run", Mock(side_effect=ReadyToTrain))
    for start_from in (model.id, model.name):
        with pytest.raises(ReadyToTrain):  # raised by the step after the model was found
            demo.run(workspace, silent, video=Path("video.mp4"), labels="gt.txt", start_from=start_from)
    with pytest.raises(UserError, match="“yolo.pth” is neither a model in this workspace nor a file"):
        demo.run(workspace, silent, video=Path("video.mp4"), labels="gt.txt", start_from="yolo.pth")


def label_on_ground_truth(standin, workspace: Path, video: Path) -> str:
    """Have workers of Ground Truth draw the squares' boxes, and return the address of the job's output."""
    backend(workspace, "add-video", str(video), "--name", "to label")
    backend(workspace, "start-labeling", "--name", "squares", "--clips", "to label", "--classes", "class 1", "class 2")
    (labeling,) = Workspace(workspace).list(LabelingJob)
    corners = [
        (frame, number, x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2)
        for frame in range(FRAMES)
        for number, (x, y) in enumerate(centers(frame).values())
    ]
    rows = np.array(corners)
    drawn = Tracks(rows[:, 0], rows[:, 1] + 1, rows[:, 2:], np.ones(len(rows)), rows[:, 1], ("class 1", "class 2"))
    standin.label(labeling.ref["job"], {0: drawn})
    job = platform_of(Workspace(workspace)).account.call(
        "sagemaker", "describe_labeling_job", LabelingJobName=labeling.ref["job"]
    )
    return job["LabelingJobOutput"]["OutputDatasetS3Uri"].partition("/manifests/")[0]


def test_aws_gives_the_same_results(
    on_this_machine: tuple[dict, Path], standin, aws_account: dict, tmp_path: Path
) -> None:
    """All steps, a hyperparameter search and the clean-up run on AWS; the tracks equal those of this machine."""
    local, _ = on_this_machine
    folder, video = tmp_path / "workspace", save_video(tmp_path / "squares.mp4", range(FRAMES))
    backend(folder, "use", "aws", *(f"{name}={value}" for name, value in aws_account.items()))
    remote = run(folder, video, label_on_ground_truth(standin, folder, video))
    assert remote["agree"]
    for score in ("AP50", "HOTA", "MOTA", "IDF1"):
        assert remote[score] == pytest.approx(local[score], abs=0.01)
    assert Path(remote["batch"]["tracks"]).read_bytes() == Path(local["batch"]["tracks"]).read_bytes()
    assert standin.count("sagemaker", "CreateTrainingJob") == standin.count("sagemaker", "CreateProcessingJob") == 1

    workspace = Workspace(folder)
    (model,), (data,) = workspace.list(Model), workspace.list(Dataset)
    assert model.image == aws_account["image"] and model.trained_as.startswith("bts-")
    search = ["--range", "basic_lr_per_img=1e-5:1e-3", "--epochs", "1", "--trials", "1", "--name", "search"]
    backend(folder, "search-hyperparameters", "--dataset", data.name, *search)
    assert {model.name for model in workspace.list(Model)} == {model.name, "search"}

    platform = platform_of(workspace)
    inventory = {resource.kind: resource for resource in platform.inventory.resources()}
    assert inventory.keys() == {"files", "training job", "batch job", "hyperparameter search", "labeling job"}
    assert not any(resource.cost_per_hour for resource in inventory.values())  # all have ended
    for resource in platform.inventory.resources():
        if resource.deletable:
            platform.inventory.delete(resource.id)
    assert {resource.kind for resource in platform.inventory.resources()} == {"labeling job"}  # AWS keeps their records
