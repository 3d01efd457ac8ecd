"""The contract of a platform: the same tests run on each."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest
from coco import save_channel
from moving_squares import FRAMES, save_video
from waiting import until

from backend.errors import UserError
from backend.jobs.processes import Stopped, stop_on_sigterm
from backend.platforms.base import (
    HyperparameterSearchSpec,
    JobState,
    Platform,
    ProcessingSpec,
    Range,
    SampleFiles,
    TrainingSpec,
    Trial,
    Watch,
)
from backend.progress import silent
from bytetrack.detection.artifact import FILES, ModelConfig, read_config, write_config
from bytetrack.video import pieces, read_frames

pytestmark = pytest.mark.slow

JSON, VIDEO = "application/json", "video/mp4"
TINY = {
    "depth": "0.33",
    "width": "0.125",
    "input_size_h": "64",
    "input_size_w": "64",
    "test_size_h": "64",
    "test_size_w": "64",
    "batch_size": "2",
    "max_epoch": "2",
    "eval_interval": "1",
    "mosaic_prob": "0",
    "print_interval": "1",
}


def deploy(platform: Platform, model: Path, mode: str) -> dict:
    ref = platform.endpoints.start(f"squares {mode}", model, mode, {})
    try:
        platform.endpoints.wait_in_service(ref, silent)
    except UserError:
        platform.endpoints.delete(ref)
        raise
    return ref


@pytest.fixture(scope="module")
def realtime(platform: Platform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "realtime")
    yield ref
    platform.endpoints.delete(ref)
    assert platform.endpoints.state(ref).status == "gone"
    platform.endpoints.delete(ref)


@pytest.fixture(scope="module")
def queue(platform: Platform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "async")
    yield ref
    platform.endpoints.delete(ref)
    assert platform.endpoints.state(ref).status == "gone"


def collect(platform: Platform, ref: dict, ticket: str) -> dict:
    return json.loads(until(lambda: platform.endpoints.collect(ref, ticket)))


def training(folder: Path, name: str = "t", **hyperparameters: str) -> TrainingSpec:
    channels = {split: save_channel(folder / split, images) for split, images in (("train", 6), ("val", 3))}
    return TrainingSpec(name, channels, TINY | hyperparameters, f"checkpoints{name}", folder / "output")


class Seen:
    """A watch that records lines and states; `on_line` is called with each line."""

    def __init__(self, on_line=lambda line: None) -> None:
        self.lines: list[str] = []
        self.states: list[JobState] = []
        self._on_line = on_line
        self.watch = Watch(self._line, self.states.append)

    def _line(self, line: str) -> None:
        self.lines.append(line)
        self._on_line(line)


def test_a_training_that_fails_reports_its_own_reason(platform: Platform, tmp_path: Path) -> None:
    progress = Seen()
    with pytest.raises(UserError, match="num_classes is 7, but the data has 2 classes: square, disc"):
        platform.training.run(training(tmp_path, "bad", num_classes="7"), progress.watch)
    assert any("num_classes is 7" in line for line in progress.lines)


def test_a_stopped_training_resumes_from_its_checkpoint(platform: Platform, tmp_path: Path) -> None:
    def stop_in_second_epoch(line: str) -> None:
        if line.startswith("epoch: 2/"):
            signal.raise_signal(signal.SIGTERM)

    spec = training(tmp_path, "stopped", max_epoch="12", eval_interval="12")
    assert not platform.training.can_resume(spec.checkpoints)
    before = signal.getsignal(signal.SIGTERM)
    try:
        stop_on_sigterm()
        with pytest.raises(Stopped):
            platform.training.run(spec, Seen(stop_in_second_epoch).watch)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert platform.training.can_resume(spec.checkpoints) and not (spec.output / "model.json").exists()
    progress = Seen()
    platform.training.run(spec, progress.watch)
    (resumed,) = (line for line in progress.lines if line.startswith("resuming at epoch"))
    assert resumed != "resuming at epoch 1, step 1"
    assert {path.name for path in spec.output.iterdir()} == set(FILES)
    platform.training.delete_checkpoints(spec.checkpoints)
    platform.training.delete_checkpoints(spec.checkpoints)


def test_a_search_returns_the_best_model(platform: Platform, tmp_path: Path) -> None:
    spec = HyperparameterSearchSpec(
        training(tmp_path, "search", max_epoch="1"),
        {"basic_lr_per_img": Range(1e-5, 1e-3, logarithmic=True), "optimizer": Range(choices=("adamw", "sgd"))},
        objective="total_loss",
        maximize=False,
        trials=2,
    )
    reported: list[list[Trial]] = []
    best = platform.hyperparameter_search.run(spec, Seen().watch, reported.append)
    trials = reported[-1]
    assert [trial.status for trial in trials] == ["done"] * 2
    values = [trial.value for trial in trials if trial.value is not None]
    assert best in trials and best.value == min(values) and len(set(values)) == 2
    assert all(1e-5 <= float(trial.hyperparameters["basic_lr_per_img"]) <= 1e-3 for trial in trials)
    hyperparameters = read_config(spec.training.output).hyperparameters
    assert hyperparameters["basic_lr_per_img"] == pytest.approx(float(best.hyperparameters["basic_lr_per_img"]))
    assert hyperparameters["optimizer"] == best.hyperparameters["optimizer"]


def test_a_search_in_which_all_trials_fail_reports_the_last_reason(platform: Platform, tmp_path: Path) -> None:
    ranges = {"basic_lr_per_img": Range(1e-5, 1e-3)}
    spec = HyperparameterSearchSpec(training(tmp_path, "failures", num_classes="7"), ranges, "best_AP", True, 1)
    with pytest.raises(UserError, match="All trainings failed. The last one reported: num_classes is 7"):
        platform.hyperparameter_search.run(spec, Seen().watch, lambda trials: None)


def test_a_batch_job_tracks_a_video(platform: Platform, model: Path, scene: Path, tmp_path: Path) -> None:
    progress = Seen()
    platform.batch.run(ProcessingSpec("b", scene.parent, model, tmp_path, ["--track-thresh", "0.6"]), progress.watch)
    assert json.loads((tmp_path / "scene.json").read_text())["frames"] == FRAMES
    assert any(f"frame: {FRAMES}/{FRAMES}" in line for line in progress.lines)
    assert scene.exists() and (model / "model.onnx").exists()


def test_a_batch_of_one_broken_video_fails(platform: Platform, model: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "notes.mp4").write_text("just text")
    with pytest.raises(UserError, match="notes.mp4.*not a video"):
        platform.batch.run(ProcessingSpec("b", tmp_path / "videos", model, tmp_path / "output"), Seen().watch)


def test_two_clients_have_independent_sessions(platform: Platform, realtime: dict, scene: Path) -> None:
    assert platform.endpoints.state(realtime).status == "in service"

    def track(_: int) -> list[dict]:
        opened = platform.endpoints.invoke(realtime, b'{"frame_rate": 10}', JSON, "NEW_SESSION")
        rows = []
        for _, _, body in pieces(scene, 7):
            rows += json.loads(platform.endpoints.invoke(realtime, body, VIDEO, opened.new_session).body)["tracks"]
        closed = platform.endpoints.invoke(realtime, b'{"close": true}', JSON, opened.new_session)
        assert closed.closed_session == opened.new_session
        return rows

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(track, range(2))
    assert one == other and {row["id"] for row in one} == {1, 2}
    assert {row["frame"] for row in one} == set(range(FRAMES))


def test_a_refused_request_reports_the_endpoints_message(platform: Platform, realtime: dict) -> None:
    with pytest.raises(UserError, match="Session 'gone' does not exist.*Start a new one with NEW_SESSION"):
        platform.endpoints.invoke(realtime, b'{"close": true}', JSON, "gone")
    with pytest.raises(UserError, match="not an image that can be read"):
        platform.endpoints.invoke(realtime, b"just text", "image/png")
    with pytest.raises(UserError, match="accepts image/jpeg"):
        platform.endpoints.invoke(realtime, b"just text", "text/plain")
    with pytest.raises(UserError, match="track_tresh"):
        platform.endpoints.invoke(realtime, b"{}", JSON, "NEW_SESSION", "track_tresh=1")


def test_an_endpoint_without_a_model_reports_what_is_missing(platform: Platform, tmp_path: Path) -> None:
    for mode in ("realtime", "async"):
        with pytest.raises(UserError, match=r"did not start.*serve: .*model.json"):
            deploy(platform, tmp_path, mode)


def test_the_queue_survives_bad_requests(platform: Platform, queue: dict, scene: Path, tmp_path: Path) -> None:
    bad = tmp_path / "notes.mp4"
    bad.write_text("just text")
    tickets = [platform.endpoints.submit(queue, path, VIDEO) for path in (bad, scene)]
    assert collect(platform, queue, tickets[1])["frames"] == FRAMES
    with pytest.raises(UserError, match="not a video"):
        collect(platform, queue, tickets[0])
    assert collect(platform, queue, platform.endpoints.submit(queue, scene, VIDEO, "detections=true"))["detections"]
    assert scene.exists()


def test_an_update_leaves_no_gap(platform: Platform, model: Path, scene: Path, tmp_path: Path) -> None:
    """No request fails while the endpoint is updated to a model with another threshold."""
    other = tmp_path / "other"
    other.mkdir()
    for name in ("model.json", "model.onnx"):
        (other / name).write_bytes((model / name).read_bytes())
    config: ModelConfig = read_config(other)
    config.thresholds["track_buffer"] = 77
    write_config(other, config)
    frame = next(iter(pieces(save_video(tmp_path / "one.mp4", range(1)), 1)))[2]
    old = deploy(platform, model, "realtime")
    current, answered, ended, failed = old, 0, threading.Event(), []

    def ask() -> None:
        nonlocal answered
        while not ended.is_set():
            try:
                platform.endpoints.invoke(current, frame, VIDEO)
                answered += 1
            except UserError as error:
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        new = platform.endpoints.update(old, other, {})
        platform.endpoints.wait_in_service(new, silent)
        current = new
        asked_new = answered
        until(lambda: failed or answered > asked_new + 1)
        platform.endpoints.retire(old, new)
        after = answered
        until(lambda: failed or answered > after + 1)
    finally:
        ended.set()
        asking.join()
    settings = json.loads(platform.endpoints.invoke(new, b"{}", JSON, "NEW_SESSION").body)["settings"]
    platform.endpoints.delete(new)
    assert settings["track_buffer"] == 77 and answered > 5 and failed == []


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Files in a folder whose name needs quotes."""
    folder = tmp_path_factory.mktemp("it's $HOME")
    video = save_video(folder / 'the "scene".mp4')
    image, piece = folder / "frame.jpg", folder / "piece.mp4"
    _, jpeg = cv2.imencode(".jpg", next(read_frames(video)))
    image.write_bytes(jpeg.tobytes())
    piece.write_bytes(next(pieces(video))[2])
    return SampleFiles(image, piece, video, 10.0)


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_examples_of_requests_run_as_they_are_printed(
    platform: Platform, samples: SampleFiles, mode: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ref = request.getfixturevalue("realtime" if mode == "realtime" else "queue")
    examples = platform.endpoints.examples(ref, samples)
    assert {"Shell", "Python with boto3"} < {example.title for example in examples}
    for example in examples:
        if example.title == "Shell" and " aws " in example.code.replace("$(", " ") and not shutil.which("aws"):
            continue
        program = [sys.executable, "-"] if example.language == "python" else ["sh", "-eu"]
        # The shell's examples sign with these; an empty token is left out.
        environment = os.environ | {"AWS_SESSION_TOKEN": ""}
        result = subprocess.run(
            program, input=example.code, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120
        )
        assert result.returncode == 0 and not result.stderr, (example.title, result)
        if platform.name == "aws" and example.title == "HTTP" and mode == "async":
            assert json.loads(result.stdout)["InferenceId"]
            continue
        is_http = example.title == "HTTP"
        if mode == "realtime":
            # Two squares in the image, and in each of the frames of the piece.
            detections = result.stdout.count('"score"') if example.language == "bash" else 2
            assert detections >= 2, (example.title, result)
        if not is_http:
            frames = set(map(int, re.findall(r'(?:"frame": ?|frame )(\d+)', result.stdout)))
            assert len(frames) > 5, (example.title, result)
    assert not list(tmp_path.iterdir())
