from __future__ import annotations

import numpy as np
import pytest

from backend.errors import UserError
from backend.evaluation import evaluate, retrack, score_tracks
from backend.progress import silent
from backend.records import Labels, Run, Score, Video
from backend.workspace import Workspace
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks

FRAMES = 10


def walk(step: int = 1, classes: tuple[str, ...] = ("person",)) -> Tracks:
    """One object that walks to the right, in every `step`-th frame."""
    frame = np.arange(0, FRAMES, step)
    xyxy = np.stack([5.0 * frame, 0.0 * frame, 5.0 * frame + 40, 0.0 * frame + 80], axis=1)
    return Tracks(frame, np.ones(len(frame)), xyxy, np.ones(len(frame)), np.zeros(len(frame)), classes)


def add_video(workspace: Workspace) -> Video:
    return workspace.add(
        Video(
            name="yard",
            path="yard.mp4",
            width=640,
            height=480,
            fps=7.0,
            frames=FRAMES,
            seconds=1.4,
            codec="h264",
            size=1,
        )
    )


def add_labels(workspace: Workspace, video: Video, truth: Tracks, labelled: list[int]) -> Labels:
    labels = workspace.add(
        Labels(
            name="by hand",
            video=video.id,
            source="sample",
            classes=list(truth.classes),
            labelled_frames=labelled,
            boxes=len(truth),
            objects=1,
        )
    )
    truth.save(workspace.folder(labels) / "tracks.json")
    return labels


def add_run(workspace: Workspace, video: Video, tracks: Tracks) -> Run:
    run = workspace.add(
        Run(
            name="first",
            video=video.id,
            endpoint="endpoint-0",
            endpoint_name="batch",
            mode="batch",
            model="model-0",
            frames=FRAMES,
            objects=1,
            seconds=1.0,
            fps=10.0,
        )
    )
    tracks.save(workspace.folder(run) / "tracks.json")
    return run


def test_a_run_is_scored_on_the_labelled_frames(workspace: Workspace) -> None:
    video = add_video(workspace)
    labels = add_labels(workspace, video, walk(step=5), [0, 5])
    run = add_run(workspace, video, walk())
    result = evaluate(workspace, silent, run=run.id, labels=labels.id)
    score = workspace.get(Score, result["score"])
    assert (score.run, score.labels) == (run.id, labels.id)
    assert score.metrics["HOTA"] == pytest.approx(100)
    assert score.metrics["FP"] == 0
    assert score.per_class == {"person": score.metrics}


def test_labels_of_another_video_are_refused(workspace: Workspace) -> None:
    video, other = add_video(workspace), add_video(workspace)
    labels = add_labels(workspace, other, walk(), list(range(FRAMES)))
    with pytest.raises(UserError, match="another video"):
        evaluate(workspace, silent, run=add_run(workspace, video, walk()).id, labels=labels.id)
    assert workspace.list(Score) == []


def test_labels_without_a_labelled_frame_are_refused(workspace: Workspace) -> None:
    labels = add_labels(workspace, add_video(workspace), Tracks.empty(("person",)), [])
    with pytest.raises(UserError, match="cover no frame"):
        score_tracks(workspace, walk(), labels.id)


def test_classes_with_nothing_in_common_are_named(workspace: Workspace) -> None:
    labels = add_labels(workspace, add_video(workspace), walk(classes=("pedestrian",)), [0])
    with pytest.raises(UserError, match="pedestrian and the tracks person, car"):
        score_tracks(workspace, walk(classes=("person", "car")), labels.id)


def test_tracking_again_with_other_thresholds(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    seen = walk()
    VideoDetections(
        frame=seen.frame,
        xyxy=seen.xyxy,
        scores=np.full(FRAMES, 0.65),
        class_ids=seen.class_id,
        classes=seen.classes,
        width=640,
        height=480,
        fps=7.0,
        frames=FRAMES,
    ).save(workspace.folder(run) / "detections.npz")
    tracks = retrack(workspace, run.id, {})
    assert (len(tracks), tracks.classes) == (FRAMES, ("person",))
    assert len(retrack(workspace, run.id, {"track_thresh": 0.6})) == 0
    with pytest.raises(UserError, match="track_thresh is 2"):
        retrack(workspace, run.id, {"track_thresh": 2})


def test_a_run_without_detections_says_so(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    with pytest.raises(UserError, match="kept no detections"):
        retrack(workspace, run.id, {})


def test_unreadable_detections_say_so(workspace: Workspace) -> None:
    run = add_run(workspace, add_video(workspace), walk())
    (workspace.folder(run) / "detections.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="does not hold the detections"):
        retrack(workspace, run.id, {})
