"""`python -m backend run` on a tiny video of moving squares, by the real programs, on each platform."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from blobs import SIDE, centers, save_video
from served import all_ended

from backend import jobs
from backend.platforms.registry import platform_of
from backend.steps import training
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Endpoint, LabelingJob, Model, Run
from bytetrack.tracks import Tracks
from bytetrack.video import probe

FRAMES = 36


def save_ground_truth(path: Path) -> Path:
    """MOTChallenge text of the two squares; frames, ids and classes count from 1."""
    rows = [
        f"{frame + 1},{number},{x - SIDE / 2},{y - SIDE / 2},{SIDE},{SIDE},1,{number},1"
        for frame in range(FRAMES)
        for number, (x, y) in enumerate(centers(frame).values(), 1)
    ]
    path.write_text("\n".join(rows))
    return path


def backend(workspace: Path, *arguments: str) -> str:
    """Run `python -m backend`; what it prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "backend", *arguments, "--workspace", str(workspace)],
        cwd=jobs.PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def run(workspace: Path, video: Path, labels: str) -> dict:
    """The journey with one epoch; what it tells at its end."""
    printed = backend(workspace, "run", "--video", str(video), "--labels", labels, "--model", "nano", "--epochs", "1")
    (line,) = printed.splitlines()
    return json.loads(line)


@pytest.fixture(scope="module")
def on_this_machine(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("local")
    video, labels = save_video(folder / "squares.mp4", range(FRAMES)), save_ground_truth(folder / "gt.txt")
    return run(folder / "workspace", video, str(labels)), folder / "workspace"


def test_run_takes_a_video_the_whole_way(on_this_machine: tuple[dict, Path]) -> None:
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


def have_labeled(standin, workspace: Path, video: Path) -> str:
    """The squares' boxes, drawn by workers of Ground Truth; the address of the job's output."""
    backend(workspace, "do", "add video", f"source={video}", "name=to label")
    classes, clips = json.dumps(["class 1", "class 2"]), json.dumps(["to label"])
    backend(workspace, "do", "start labeling", "name=squares", f"clips={clips}", f"classes={classes}")
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


def test_the_same_comes_out_on_aws(
    on_this_machine: tuple[dict, Path], standin, aws_account: dict, tmp_path: Path
) -> None:
    """Upload, labels, dataset, training, three ways of serving, scores, tuning, clean-up: to the last box as here."""
    here, _ = on_this_machine
    folder, video = tmp_path / "workspace", save_video(tmp_path / "squares.mp4", range(FRAMES))
    backend(folder, "use", "aws", *(f"{name}={value}" for name, value in aws_account.items()))
    there = run(folder, video, have_labeled(standin, folder, video))
    assert there["agree"]
    for score in ("AP50", "HOTA", "MOTA", "IDF1"):
        assert there[score] == pytest.approx(here[score], abs=0.01)
    assert Path(there["batch"]["tracks"]).read_bytes() == Path(here["batch"]["tracks"]).read_bytes()
    assert standin.count("sagemaker", "CreateTrainingJob") == standin.count("sagemaker", "CreateProcessingJob") == 1

    workspace = Workspace(folder)
    (model,), (data,) = workspace.list(Model), workspace.list(Dataset)
    assert model.image == aws_account["image"] and model.trained_as.startswith("bts-")
    settings = json.dumps(training.suggest(workspace, data.id, epochs=1))
    ranges = json.dumps({"basic_lr_per_img": {"low": 1e-5, "high": 1e-3, "logarithmic": True}})
    search = ["name=search", f"dataset={data.id}", f"ranges={ranges}", f"hyperparameters={settings}", "trials=1"]
    backend(folder, "do", "search hyperparameters", *search)
    assert {each.name for each in workspace.list(Model)} == {model.name, "search"}

    platform = platform_of(workspace)
    left = {each.kind: each for each in platform.inventory.resources()}
    assert left.keys() == {"files", "training job", "batch job", "search", "labeling job"}
    assert not any(each.cost_per_hour for each in left.values())  # they have ended
    for each in platform.inventory.resources():
        if each.deletable:
            platform.inventory.delete(each.id)
    assert {each.kind for each in platform.inventory.resources()} == {"labeling job"}  # of which AWS keeps the record
