from __future__ import annotations

import re
import shutil

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


def on_tab(page, tab: str):
    """Open a tab of the page; without its icon's prefix."""
    page.session_state["evaluate-tab"] = f":material/{tab}"
    page.run()
    assert not page.error, [error.value for error in page.error]
    return page


@pytest.fixture
def settings_page(open_page, run):
    """The page on its tab for tracker settings."""
    return on_tab(open_page("evaluate"), "tune: Tracker settings")


def figures(page) -> dict[str, str]:
    """Return the figures in the line above the picture by their labels."""
    pattern = re.compile(r":gray\[([^\]·]+)\]\u00a0\*\*([^*]+)\*\*")
    (line,) = (text.value for text in page.main.markdown if "HOTA" in text.value and pattern.search(text.value))
    return dict(pattern.findall(line))


def test_without_tracks_it_leads_to_them(open_page):
    assert button(open_page("evaluate"), "Go to Track")


def test_without_labels_of_the_video_it_leads_to_them(open_page, workspace, run, labels):
    workspace.remove(labels)
    page = open_page("evaluate")
    assert button(page, "Evaluate").disabled
    assert button(on_tab(page, "fact_check: Scores"), "Go to Labels")


def test_evaluate(open_page, workspace, run, finish):
    page = open_page("evaluate")
    button(page, "Evaluate").click().run()
    assert finish().status == "done"
    page.run()
    (score,) = workspace.list(Score)
    assert score.metrics["MOTA"] == 75
    assert figures(page)["MOTA"] == "75.0 %" and figures(page)["misses"] == "5"
    assert button(page, "Evaluated").disabled


def test_runs_with_the_same_labels_are_compared(open_page, workspace, run, labels):
    for _ in range(2):
        evaluation.evaluate(workspace, progress.silent, run=run.id, labels=labels.id)
    page = open_page("evaluate")
    assert not page.get("plotly_chart")  # the picture comes first
    assert len(on_tab(page, "fact_check: Scores").get("plotly_chart")) == 2


def test_tracker_settings_show_scores_and_their_changes(settings_page, played):
    assert figures(settings_page)["MOTA"] == "100.0 % (+25.0)"  # the detections hold all frames
    assert [layer["name"] for layer in played(settings_page)["layers"]] == ["labels", "tracks"]


def test_a_slider_tracks_again(settings_page, run, played):
    before = played(settings_page)["layers"]
    settings_page.slider(key=f"setting-{run.id}-min_box_area").set_value(2000).run()
    assert figures(settings_page)["MOTA"] == "0.0 % (-75.0)"  # the object has 20 times 30 pixels
    assert played(settings_page)["layers"] != before
    button(settings_page, "Reset to the model's settings").click().run()
    assert figures(settings_page)["MOTA"] == "100.0 % (+25.0)" and played(settings_page)["layers"] == before


def test_settings_are_saved_to_the_model(settings_page, workspace, run, model):
    settings_page.slider(key=f"setting-{run.id}-track_thresh").set_value(0.4).run()
    settings_page.button(key="save-sliders").click().run()
    assert read_config(workspace.folder(model)).thresholds["track_thresh"] == 0.4


def test_settings_in_frames_are_shown_in_seconds_and_limited_by_the_video(settings_page, run):
    slider = settings_page.select_slider(key=f"setting-{run.id}-min_length")
    assert slider.options[0] == "0 frames (0.0 s)" and slider.options[-1] == "20 frames (2.0 s)"  # at 10 frames/s
    lost = settings_page.select_slider(key=f"setting-{run.id}-track_buffer")
    assert lost.options[-1] == "20 frames (2.0 s)" and lost.value == 30  # of 30 frames/s: a second


def test_settings_stay_while_another_tab_is_open(settings_page, run):
    settings_page.slider(key=f"setting-{run.id}-track_thresh").set_value(0.4).run()
    on_tab(settings_page, "fact_check: Scores")
    on_tab(settings_page, "tune: Tracker settings")
    assert settings_page.slider(key=f"setting-{run.id}-track_thresh").value == 0.4


@pytest.fixture
def other_scene(workspace, run, labels, tiny_video) -> Run:
    """Another video of the same content, with labels, and a run of the same model with detections."""
    video = workspace.get(Video, labels.video)
    video = workspace.add(Video(**{**vars(video), "id": "", "name": "yard"}))
    other_labels = workspace.add(Labels(**{**vars(labels), "id": "", "name": "yard", "video": video.id}))
    shutil.copytree(workspace.folder(labels), workspace.folder(other_labels), dirs_exist_ok=True)
    other_run = workspace.add(Run(**{**vars(run), "id": "", "video": video.id, "created": run.created - 1}))
    shutil.copytree(workspace.folder(run), workspace.folder(other_run), dirs_exist_ok=True)
    return other_run


def test_a_clip_that_is_too_short_to_check_on_is_refused_with_a_reason(open_page, run):
    page = on_tab(open_page("evaluate"), "manage_search: Search")
    assert button(page, "Start search").disabled
    assert any("cover 20 of 20 frames, too few" in warning.value for warning in page.warning)


