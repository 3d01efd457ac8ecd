"""The image's programs as the local platform runs them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from blobs import FRAMES, save_model, save_video
from coco import save_channel
from served import all_ended

from backend.errors import UserError
from backend.platform.base import ProcessingSpec, TrainingSpec
from backend.platform.local.platform import LocalPlatform
from bytetrack.video import pieces

JSON, VIDEO = "application/json", "video/mp4"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> LocalPlatform:
    return LocalPlatform(tmp_path_factory.mktemp("workspace") / "local")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")


def deploy(platform: LocalPlatform, model: Path, mode: str) -> dict:
    ref = platform.deploy(mode, model, mode)
    deadline = time.monotonic() + 60
    while platform.endpoint(ref).status == "starting":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return ref


@pytest.fixture(scope="module")
def realtime(platform: LocalPlatform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "realtime")
    yield ref
    platform.delete_endpoint(ref)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()


@pytest.fixture
def queue(platform: LocalPlatform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "async")
    yield ref
    platform.delete_endpoint(ref)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()


def collect(platform: LocalPlatform, ref: dict, ticket: str) -> dict:
    deadline = time.monotonic() + 30
    while (answer := platform.collect(ref, ticket)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return json.loads(answer)


def training(folder: Path, **hyperparameters: str) -> TrainingSpec:
    return TrainingSpec(
        "t", {"train": save_channel(folder / "train")}, hyperparameters, folder / "checkpoints", folder / "output"
    )


def test_a_training_that_fails_gives_its_own_reason(platform: LocalPlatform, tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(UserError, match="num_classes is 7, but the data has 2 classes: square, disc"):
        platform.train(training(tmp_path, num_classes="7"), lines.append)
    assert any("num_classes is 7" in line for line in lines)


def test_a_batch(platform: LocalPlatform, model: Path, scene: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    platform.process(ProcessingSpec("b", scene.parent, model, tmp_path, ["--track-thresh", "0.6"]), lines.append)
    assert json.loads((tmp_path / "scene.json").read_text())["frames"] == FRAMES
    assert f"frame: {FRAMES}/{FRAMES}" in lines[-1]
    assert scene.exists() and (model / "model.onnx").exists()


def test_a_batch_of_nothing_but_a_broken_video(platform: LocalPlatform, model: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "notes.mp4").write_text("just text")
    with pytest.raises(UserError, match="notes.mp4.*not a video"):
        platform.process(ProcessingSpec("b", tmp_path / "videos", model, tmp_path / "output"), print)


def test_two_clients_with_a_session_each(platform: LocalPlatform, realtime: dict, scene: Path) -> None:
    assert platform.endpoint(realtime).status == "in service"

    def track(_: int) -> list[dict]:
        opened = platform.invoke(realtime, b'{"frame_rate": 10}', JSON, "NEW_SESSION")
        rows = []
        for _, _, body in pieces(scene, 7):
            rows += json.loads(platform.invoke(realtime, body, VIDEO, opened.new_session).body)["tracks"]
        closed = platform.invoke(realtime, b'{"close": true}', JSON, opened.new_session)
        assert closed.closed_session == opened.new_session
        return rows

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(track, range(2))
    assert one == other and {row["id"] for row in one} == {1, 2}
    assert {row["frame"] for row in one} == set(range(FRAMES))


def test_what_an_endpoint_refuses_is_a_sentence(platform: LocalPlatform, realtime: dict) -> None:
    with pytest.raises(UserError, match="Session 'gone' is not alive.*Start one with NEW_SESSION"):
        platform.invoke(realtime, b'{"close": true}', JSON, "gone")
    with pytest.raises(UserError, match="not an image that can be read"):
        platform.invoke(realtime, b"just text", "image/png")
    with pytest.raises(UserError, match="takes image/jpeg"):
        platform.invoke(realtime, b"just text", "text/plain")
    with pytest.raises(UserError, match="track_tresh"):
        platform.invoke(realtime, b"", JSON, "NEW_SESSION", "track_tresh=1")


def test_a_killed_endpoint_is_gone_and_nobody_elses_answer_is_taken(
    platform: LocalPlatform, realtime: dict, model: Path
) -> None:
    ref = deploy(platform, model, "realtime")
    psutil.Process(ref["pid"]).kill()
    deadline = time.monotonic() + 5
    while (state := platform.endpoint(ref)).status != "gone":
        assert time.monotonic() < deadline
    assert "was killed" in state.reason
    with pytest.raises(UserError, match="process is gone"):
        platform.invoke(ref | {"port": realtime["port"]}, b"", JSON, "NEW_SESSION")
    platform.delete_endpoint(ref)
    platform.delete_endpoint(ref)
    assert not Path(ref["folder"]).exists()
    assert platform.endpoint(realtime).status == "in service"


def test_an_endpoint_without_a_model_says_what_it_lacks(platform: LocalPlatform, tmp_path: Path) -> None:
    for mode in ("realtime", "async"):
        ref = deploy(platform, tmp_path, mode)
        assert platform.endpoint(ref).status == "gone"
        assert "serve: " in platform.endpoint_log(ref) and "model.json" in platform.endpoint_log(ref)
        platform.delete_endpoint(ref)
    assert tmp_path.exists()


def test_the_queue_survives_bad_requests(platform: LocalPlatform, queue: dict, scene: Path, tmp_path: Path) -> None:
    bad = tmp_path / "notes.mp4"
    bad.write_text("just text")
    tickets = [platform.submit(queue, path, VIDEO) for path in (bad, tmp_path / "missing.mp4", scene)]
    assert collect(platform, queue, tickets[2])["frames"] == FRAMES
    with pytest.raises(UserError, match="not a video"):
        platform.collect(queue, tickets[0])
    with pytest.raises(UserError, match="No such file"):
        platform.collect(queue, tickets[1])
    (Path(queue["folder"]) / "input" / "0-odd.json").write_text("not JSON")
    assert collect(platform, queue, platform.submit(queue, scene, VIDEO, "detections=true"))["detections"]
    assert list((Path(queue["folder"]) / "input").iterdir()) == [] and scene.exists()


def test_whoever_waits_on_a_queue_that_was_killed_is_told(platform: LocalPlatform, queue: dict, scene: Path) -> None:
    ticket = platform.submit(queue, scene, VIDEO)
    psutil.Process(queue["pid"]).kill()
    with pytest.raises(UserError, match="process is gone"):
        collect(platform, queue, ticket)
    with pytest.raises(UserError, match="process is gone"):
        platform.submit(queue, scene, VIDEO)
