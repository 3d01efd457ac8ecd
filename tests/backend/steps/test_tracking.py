from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployment_helpers import add_model, add_video, all_ended, deploy
from moving_squares import FRAMES

from backend.errors import UserError
from backend.platforms.base import Answer
from backend.platforms.local.endpoints import LocalEndpoints
from backend.progress import silent
from backend.steps import deployments
from backend.steps.tracking import _attributes, track, track_through
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Run, Video
from bytetrack import mot
from bytetrack.partial_tracks import PartialTracksReader, PartialTracksWriter
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks
from bytetrack.video import probe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Video, dict[str, Endpoint]]]:
    folder = tmp_path_factory.mktemp("served")
    workspace = Workspace(folder / "workspace")
    video, model = add_video(workspace, folder), add_model(workspace)
    endpoints = {mode: deploy(workspace, model, mode) for mode in deployments.MODES}
    yield workspace, video, endpoints
    for endpoint in endpoints.values():
        deployments.deployment_of(workspace, endpoint).delete()
    assert all_ended(workspace.root)


def test_every_serving_mode_gives_the_same_tracks(served: tuple[Workspace, Video, dict[str, Endpoint]]) -> None:
    workspace, video, endpoints = served
    runs = {}
    for mode, endpoint in endpoints.items():
        steps: list[float] = []
        result = track(workspace, lambda fraction, _: steps.append(fraction), video=video.id, endpoint=endpoint.id)  # noqa: B023
        runs[mode] = workspace.get(Run, result["run"])
        assert steps == sorted(steps) and steps[-1] == 1
        assert workspace.get(Endpoint, endpoint.id).last_used
    documents = {(workspace.folder(run) / "tracks.json").read_bytes() for run in runs.values()}
    assert len(documents) == 1
    for mode, run in runs.items():
        assert (run.frames, run.objects, run.mode, run.model) == (FRAMES, 2, mode, endpoints[mode].model)
        assert run.fps > 0 and run.seconds > 0
        folder = workspace.folder(run)
        tracks = Tracks.load(folder / "tracks.json")
        assert len(mot.read(folder / "tracks.txt", tracks.classes)) == len(tracks)
        assert probe(folder / "overlay.mp4").frames == FRAMES
        assert len((folder / "tracks.csv").read_text().splitlines()) == len(tracks) + 1
        if mode != "realtime":
            assert VideoDetections.load(folder / "detections.npz").frames == FRAMES
    assert runs["batch"].requests == 0 and runs["batch"].latency_ms == {}
    assert 1 < runs["realtime"].requests < 10 and runs["realtime"].latency_ms.keys() == {"p50"}
    assert runs["async"].requests == 1 and runs["async"].bytes_sent == video.size


def test_a_missing_or_damaged_video_file_is_reported(
    served: tuple[Workspace, Video, dict[str, Endpoint]], tmp_path: Path
) -> None:
    workspace, _, endpoints = served
    video = add_video(workspace, tmp_path)
    Path(video.path).write_bytes(b"just text")
    for endpoint in endpoints.values():
        with pytest.raises(UserError, match="not a video"):
            track(workspace, silent, video=video.id, endpoint=endpoint.id)
    Path(video.path).unlink()
    for endpoint in endpoints.values():
        with pytest.raises(UserError, match="is gone: .*squares.mp4"):
            track(workspace, silent, video=video.id, endpoint=endpoint.id)


def test_a_session_is_closed_if_tracking_fails(
    served: tuple[Workspace, Video, dict[str, Endpoint]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _, endpoints = served
    answers: list[Answer] = []
    invoke = LocalEndpoints.invoke

    def recording(*arguments: Any) -> Answer:
        answers.append(invoke(*arguments))
        return answers[-1]

    monkeypatch.setattr(LocalEndpoints, "invoke", recording)
    video = add_video(workspace, tmp_path)
    Path(video.path).write_bytes(b"just text")
    with pytest.raises(UserError, match="not a video"):
        track(workspace, silent, video=video.id, endpoint=endpoints["realtime"].id)
    opened, closed = answers
    assert opened.new_session and closed.closed_session == opened.new_session


def test_only_the_chosen_classes_are_tracked_in_every_mode(
    served: tuple[Workspace, Video, dict[str, Endpoint]],
) -> None:
    workspace, video, endpoints = served
    documents = set()
    for endpoint in endpoints.values():
        result = track(workspace, silent, video=video.id, endpoint=endpoint.id, classes=["red"], draw=False)
        run = workspace.get(Run, result["run"])
        tracks = Tracks.load(workspace.folder(run) / "tracks.json")
        assert (run.classes, tracks.classes, run.objects) == (["red"], ("red",), 1)
        documents.add((workspace.folder(run) / "tracks.json").read_bytes())
    assert len(documents) == 1


def test_unknown_classes_are_refused(served: tuple[Workspace, Video, dict[str, Endpoint]]) -> None:
    workspace, video, endpoints = served
    for endpoint in endpoints.values():
        with pytest.raises(UserError, match="squares has no class “green”. Its classes are blue, red."):
            track(workspace, silent, video=video.id, endpoint=endpoint.id, classes=["red", "green"])
    with pytest.raises(UserError, match="at least one class of squares: blue, red"):
        track(workspace, silent, video=video.id, endpoint=endpoints["batch"].id, classes=[])


def test_names_that_are_too_long_for_an_asynchronous_request(workspace: Workspace) -> None:
    names = [f"part {number}" for number in range(200)]
    with pytest.raises(UserError, match="these 200 classes are too long"):
        _attributes(names)
    assert _attributes(["traffic light", "a;b,c"]) == "detections=true;classes=traffic%20light,a%3Bb%2Cc"


def test_the_tracks_so_far_can_be_read_meanwhile(
    served: tuple[Workspace, Video, dict[str, Endpoint]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, video, endpoints = served
    monkeypatch.setattr(PartialTracksWriter.__init__, "__defaults__", (0.0,))
    path = tmp_path / "so far.jsonl"
    reader, frames_done = PartialTracksReader(path), []

    def look(*_: object) -> None:
        frames_done.append(reader.read()[0])

    track_through(workspace, look, video, endpoints["realtime"], tmp_path, partial=path)
    assert frames_done[-1] == FRAMES and frames_done == sorted(frames_done)
    assert 0 < frames_done[0] < FRAMES and not path.exists()