def test_a_search_finds_settings_that_can_be_tried_and_saved(
    open_page, workspace, run, other_scene, labels, model, finish
):
    models.store_thresholds(workspace, model.id, {"track_thresh": 0.95})  # nothing is tracked
    page = on_tab(open_page("evaluate"), "manage_search: Search")
    assert any("100 settings" in caption.value and "About" in caption.value for caption in page.caption)
    button(page, "Start search").click().run()
    job = finish()
    assert job.status == "done", job.reason
    page.run()
    (search,) = workspace.list(TrackerSearch)
    assert search.before["HOTA"] == 0 and search.metrics["HOTA"] == 100
    assert search.held_out["run"] == other_scene.id and search.held_out["after"]["HOTA"] == 100
    scores = page.dataframe[0].value
    assert scores["HOTA"].tolist() == ["0.0 % → 100.0 (+100.0)"] * 2
    assert len(page.get("plotly_chart")) == 2  # importance of settings, and HOTA of each trial
    assert not page.success and button(page, "Save to model anyway")  # the clip is short
    button(page, "Try on sliders").click().run()
    assert page.slider(key=f"setting-{run.id}-track_thresh").value == search.settings["track_thresh"]
    on_tab(page, "manage_search: Search")
    page.button(key="save-search").click().run()
    assert read_config(workspace.folder(model)).thresholds.items() >= search.settings.items()


@pytest.mark.parametrize(
    ("after", "is_doubtful", "praised"),
    [(60.0, False, True), (50.1, False, False), (40.0, False, False), (60.0, True, False)],
)
def test_only_settings_that_are_better_on_held_out_labels_are_praised(
    open_page, workspace, run, labels, after, is_doubtful, praised
):
    def scored(hota: float) -> dict[str, float]:
        return {"HOTA": hota, "MOTA": hota, "IDF1": hota}

    workspace.add(
        TrackerSearch(
            name="it",
            run=run.id,
            labels=labels.id,
            settings={"track_thresh": 0.1, "min_length": 2},
            before=scored(20.0),
            metrics=scored(96.7),
            importances={},
            trials=[],
            warning="Some are not labeled.",
            is_doubtful=is_doubtful,
            space={"track_thresh": [0.1, 0.9], "min_length": [0, 4]},
            searched="frames 0–13",
            held_out={
                "run": run.id,
                "labels": labels.id,
                "name": "frames 14–19",
                "labeled_frames": 6,
                "before": scored(50.0),
                "after": scored(after),
            },
        )
    )
    page = on_tab(open_page("evaluate"), "manage_search: Search")
    assert bool(page.success) is praised
    assert any(button.label == "Save to model" for button in page.button) is praised
    texts = [element.value for element in (*page.warning, *page.success, *page.info)]
    assert any("Worse on labels that the search did not see" in text for text in texts) is (after < 50)
    assert "Some are not labeled." in texts
    scores, settings = (page.dataframe[number].value for number in (0, 1))
    assert scores["MOTA"].tolist() == ["20.0 % → 96.7 (+76.7)", f"50.0 % → {after:.1f} ({after - 50:+.1f})"]
    assert settings["Found"].tolist() == ["0.1", "2 (0.2 s)"] and settings["Note"].tolist() == [
        "lowest value tried",
        "",
    ]


def test_a_search_warns_of_objects_that_are_not_labeled(open_page, workspace, run, other_scene, labels, model):
    everywhere = VideoDetections.load(workspace.folder(run) / "detections.npz")
    twice = {name: np.concatenate([getattr(everywhere, name)] * 2) for name in ("frame", "scores", "class_ids")}
    order = np.argsort(twice["frame"], kind="stable")
    beside = np.concatenate([everywhere.xyxy, everywhere.xyxy + [40, 0, 40, 0]])
    VideoDetections(
        twice["frame"][order], beside[order], twice["scores"], twice["class_ids"], everywhere.classes, 64, 48, 10.0, 20
    ).save(workspace.folder(run) / "detections.npz")
    st.cache_resource.clear()  # a run's detections never change outside this test
    st.cache_data.clear()
    page = on_tab(open_page("evaluate"), "manage_search: Search")
    (before,) = page.warning
    assert "1 of 2 tracks lies on no label over many labeled frames: ID 2 (frames 0–19)" in before.value

    (other_labels,) = (other for other in workspace.list(Labels) if other.video == other_scene.video)
    result = search(
        workspace,
        progress.silent,
        run=run.id,
        labels=labels.id,
        trials=2,
        check_run=other_scene.id,
        check_labels=other_labels.id,
    )
    models.store_thresholds(workspace, model.id, {"track_thresh": 0.95})  # hides both tracks
    page.run()
    assert result["warning"] == before.value in [warning.value for warning in page.warning]


def test_a_run_without_detections_cannot_be_tracked_again(open_page, workspace, run):
    (workspace.folder(run) / "detections.npz").unlink()
    page = open_page("evaluate")
    assert "has no detections" in on_tab(page, "tune: Tracker settings").info[0].value
    assert "has no detections" in on_tab(page, "manage_search: Search").info[0].value
