"""The program `process` in its own process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import requests
from moving_squares import FRAMES, save_model, save_video
from programs import serving

from bytetrack import mot, video
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    save_model(tmp_path / "processing" / "input" / "model")
    (tmp_path / "processing" / "input" / "videos").mkdir()
    return tmp_path


def add_video(base: Path, name: str, content: bytes) -> None:
    path = base / "processing" / "input" / "videos" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def run(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bytetrack.process", *arguments],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def summary(base: Path, name: str = "summary.json") -> list[dict[str, Any]]:
    return json.loads((base / "processing" / "output" / name).read_text())["videos"]


def outputs(base: Path) -> list[str]:
    folder = base / "processing" / "output"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_each_video_gets_its_files_and_an_invalid_one_is_reported(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    add_video(base, "broken.mp4", b"just text")
    ended = run(base, "--draw")
    assert ended.returncode == 0, ended.stderr
    assert re.search(rf"video: 2/2 scene.mp4, frame: {FRAMES}/{FRAMES}, fps: [\d.]+, eta: 0", ended.stdout)
    assert re.search(rf"video: 2/2 scene.mp4, drawn: {FRAMES}/{FRAMES}, ", ended.stdout)
    assert "broken.mp4" in ended.stderr and "not a video" in ended.stderr
    assert outputs(base) == ["scene.detections.npz", "scene.json", "scene.mp4", "scene.txt", "summary.json"]

    broken, done = summary(base)
    assert broken["name"] == "broken.mp4" and "not a video" in broken["error"]
    assert done["name"] == "scene.mp4" and done["frames"] == FRAMES and done["fps"] > 0
    output = base / "processing" / "output"
    tracks = Tracks.load(output / "scene.json")
    assert mot.read(output / "scene.txt", tracks.classes).frame.tolist() == tracks.frame.tolist()
    assert VideoDetections.load(output / "scene.detections.npz").frames == FRAMES
    assert video.probe(output / "scene.mp4").frames == FRAMES


@pytest.mark.slow
def test_batch_writes_what_an_endpoint_answers(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    assert run(base).returncode == 0
    document = json.loads((base / "processing" / "output" / "scene.json").read_text())
    save_model(base / "model")
    with serving(base) as address:
        video_type = {"Content-Type": "video/mp4"}
        answer = requests.post(f"{address}/invocations", scene.read_bytes(), headers=video_type, timeout=20).json()
    for duration in ("model_ms", "model_seconds"):
        answer.pop(duration)
        document.pop(duration, None)
    assert document == answer


def test_the_model_may_be_an_archive(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    model = base / "processing" / "input" / "model"
    with tarfile.open(model / "model.tar.gz", "w:gz") as tar:
        for name in ("model.json", "model.onnx"):
            tar.add(model / name, name)
            (model / name).unlink()
    ended = run(base, "--track-thresh", "1")
    assert ended.returncode == 0, ended.stderr
    assert json.loads((base / "processing" / "output" / "scene.json").read_text())["tracks"] == []


def test_an_archive_cannot_write_outside_of_its_folder(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    model = base / "processing" / "input" / "model"
    with tarfile.open(model / "model.tar.gz", "w:gz") as tar:
        tar.add(model / "model.json", "../../model.json")
    (model / "model.json").unlink()
    ended = run(base)
    assert ended.returncode == 1
    assert "model.json" in ended.stderr and not (base / "processing" / "model.json").exists()
    assert (base / "output" / "message").read_text() in ended.stderr


def test_invalid_settings_are_reported_before_the_work(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    ended = run(base, "--match-thresh", "high")
    assert ended.returncode == 1
    assert ended.stderr.strip() == "process: match_thresh is 'high', but must be a number."


def test_it_fails_if_all_videos_are_invalid_but_not_without_videos(base: Path) -> None:
    ended = run(base)
    assert ended.returncode == 0 and "nothing to do" in ended.stdout
    add_video(base, "broken.mp4", b"just text")
    ended = run(base)
    assert ended.returncode == 1
    assert "broken.mp4" in (base / "output" / "message").read_text()
    assert len(summary(base)) == 1


@pytest.mark.slow
def test_hosts_share_the_videos_unless_sagemaker_did(base: Path, scene: Path) -> None:
    for name in ("a.mp4", "b.mp4", "more/b.avi", "more/b.mp4"):
        add_video(base, name, scene.read_bytes())
    config = base / "config"
    config.mkdir()
    (config / "resourceconfig.json").write_text('{"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}')
    assert run(base).returncode == 0
    assert [done["name"] for done in summary(base, "summary-algo-2.json")] == ["b.mp4", "more/b.mp4"]
    assert {"b.json", "more/b.mp4.json"} <= set(outputs(base))

    source = {"LocalPath": "/opt/ml/processing/input/videos", "S3DataDistributionType": "ShardedByS3Key"}
    (config / "processingjobconfig.json").write_text(json.dumps({"ProcessingInputs": [{"S3Input": source}]}))
    assert run(base).returncode == 0
    assert len(summary(base, "summary-algo-2.json")) == 4


def test_sigterm_ends_it_without_unfinished_files(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    for number in range(30):
        add_video(base, f"scene{number}.mp4", scene.read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-m", "bytetrack.process"],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("video: 1/31")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=3)
    assert process.returncode == 128 + signal.SIGTERM
    assert not [name for name in outputs(base) if Path(name).name.startswith(".")]


def test_only_the_chosen_classes_are_tracked(base: Path, scene: Path) -> None:
    add_video(base, "scene.mp4", scene.read_bytes())
    ended = run(base, "--class=red")
    assert ended.returncode == 0, ended.stderr
    document = json.loads((base / "processing" / "output" / "scene.json").read_text())
    assert document["classes"] == ["red"] and {row["class_id"] for row in document["tracks"]} == {0}
    assert len(document["tracks"]) == FRAMES
    ended = run(base, "--class", "red", "--class", "green")
    assert ended.returncode == 1
    assert ended.stderr.strip() == "process: The model has no class 'green'. Its classes are blue, red."
