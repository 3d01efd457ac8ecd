from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walking_person import add_labels, add_run, add_video, walk

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.progress import silent
from backend.steps import removal
from backend.steps.evaluation import Truth, load_truth
from backend.steps.tracker_search import (
    SPACE,
    at_rim,
    describe,
    find_doubts,
    search_space,
    split_in_time,
    verdict,
)
from backend.steps.tracker_search import run as search
from backend.workspace import Workspace
from backend.workspace.records import Labels, Run, TrackerSearch, Video
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks

FRAMES = 42


@pytest.fixture
def labels(workspace: Workspace) -> Labels:
    return add_labels(workspace, add_video(workspace, FRAMES), walk(frames=FRAMES), list(range(FRAMES)))


@pytest.fixture
def run(workspace: Workspace, labels: Labels) -> Run:
    return add_run(workspace, workspace.get(Video, labels.video), walk(frames=FRAMES))


def save_detections(workspace: Workspace, run: Run, score: float = 0.45, other: float = 0.2) -> None:
    """Save detections of the labeled person with one score, and of an unlabeled object with another."""
    truth = walk(frames=FRAMES)
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
    assert "no label" not in record.warning  # the model's settings drop the unlabeled object
    assert result["warning"] == record.warning and f"Only {FRAMES} frames (6.0 s) are labeled" in record.warning
    assert steps == sorted(steps) and steps[-1] == 1 and len(record.trials) == 40


