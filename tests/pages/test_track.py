from __future__ import annotations

import numpy as np
import pytest

from backend import jobs
from backend.workspace.records import Endpoint, Model, Run, Video
from bytetrack.tracks import Tracks


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def labels_of_downloads(page) -> list[str]:
    return [element.proto.label for element in page.get("link_button")]


@pytest.fixture
def model(workspace) -> Model:
    return workspace.add(Model(name="street", size="nano", classes=["person"], input_size=[64, 64], source="trained"))


@pytest.fixture
def endpoint(workspace, model) -> Endpoint:
    return workspace.add(Endpoint(name="street batch", model=model.id, mode="batch", platform="local"))


@pytest.fixture
def gone(workspace, model) -> Endpoint:
    """A real-time endpoint whose process is no more."""
    ref = {"port": 1, "pid": 2**22, "pid_started": 0.0, "folder": str(workspace.root / "gone")}
    return workspace.add(Endpoint(name="street live", model=model.id, mode="realtime", platform="local", ref=ref))


@pytest.fixture
def run(workspace, video: Video, endpoint: Endpoint) -> Run:
    frame = np.r_[np.arange(20), np.arange(5, 9)]
    ids = np.r_[np.ones(20), np.full(4, 2)]
    xyxy = np.tile([5.0, 5.0, 20.0, 30.0], (len(frame), 1))
    tracks = Tracks(frame, ids, xyxy, np.full(len(frame), 0.9), np.zeros(len(frame)), ("person",))
    run = Run(
        name=f"{video.name} - {endpoint.name}",
        video=video.id,
        endpoint=endpoint.id,
        endpoint_name=endpoint.name,
        mode="batch",
        model=endpoint.model,
        frames=20,
        objects=2,
        seconds=1.0,
        fps=20.0,
    )
    tracks.save(workspace.folder(run) / "tracks.json")
    return workspace.add(run)


def test_without_videos_it_leads_to_them(open_page):
    assert button(open_page("track"), "Go to Videos")


def test_without_a_deployed_model_it_leads_there(open_page, video):
    assert button(open_page("track"), "Go to Deploy")


def test_tracking_is_a_job(open_page, workspace, video, endpoint, finish):
    page = open_page("track")
    button(page, "Track").click().run()
    job = finish()  # it fails, since this model has no files
    assert (job.verb, job.params["video"], job.params["endpoint"]) == ("track", video.id, endpoint.id)


def test_an_endpoint_that_is_gone_is_not_offered_to_track(open_page, video, gone):
    page = open_page("track")
    assert button(page, "Track").disabled
    assert any("**street live** is gone" in text.value for text in page.markdown)


@pytest.mark.parametrize(("requests", "shown"), [(2, ["p50"]), (10, ["p50", "p90"]), (100, ["p50", "p99"])])
def test_percentiles_are_shown_from_enough_requests_on(open_page, workspace, run, requests, shown):
    with workspace.edit(Run, run.id) as stored:
        stored.mode, stored.requests = "realtime", requests
        stored.latency_ms = {"p50": 10.0, "p90": 20.0, "p99": 30.0}
    page = open_page("track")
    assert [metric.label for metric in page.metric if "Latency" in metric.label] == [
        f"Latency {percentile}" for percentile in shown
    ]


def test_a_run_is_shown(open_page, run, played):
    page = open_page("track")
    assert {metric.label: metric.value for metric in page.metric}["Objects"] == "2"
    assert labels_of_downloads(page) == ["MOT", "CSV", "JSON", "Ground Truth"]  # no MP4, as nothing was drawn
    assert [layer["name"] for layer in played(page)["layers"]] == ["tracks"]


def test_a_drawn_run_is_downloaded(open_page, workspace, run, tiny_video):
    (workspace.folder(run) / "overlay.mp4").write_bytes(tiny_video.read_bytes())
    assert labels_of_downloads(open_page("track"))[0] == "MP4"


def test_runs_outlive_their_endpoint(open_page, workspace, run, endpoint, model):
    workspace.remove(endpoint)
    workspace.remove(model)
    page = open_page("track")
    assert button(page, "Go to Deploy")
    assert any("model deleted" in text.value for text in page.markdown)


def test_a_run_without_tracks(open_page, workspace, run, played):
    Tracks.empty(("person",)).save(workspace.folder(run) / "tracks.json")
    assert played(open_page("track"))


def test_removing_asks_first(open_page, workspace, run):
    page = open_page("track")
    button(page, "Delete").click().run()
    assert workspace.list(Run) and not jobs.active(workspace)
    assert any(element.key == "removal-confirm" for element in page.button)
