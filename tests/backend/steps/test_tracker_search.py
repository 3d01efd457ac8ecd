from __future__ import annotations

import json

import numpy as np
import pytest
from walking_person import FRAMES, add_labels, add_run, add_video, walk

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.progress import silent
from backend.steps import removal
from backend.steps.tracker_search import SPACE, search_space
from backend.steps.tracker_search import run as search
from backend.workspace import Workspace
from backend.workspace.records import Labels, Run, TrackerSearch, Video
from bytetrack.pipeline import VideoDetections


@pytest.fixture
def labels(workspace: Workspace) -> Labels:
    return add_labels(workspace, add_video(workspace), walk(), list(range(FRAMES)))


@pytest.fixture
def run(workspace: Workspace, labels: Labels) -> Run:
    return add_run(workspace, workspace.get(Video, labels.video), walk())


def save_detections(workspace: Workspace, run: Run, score: float = 0.45, other: float = 0.2) -> None:
    """Save detections of the labeled person with one score, and of an unlabeled object with another."""
    truth = walk()
    VideoDetections(
        frame=np.repeat(truth.frame, 2),
        xyxy=np.stack([truth.xyxy, truth.xyxy + [300, 200, 300, 200]], axis=1).reshape(-1, 4),
        scores=np.tile([score, other], FRAMES),
        class_ids=np.zeros(2 * FRAMES, int),
        classes=("person",),
        width=640,
        height=480,
        fps=7.0,
        frames=FRAMES,
    ).save(workspace.folder(run) / "detections.npz")


def test_better_settings_are_found_and_ranked_by_importance(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    steps: list[float] = []
    result = search(workspace, lambda share, _: steps.append(share), run=run.id, labels=labels.id, trials=40)
    record = workspace.get(TrackerSearch, result["search"])
    assert record.before["HOTA"] == 0  # the defaults drop all detections
    assert record.metrics["HOTA"] > 90
    assert record.settings.keys() == SPACE.keys() and record.settings["track_thresh"] < 0.36
    assert max(trial["HOTA"] for trial in record.trials) == pytest.approx(record.metrics["HOTA"], abs=0.001)
    assert max(record.importances, key=lambda name: record.importances[name]) == "track_thresh"
    assert sum(record.importances.values()) == pytest.approx(1, abs=0.01)
    assert result["warning"] == record.warning == ""  # the model's settings drop the unlabeled object
    assert steps == sorted(steps) and steps[-1] == 1 and len(record.trials) == 40


@pytest.mark.parametrize(
    ("frames", "highest"), [(1, 0), (4, 0), (5, 1), (FRAMES, 2), (20, 4), (21, 5), (80, 19), (81, 20), (1000, 20)]
)
def test_the_minimum_length_stays_below_a_quarter_of_the_video(frames: int, highest: int) -> None:
    low, high, _ = search_space(frames, 1)["min_length"]
    assert (low, high) == (0, highest) and high < frames / 4


def test_no_trial_has_a_longer_minimum_length(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    record = workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=20)["search"])
    assert {trial["min_length"] for trial in record.trials} == {0, 1, 2}


def test_a_search_warns_of_objects_that_are_not_labeled(
    workspace: Workspace, run: Run, labels: Labels, capsys: pytest.CaptureFixture[str]
) -> None:
    save_detections(workspace, run, score=0.9, other=0.8)
    result = search(workspace, silent, run=run.id, labels=labels.id, trials=5)
    assert result["warning"].startswith("1 track has no label on most of the labeled frames: ID 2 (frames 0 to 9).")
    assert result["warning"] == workspace.get(TrackerSearch, result["search"]).warning
    assert result["warning"] in capsys.readouterr().out


def test_the_same_search_finds_the_same(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    records = [
        workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=6)["search"])
        for _ in range(2)
    ]
    assert records[0].trials == records[1].trials and json.dumps(records[0].settings)


def test_perfect_settings_are_not_replaced(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run, score=0.95)
    record = workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=4)["search"])
    assert record.settings == {} and record.metrics == record.before


def test_a_stopped_search_stores_its_best_settings(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)

    def stop_at_a_third(share: float, _: str) -> None:
        if share > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        search(workspace, stop_at_a_third, run=run.id, labels=labels.id, trials=10)
    (record,) = workspace.list(TrackerSearch)
    assert len(record.trials) == 3


def test_a_search_is_removed_with_its_run(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    search(workspace, silent, run=run.id, labels=labels.id, trials=2)
    assert "1 search" in removal.consequences(workspace, run)
    removal.remove(workspace, run)
    assert workspace.list(TrackerSearch) == []


def test_labels_of_another_video_are_refused(workspace: Workspace, run: Run) -> None:
    save_detections(workspace, run)
    other = add_labels(workspace, add_video(workspace), walk(), [0])
    with pytest.raises(UserError, match="of another video"):
        search(workspace, silent, run=run.id, labels=other.id)
    assert workspace.list(TrackerSearch) == []


def test_a_run_without_detections_is_refused(workspace: Workspace, run: Run, labels: Labels) -> None:
    with pytest.raises(UserError, match="has no detections"):
        search(workspace, silent, run=run.id, labels=labels.id)
