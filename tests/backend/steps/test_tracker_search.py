from __future__ import annotations

import json

import numpy as np
import pytest
from walking import FRAMES, add_labels, add_run, add_video, walk

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


def keep_detections(workspace: Workspace, run: Run, score: float = 0.45, other: float = 0.2) -> None:
    """Of somebody of whom the detector is not sure, and of something else of which it is less so."""
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


def test_it_finds_better_settings_and_says_which_matter(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run)
    steps: list[float] = []
    made = search(workspace, lambda share, _: steps.append(share), run=run.id, labels=labels.id, trials=40)
    found = workspace.get(TrackerSearch, made["search"])
    assert found.before["HOTA"] == 0  # with the defaults nobody is seen
    assert found.metrics["HOTA"] > 90
    assert found.settings.keys() == SPACE.keys() and found.settings["track_thresh"] < 0.36
    assert max(trial["HOTA"] for trial in found.trials) == pytest.approx(found.metrics["HOTA"], abs=0.001)
    assert max(found.importances, key=lambda name: found.importances[name]) == "track_thresh"
    assert sum(found.importances.values()) == pytest.approx(1, abs=0.01)
    assert made["warning"] == found.warning == ""  # what else is in the picture is no track by the model's settings
    assert steps == sorted(steps) and steps[-1] == 1 and len(found.trials) == 40


@pytest.mark.parametrize(
    ("frames", "most"), [(1, 0), (4, 0), (5, 1), (FRAMES, 2), (20, 4), (21, 5), (80, 19), (81, 20), (1000, 20)]
)
def test_the_minimum_length_stays_under_a_quarter_of_the_video(frames: int, most: int) -> None:
    low, high, _ = search_space(frames, 1)["min_length"]
    assert (low, high) == (0, most) and high < frames / 4


def test_no_trial_has_a_longer_minimum_length(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run)
    found = workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=20)["search"])
    assert {trial["min_length"] for trial in found.trials} == {0, 1, 2}


def test_a_search_warns_of_objects_that_are_not_labeled(
    workspace: Workspace, run: Run, labels: Labels, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_detections(workspace, run, score=0.9, other=0.8)
    made = search(workspace, silent, run=run.id, labels=labels.id, trials=5)
    assert made["warning"].startswith("1 track has no label on most of the labeled frames: ID 2 (frames 0 to 9).")
    assert made["warning"] == workspace.get(TrackerSearch, made["search"]).warning
    assert made["warning"] in capsys.readouterr().out


def test_the_same_search_finds_the_same(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run)
    found = [
        workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=6)["search"])
        for _ in range(2)
    ]
    assert found[0].trials == found[1].trials and json.dumps(found[0].settings)


def test_what_cannot_be_better_is_left_as_it_is(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run, score=0.95)
    found = workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=4)["search"])
    assert found.settings == {} and found.metrics == found.before


def test_a_search_that_is_stopped_keeps_what_it_found(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run)

    def stop_at_a_third(share: float, _: str) -> None:
        if share > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        search(workspace, stop_at_a_third, run=run.id, labels=labels.id, trials=10)
    (found,) = workspace.list(TrackerSearch)
    assert len(found.trials) == 3


def test_it_goes_with_its_run(workspace: Workspace, run: Run, labels: Labels) -> None:
    keep_detections(workspace, run)
    search(workspace, silent, run=run.id, labels=labels.id, trials=2)
    assert "1 search" in removal.consequences(workspace, run)
    removal.remove(workspace, run)
    assert workspace.list(TrackerSearch) == []


def test_labels_of_another_video_are_refused(workspace: Workspace, run: Run) -> None:
    keep_detections(workspace, run)
    other = add_labels(workspace, add_video(workspace), walk(), [0])
    with pytest.raises(UserError, match="of another video"):
        search(workspace, silent, run=run.id, labels=other.id)
    assert workspace.list(TrackerSearch) == []


def test_a_run_without_detections_says_so(workspace: Workspace, run: Run, labels: Labels) -> None:
    with pytest.raises(UserError, match="kept no detections"):
        search(workspace, silent, run=run.id, labels=labels.id)
