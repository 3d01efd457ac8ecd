from __future__ import annotations

import re

import numpy as np
import pytest

from backend import jobs
from backend.jobs import processes
from backend.steps.pretrained import MIRROR_VARIABLE
from backend.steps.pretrained_catalog import COCO_CLASSES
from backend.workspace.records import Endpoint, Job, Model, Run, Video
from bytetrack.partial_tracks import PartialTracksWriter
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


def test_without_a_detector_it_says_where_to_get_one(open_page, workspace, video, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:9/")  # nothing answers there
    page = open_page("track")
    assert any("no detector on this machine yet" in text.value for text in page.markdown)
    detector = page.selectbox(key=f"track-detector-{video.id}")
    assert any("YOLOX-nano  ·  download 8 MB, Apache-2.0" in option for option in detector.options)
    button(page, "Download and track").click().run()
    params = start_of_newest(workspace).params
    assert params["download"] == detector.value and params["classes"] == ["person"]


def test_a_model_need_not_be_deployed(open_page, workspace, video, model, finish):
    page = open_page("track")
    button(page, "Track").click().run()
    job = finish()  # it fails, since this model has no files
    assert (job.verb, job.params["video"], job.params["model"]) == ("track video", video.id, model.id)
    assert job.params["classes"] is None, "all of a model with one class"


def test_an_endpoint_can_be_chosen(open_page, workspace, video, endpoint, gone, finish):
    page = open_page("track")
    assert page.selectbox(key=f"track-on-{endpoint.model}").value == endpoint.id
    button(page, "Track").click().run()
    job = finish()
    assert (job.verb, job.params["video"], job.params["endpoint"]) == ("track", video.id, endpoint.id)


def test_an_endpoint_that_is_gone_is_not_offered_to_track(open_page, video, gone):
    page = open_page("track")
    page.selectbox(key=f"track-on-{gone.model}").select(gone.id).run()
    assert button(page, "Track").disabled
    assert any("**street live** is gone" in text.value for text in page.markdown)


@pytest.mark.parametrize(("requests", "shown"), [(2, ["p50"]), (10, ["p50", "p90"]), (100, ["p50", "p99"])])
def test_percentiles_are_shown_from_enough_requests_on(open_page, workspace, run, requests, shown):
    with workspace.edit(Run, run.id) as stored:
        stored.mode, stored.requests = "realtime", requests
        stored.latency_ms = {"p50": 10.0, "p90": 20.0, "p99": 30.0}
    page = open_page("track")
    (line,) = [text.value for text in page.markdown if ":gray[Objects]" in text.value]
    assert re.findall(r"Latency (p\d+)\]", line) == shown


def test_a_run_is_shown(open_page, run, played):
    page = open_page("track")
    assert any(":gray[Objects]\u00a0**2**" in text.value for text in page.markdown)
    assert labels_of_downloads(page) == ["MOT", "CSV", "JSON", "Ground Truth", "CVAT"]  # no MP4: nothing was drawn
    assert [layer["name"] for layer in played(page)["layers"]] == ["tracks"]


def test_a_drawn_run_is_downloaded(open_page, workspace, run, tiny_video):
    (workspace.folder(run) / "overlay.mp4").write_bytes(tiny_video.read_bytes())
    assert labels_of_downloads(open_page("track"))[0] == "MP4"


def test_runs_outlive_their_endpoint(open_page, workspace, run, endpoint, model):
    workspace.remove(endpoint)
    workspace.remove(model)
    page = open_page("track")
    assert any("model deleted" in text.value for text in page.markdown)


def test_a_run_without_tracks(open_page, workspace, run, played):
    Tracks.empty(("person",)).save(workspace.folder(run) / "tracks.json")
    assert played(open_page("track"))


def test_removing_asks_first(open_page, workspace, run):
    page = open_page("track")
    button(page, "Delete").click().run()
    assert workspace.list(Run) and not jobs.active(workspace)
    assert any(element.key == "removal-confirm" for element in page.button)


def start_of_newest(workspace) -> Job:
    """Return the newest job, stopped."""
    (job,) = jobs.recent(workspace, limit=1)
    jobs.stop(workspace, job.id)
    return job


def test_few_classes_are_offered_and_those_of_the_last_run_suggested(open_page, workspace, video, run, model):
    with workspace.edit(Model, model.id) as stored:
        stored.classes = list(COCO_CLASSES)
    page = open_page("track", video=video.id)
    pills = page.button_group(key=f"track-classes-{model.id}")
    assert len(pills.options) <= 9 and pills.value == ["all 80"], "what the last run asked for"
    with workspace.edit(Run, run.id) as stored:
        stored.classes = ["car", "kite"]
    page = open_page("track", video=video.id)
    assert page.button_group(key=f"track-classes-{model.id}").value == ["car"]
    assert page.multiselect(key=f"track-others-{model.id}").value == ["kite"]
    button(page, "Track").click().run()
    assert start_of_newest(workspace).params["classes"] == ["car", "kite"]


def test_a_class_must_be_chosen(open_page, workspace, video, model):
    with workspace.edit(Model, model.id) as stored:
        stored.classes = list(COCO_CLASSES)
    page = open_page("track")
    assert page.button_group(key=f"track-classes-{model.id}").value == ["person"]
    page.button_group(key=f"track-classes-{model.id}").set_value([]).run()
    assert button(page, "Track").disabled
    assert "Choose at least one class." in [caption.value for caption in page.caption]


def test_a_second_click_starts_no_second_job(open_page, workspace, video, model):
    page, other_tab = open_page("track"), open_page("track")
    button(page, "Track").click().run()
    button(other_tab, "Track").click().run()
    try:
        assert len(workspace.list(Job)) == 1
        assert "is running already" in other_tab.toast[0].value or "is queued already" in other_tab.toast[0].value
    finally:
        start_of_newest(workspace)


@pytest.fixture
def running(workspace, video) -> Job:
    """A job that tracks the video, has done 12 frames and was interrupted there."""
    job = Job(name="Track tiny", verb="track video", params={"video": video.id}, status="running", progress=0.6)
    identity = processes.this_process()
    job.pid, job.pid_started = identity["pid"], identity["pid_started"]
    return workspace.add(job)


def test_the_tracks_so_far_are_shown_while_a_job_runs(open_page, workspace, video, run, running, played):
    folder = jobs.temporary_folder(workspace, running)
    page = open_page("track")
    assert played(page)["layers"] == [], "nothing yet, and not the tracks of an earlier run"
    assert not any(":gray[Objects]" in text.value for text in page.markdown)
    with PartialTracksWriter(folder / "tracks so far.jsonl", seconds_between_lines=0) as writer:
        frames = np.arange(12)
        boxes = np.tile([1.0, 1, 9, 9], (12, 1))
        writer.add(12, Tracks(frames, np.ones(12), boxes, np.ones(12), np.zeros(12), ("person",)))
        page = open_page("track")
        assert [layer["version"] for layer in played(page)["layers"]] == [12]
        assert any("1 object so far, on the first 12 of 20 frames" in caption.value for caption in page.caption)


def test_a_run_with_hardly_anything_in_it_says_so(open_page, workspace, run):
    with workspace.edit(Run, run.id) as stored:
        stored.warnings, stored.classes = ["Hardly anything found: of 20 frames, person in 0."], ["person"]
    page = open_page("track")
    assert any("Hardly anything found" in text.value for text in page.markdown)
    assert any("class person" in text.value for text in page.markdown)
