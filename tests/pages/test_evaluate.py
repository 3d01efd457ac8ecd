from __future__ import annotations

import numpy as np
import pytest
import streamlit as st

from backend import progress
from backend.steps import evaluation, models
from backend.steps.tracker_search import run as search
from backend.workspace.records import Labels, Model, Run, Score, TrackerSearch, Video
from bytetrack.detection.artifact import ModelConfig, read_config, write_config
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def model(workspace) -> Model:
    model = workspace.add(Model(name="street", size="nano", classes=["person"], input_size=[64, 64], source="trained"))
    write_config(workspace.folder(model), ModelConfig(0.33, 0.25, True, ["person"], [64, 64]))
    return model


@pytest.fixture
def run(workspace, video: Video, labels: Labels, model: Model) -> Run:
    """Tracks that miss the last five frames of the one labeled object, and the detections of all."""
    run = Run(
        name="tiny - street batch",
        video=video.id,
        endpoint="endpoint-00000000",
        endpoint_name="street batch",
        mode="batch",
        model=model.id,
        frames=20,
        objects=1,
        seconds=1.0,
        fps=20.0,
    )
    truth = Tracks.load(workspace.folder(labels) / "tracks.json")
    folder = workspace.folder(run)
    truth.select(truth.frame < 15).save(folder / "tracks.json")
    detections = VideoDetections(
        truth.frame, truth.xyxy, np.full(len(truth), 0.9), truth.class_id, truth.classes, 64, 48, 10.0, 20
    )
    detections.save(folder / "detections.npz")
    return workspace.add(run)


@pytest.fixture
def settings_page(open_page, run):
    """The page on its tab for tracker settings."""
    page = open_page("evaluate")
    page.session_state["evaluate-tab"] = ":material/tune: Tracker settings"
    page.run()
    assert not page.error, [error.value for error in page.error]
    return page


def metrics(page) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_without_tracks_it_leads_to_them(open_page):
    assert button(open_page("evaluate"), "Go to Track")


def test_without_labels_of_the_video_it_leads_to_them(open_page, workspace, run, labels):
    workspace.remove(labels)
    page = open_page("evaluate")
    assert button(page, "Evaluate").disabled and button(page, "Go to Labels")


def test_evaluate(open_page, workspace, run, finish):
    page = open_page("evaluate")
    button(page, "Evaluate").click().run()
    assert finish().status == "done"
    page.run()
    (score,) = workspace.list(Score)
    assert score.metrics["MOTA"] == 75
    assert metrics(page)["MOTA"] == "75.0 %"
    assert button(page, "Evaluated").disabled


def test_runs_with_the_same_labels_are_compared(open_page, workspace, run, labels):
    for _ in range(2):
        evaluation.evaluate(workspace, progress.silent, run=run.id, labels=labels.id)
    assert len(open_page("evaluate").get("plotly_chart")) == 2


def test_tracker_settings_show_scores_and_their_changes(settings_page, played):
    assert metrics(settings_page)["MOTA"] == "100.0 %"  # the detections hold all frames
    assert next(metric.delta for metric in settings_page.metric if metric.label == "MOTA") == "+25.0"
    assert [layer["name"] for layer in played(settings_page)["layers"]] == ["labels", "tracks"]


def test_a_slider_tracks_again(settings_page, run, played):
    before = played(settings_page)["layers"]
    settings_page.slider(key=f"setting-{run.id}-min_box_area").set_value(2000).run()
    assert metrics(settings_page)["MOTA"] == "0.0 %"  # the object has 20 times 30 pixels
    assert played(settings_page)["layers"] != before
    button(settings_page, "Reset to the model's settings").click().run()
    assert metrics(settings_page)["MOTA"] == "100.0 %" and played(settings_page)["layers"] == before


def test_settings_are_saved_to_the_model(settings_page, workspace, run, model):
    settings_page.slider(key=f"setting-{run.id}-track_thresh").set_value(0.4).run()
    settings_page.button(key="save-sliders").click().run()
    assert read_config(workspace.folder(model)).thresholds["track_thresh"] == 0.4


def test_a_search_finds_settings_that_can_be_tried_and_saved(settings_page, workspace, run, labels, model, finish):
    models.store_thresholds(workspace, model.id, {"track_thresh": 0.95})  # nothing is tracked
    button(settings_page, "Start search").click().run()
    job = finish()
    assert job.status == "done", job.reason
    settings_page.run()
    (search,) = workspace.list(TrackerSearch)
    assert search.before["HOTA"] == 0 and search.metrics["HOTA"] == 100
    assert len(settings_page.get("plotly_chart")) == 2  # importance of settings, and HOTA of element trial
    button(settings_page, "Try on sliders").click().run()
    assert settings_page.slider(key=f"setting-{run.id}-track_thresh").value == search.settings["track_thresh"]
    settings_page.button(key="save-search").click().run()
    assert read_config(workspace.folder(model)).thresholds.items() >= search.settings.items()


def test_a_search_warns_of_objects_that_are_not_labeled(settings_page, workspace, run, labels, model):
    assert not settings_page.warning
    everywhere = VideoDetections.load(workspace.folder(run) / "detections.npz")
    twice = {name: np.concatenate([getattr(everywhere, name)] * 2) for name in ("frame", "scores", "class_ids")}
    order = np.argsort(twice["frame"], kind="stable")
    beside = np.concatenate([everywhere.xyxy, everywhere.xyxy + [40, 0, 40, 0]])
    VideoDetections(
        twice["frame"][order], beside[order], twice["scores"], twice["class_ids"], everywhere.classes, 64, 48, 10.0, 20
    ).save(workspace.folder(run) / "detections.npz")
    st.cache_resource.clear()  # a run's detections never change outside this test
    st.cache_data.clear()
    settings_page.run()
    (before,) = settings_page.warning
    assert "1 track has no label on most of the labeled frames: ID 2 (frames 0 to 19)" in before.value

    result = search(workspace, progress.silent, run=run.id, labels=labels.id, trials=2)
    models.store_thresholds(workspace, model.id, {"track_thresh": 0.95})  # hides both tracks
    settings_page.run()
    (after,) = settings_page.warning
    assert after.value == before.value == result["warning"]


def test_a_run_without_detections_cannot_be_tracked_again(open_page, workspace, run):
    (workspace.folder(run) / "detections.npz").unlink()
    page = open_page("evaluate")
    page.session_state["evaluate-tab"] = ":material/tune: Tracker settings"
    page.run()
    assert "has no detections" in page.info[0].value