def test_settings_are_checked_on_the_last_third_in_time(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    result = search(workspace, silent, run=run.id, labels=labels.id, trials=40)
    record = workspace.get(TrackerSearch, result["search"])
    assert record.held_out is not None and record.searched == "frames 0–27"
    assert (record.held_out["name"], record.held_out["labeled_frames"]) == ("frames 28–41", 14)
    assert record.held_out["before"]["HOTA"] == 0 and record.held_out["after"]["HOTA"] > 90
    assert verdict(record) == "better" and "on frames 28–41, which the search did not see." in describe(record)


def test_the_search_does_not_see_the_labels_that_are_held_out(workspace: Workspace, run: Run, labels: Labels) -> None:
    """The same search with other labels in the last third finds the same, but the check says it."""
    save_detections(workspace, run)
    first = search(workspace, silent, run=run.id, labels=labels.id, trials=10)
    truth = walk(frames=FRAMES)
    elsewhere = truth.xyxy + np.where(truth.frame >= 28, 300.0, 0.0)[:, None]
    other = add_labels(
        workspace,
        workspace.get(Video, labels.video),
        Tracks(truth.frame, truth.id, elsewhere, truth.score, truth.class_id, truth.classes),
        list(range(FRAMES)),
    )
    second = search(workspace, silent, run=run.id, labels=other.id, trials=10)
    seen, moved = (workspace.get(TrackerSearch, result["search"]) for result in (first, second))
    assert seen.trials == moved.trials and seen.settings == moved.settings
    assert moved.held_out and moved.held_out["after"]["HOTA"] < 10 and verdict(moved) == "unclear"


def test_settings_are_checked_on_another_video(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    yard = add_labels(workspace, add_video(workspace, FRAMES), walk(frames=FRAMES), list(range(FRAMES)))
    yard_run = add_run(workspace, workspace.get(Video, yard.video), walk(frames=FRAMES))
    save_detections(workspace, yard_run, score=0.95)  # the model's own settings are right there
    result = search(
        workspace, silent, run=run.id, labels=labels.id, trials=20, check_run=yard_run.id, check_labels=yard.id
    )
    record = workspace.get(TrackerSearch, result["search"])
    assert record.searched == f"frames 0–{FRAMES - 1}" and record.held_out
    assert record.held_out["run"] == yard_run.id and record.held_out["before"]["HOTA"] > 90
    with pytest.raises(UserError, match="is of the video that is searched on"):
        search(workspace, silent, run=run.id, labels=labels.id, check_run=run.id, check_labels=labels.id)
    with pytest.raises(UserError, match="name both"):
        search(workspace, silent, run=run.id, labels=labels.id, check_run=yard_run.id)


@pytest.mark.parametrize("labeled", [range(29), range(10), range(0, FRAMES, 2)])
def test_too_few_labeled_frames_are_refused(workspace: Workspace, run: Run, labels: Labels, labeled: range) -> None:
    save_detections(workspace, run)
    few = add_labels(workspace, workspace.get(Video, labels.video), walk(frames=FRAMES), list(labeled))
    with pytest.raises(UserError, match=f"cover {len(labeled)} of 42 frames, too few .* needs 30 labeled frames"):
        search(workspace, silent, run=run.id, labels=few.id)
    assert not workspace.list(TrackerSearch)


def test_a_part_without_labels_is_refused(workspace: Workspace, run: Run, labels: Labels) -> None:
    half = walk(frames=20)
    gone = add_labels(workspace, workspace.get(Video, labels.video), half, list(range(FRAMES)))
    with pytest.raises(UserError, match=r"No object is labeled in the last third of .* \(frames 28–41\)"):
        split_in_time(load_truth(workspace, gone.id))


def found(settings: dict[str, float], before: float = 50.0, after: float = 60.0) -> TrackerSearch:
    """Return a search that found settings, with the HOTA on held-out labels before and after."""
    return TrackerSearch(
        name="it",
        run="run-0",
        labels="labels-0",
        settings=settings,
        before={"HOTA": 40.0},
        metrics={"HOTA": 70.0},
        importances={},
        trials=[],
        space={name: [low, high] for name, (low, high, _) in SPACE.items()},
        searched="frames 0–27",
        held_out={
            "run": "run-0",
            "labels": "labels-0",
            "name": "frames 28–41",
            "labeled_frames": 14,
            "before": {"HOTA": before},
            "after": {"HOTA": after},
        },
    )


def test_values_at_the_rim_of_their_range_are_named() -> None:
    assert at_rim(found({"track_thresh": 0.1, "match_thresh": 0.99, "min_length": 19, "smooth": 15})) == {
        "track_thresh": "lowest",
        "match_thresh": "highest",
        "smooth": "highest",
    }
    assert at_rim(found({"min_length": 0, "fill_gaps": 0, "smooth": 1})) == {}  # off: there is nothing beyond
    assert at_rim(found({"min_length": 20})) == {"min_length": "highest"}


@pytest.mark.parametrize(
    ("before", "after", "expected", "says"),
    [
        (50.0, 51.0, "better", "did not see."),
        (50.0, 50.2, "unclear", "too small to tell them apart"),
        (50.0, 49.9, "worse", "fit the searched part only"),
    ],
)
def test_settings_are_judged_by_the_labels_that_were_held_out(
    before: float, after: float, expected: str, says: str
) -> None:
    search = found({"track_thresh": 0.3}, before, after)
    assert verdict(search) == expected and says in describe(search)
    search.held_out = None
    assert verdict(search) == "unchecked" and "search again" in describe(search)


@pytest.mark.parametrize(
    ("frames", "highest"), [(1, 0), (4, 0), (5, 1), (10, 2), (20, 4), (21, 5), (80, 19), (81, 20), (1000, 20)]
)
def test_the_minimum_length_stays_below_a_quarter_of_the_searched_part(frames: int, highest: int) -> None:
    low, high, _ = search_space(frames, 1, 7.0)["min_length"]
    assert (low, high) == (0, highest) and high < frames / 4


@given(st.integers(1, 1000), st.floats(1, 120))
def test_limits_follow_the_length_of_the_searched_part(frames: int, fps: float) -> None:
    space = search_space(frames, 1, fps)
    quarter = (frames - 1) / 4
    for name, (low, high, step) in space.items():
        assert SPACE[name][0] == low <= high <= SPACE[name][1] and (high - low) % step == pytest.approx(0, abs=step)
    assert all(space[name][1] <= max(quarter, space[name][0]) for name in ("min_length", "fill_gaps", "smooth"))
    assert space["track_buffer"][1] / 30 <= max(quarter / fps, 5 / 30) + 1e-9
    assert search_space(1000, 1, 30.0) == SPACE


def test_no_trial_has_a_longer_minimum_length(workspace: Workspace, run: Run, labels: Labels) -> None:
    save_detections(workspace, run)
    record = workspace.get(TrackerSearch, search(workspace, silent, run=run.id, labels=labels.id, trials=20)["search"])
    assert {trial["min_length"] for trial in record.trials} <= set(range(7))


def test_a_search_warns_of_objects_that_are_not_labeled(
    workspace: Workspace, run: Run, labels: Labels, capsys: pytest.CaptureFixture[str]
) -> None:
    save_detections(workspace, run, score=0.9, other=0.8)
    result = search(workspace, silent, run=run.id, labels=labels.id, trials=5)
    assert (
        f"1 of 2 tracks lies on no label over many labeled frames: ID 2 (frames 0–{FRAMES - 1})." in result["warning"]
    )
    assert result["warning"] == workspace.get(TrackerSearch, result["search"]).warning
    assert result["warning"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("frames", "unlabeled", "says", "strong"),
    [(200, 0, "", False), (200, 1, "1 of 11 tracks", False), (200, 2, "2 of 12", True), (140, 0, "Only 140", True)],
)
def test_few_labels_and_many_unlabeled_tracks_are_strong_doubts(
    frames: int, unlabeled: int, says: str, strong: bool
) -> None:
    rows = [(frame, index) for frame in range(frames) for index in range(10 + unlabeled)]
    frame, index = (np.array(column) for column in zip(*rows))
    xyxy = np.stack([60.0 * index, 0.0 * index, 60.0 * index + 40, 0.0 * index + 80], axis=1)
    labeled = index < 10
    table = Tracks(frame, index + 1, xyxy, np.ones(len(frame)), 0 * frame, ("person",)).select(labeled)
    detections = VideoDetections(frame, xyxy, np.full(len(frame), 0.9), 0 * frame, ("person",), 1280, 480, 7.0, frames)
    doubts = find_doubts(Truth("by hand", table, frames, list(range(frames))), detections, {})
    assert says in doubts.warning and bool(doubts.warning) is bool(says) and doubts.are_strong is strong


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
    other = add_labels(workspace, add_video(workspace, FRAMES), walk(frames=FRAMES), [0])
    with pytest.raises(UserError, match="of another video"):
        search(workspace, silent, run=run.id, labels=other.id)
    assert workspace.list(TrackerSearch) == []


def test_a_run_without_detections_is_refused(workspace: Workspace, run: Run, labels: Labels) -> None:
    with pytest.raises(UserError, match="has no detections"):
        search(workspace, silent, run=run.id, labels=labels.id)
