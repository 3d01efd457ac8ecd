from __future__ import annotations

import numpy as np
import pytest
from walking_person import FRAMES, add_labels, add_run, add_video, walk

from backend.errors import UserError
from backend.progress import silent
from backend.steps.evaluation import evaluate, load_detections, load_truth, retrack, score_tracks
from backend.workspace import Workspace
from backend.workspace.records import Run, Score
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks


def test_a_run_is_scored_on_the_labeled_frames(workspace: Workspace) -> None:
    video = add_video(workspace)
    labels = add_labels(workspace, video, walk(step=5), [0, 5])
    run = add_run(workspace, video, walk())
    result = evaluate(workspace, silent, run=run.id, labels=labels.id)
    score = workspace.get(Score, result["score"])
    assert (score.run, score.labels) == (run.id, labels.id)
    assert score.metrics["HOTA"] == pytest.approx(100)
    assert score.metrics["FP"] == 0
    assert score.per_class == {"person": score.metrics}


def test_a_run_limited_to_classes_is_scored_on_them(workspace: Workspace) -> None:
    video = add_video(workspace)
    person, car = walk(), walk()
    truth = Tracks(
        np.r_[person.frame, car.frame],
        np.r_[person.id, car.id + 10],
        np.r_[person.xyxy, car.xyxy + 100],
        np.r_[person.score, car.score],
        np.r_[np.ones(len(person)), np.zeros(len(car))],
        ("car", "person"),
    )
    labels = add_labels(workspace, video, truth, list(range(FRAMES)))
    run = add_run(workspace, video, walk(classes=("Person",)))
    with workspace.edit(Run, run.id) as stored:
        stored.classes = ["Person"]
    score = workspace.get(Score, evaluate(workspace, silent, run=run.id, labels=labels.id)["score"])
    assert score.metrics["HOTA"] == pytest.approx(100) and score.metrics["FN"] == 0
    assert list(score.per_class) == ["person"]
    assert load_truth(workspace, labels.id, ["bicycle"]).tracks.classes == ("car", "person")


def test_labels_of_another_video_are_refused(workspace: Workspace) -> None:
    video, other = add_video(workspace), add_video(workspace)
    labels = add_labels(workspace, other, walk(), list(range(FRAMES)))
    with pytest.raises(UserError, match="another video"):
        evaluate(workspace, silent, run=add_run(workspace, video, walk()).id, labels=labels.id)
    assert workspace.list(Score) == []


def test_labels_without_a_labeled_frame_are_refused(workspace: Workspace) -> None:
    labels = add_labels(workspace, add_video(workspace), Tracks.empty(("person",)), [])
    with pytest.raises(UserError, match="cover no frame"):
        load_truth(workspace, labels.id)


def test_labels_and_tracks_without_a_common_class_are_refused(workspace: Workspace) -> None:
    labels = add_labels(workspace, add_video(workspace), walk(classes=("pedestrian",)), [0])
    with pytest.raises(UserError, match="pedestrian and the tracks person, car"):
        score_tracks(load_truth(workspace, labels.id), walk(classes=("person", "car")))


def test_detections_are_tracked_again_with_other_settings(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    detected = walk()
    VideoDetections(
        frame=detected.frame,
        xyxy=detected.xyxy,
        scores=np.full(FRAMES, 0.65),
        class_ids=detected.class_id,
        classes=detected.classes,
        width=640,
        height=480,
        fps=7.0,
        frames=FRAMES,
    ).save(workspace.folder(run) / "detections.npz")
    detections = load_detections(workspace, run.id)
    tracks = retrack(detections, {})
    assert (len(tracks), tracks.classes) == (FRAMES, ("person",))
    assert len(retrack(detections, {"track_thresh": 0.6})) == 0
    with pytest.raises(UserError, match="track_thresh is 2"):
        retrack(detections, {"track_thresh": 2})


def test_a_run_without_detections_is_refused(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    with pytest.raises(UserError, match="has no detections"):
        load_detections(workspace, run.id)


def test_unreadable_detections_are_refused(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    (workspace.folder(run) / "detections.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="does not contain the detections"):
        load_detections(workspace, run.id)
