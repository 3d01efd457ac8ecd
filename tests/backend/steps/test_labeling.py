"""Labeling jobs from clips to labels, in the console itself and on the stand-in for AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from deployment_helpers import add_model, add_video

from backend.errors import UserError
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels, store_labels
from backend.labels.labeling_folder import objects_from_tracks, tracks_from_objects
from backend.platforms import registry
from backend.progress import silent
from backend.steps import labeling, videos
from backend.steps.importing import import_labels
from backend.steps.removal import remove
from backend.workspace import Workspace
from backend.workspace.records import LabelingJob, Labels, Run, Video
from bytetrack.tracks import Tracks

JOB = {"classes": ["person", "car"], "name": "crossing"}
LONG_CLASS = "pedestrian-with-dogs"  # 20 characters


def moving(frames: range, classes: tuple[str, ...] = ("person", "car")) -> Tracks:
    """Return the tracks of an object of the last class that moves 3 pixels per frame, finally beyond the right edge."""
    ones = np.ones(len(frames))
    boxes = [[n * 3, 10, n * 3 + 20, 40] for n in frames]
    return Tracks(list(frames), ones, boxes, ones, ones * (len(classes) - 1), classes)


only_aws = pytest.mark.parametrize("ws", ["aws"], indirect=True)
only_local = pytest.mark.parametrize("ws", ["local"], indirect=True)
TracksOfClips = dict[int, Tracks]  # by the clip's index in the job, with frame numbers of the job


@pytest.fixture(params=["local", "aws"])
def ws(workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    if request.param == "aws":
        registry.change_settings(workspace, "aws", request.getfixturevalue("aws_account"))
        registry.choose(workspace, "aws")
    return workspace


@pytest.fixture
def annotate(ws: Workspace, request: pytest.FixtureRequest) -> Callable[[LabelingJob, TracksOfClips], None]:
    """A function that labels clips of a job with these tracks and marks the clips as done."""

    def annotate_locally(record: LabelingJob, tracks_of_clips: TracksOfClips) -> None:
        folder = labeling.labeling_folder(ws, record)
        assert folder
        for clip, tracks in tracks_of_clips.items():
            annotations = folder.annotations(clip)
            annotations.objects, annotations.done = objects_from_tracks(tracks, record.classes), True
            folder.save(clip, annotations.model_dump_json().encode())

    if registry.chosen(ws) == "local":
        return annotate_locally
    standin = request.getfixturevalue("standin")
    return lambda record, tracks_of_clips: standin.label(record.ref["job"], tracks_of_clips)


@pytest.fixture
def video(ws: Workspace, tiny_video: Path) -> Video:
    return ws.get(Video, videos.add(ws, silent, source=str(tiny_video))["video"])


@pytest.fixture
def clips(ws: Workspace, video: Video) -> list[Video]:
    """Two clips of ten frames each."""
    return [ws.get(Video, id) for id in videos.cut(ws, silent, video=video.id, every_frames=10)["videos"]]


def start_job(ws: Workspace, clips: list[Video], **params) -> LabelingJob:
    job = labeling.start(ws, silent, clips=[clip.id for clip in clips], **(JOB | params))
    return ws.get(LabelingJob, job["labeling"])


def fetch_labels(ws: Workspace, **params: str | int) -> list[Labels]:
    return [ws.get(Labels, id) for id in labeling.fetch(ws, silent, **params)["labels"]]


def add_run(ws: Workspace, video: Video, tracks: Tracks) -> Run:
    run = Run(
        name="tracks",
        video=video.id,
        endpoint="e",
        endpoint_name="nano",
        mode="batch",
        model="m",
        frames=20,
        objects=1,
        seconds=1.0,
        fps=20.0,
    )
    ws.add(run)
    tracks.save(ws.folder(run) / "tracks.json")
    return run


def test_labels_of_every_third_frame_have_frame_numbers_of_the_clip(annotate, ws, clips) -> None:
    record = start_job(ws, clips, every=3)
    assert (record.frames, record.clips) == (8, {clip.name: clip.id for clip in clips})
    assert record.platform == registry.chosen(ws)
    annotate(record, {0: moving(range(4)), 1: moving(range(2))})
    first, second = fetch_labels(ws, labeling=record.id)
    assert [first.video, second.video] == [clip.id for clip in clips]
    assert first.labeled_frames == second.labeled_frames == [0, 3, 6, 9]
    assert load_labels(ws, first).frame.tolist() == [0, 3, 6, 9]
    assert load_labels(ws, second).frame.tolist() == [0, 3]
    assert load_labels(ws, first).xyxy[:, 0].tolist() == [0, 3, 6, 9]
    assert first.classes == ["person", "car"]
    assert first.source == ("Drawn here" if record.platform == "local" else "Ground Truth")
    assert ws.get(LabelingJob, record.id).labels == [first.id, second.id]


@only_aws
def test_workers_see_the_frames_with_these_numbers(standin, ws, clips, number_of, tmp_path) -> None:
    record = start_job(ws, clips, every=4)
    job, s3 = standin.sagemaker.labeling.jobs.get(record.ref["job"]), standin.client("s3")

    def read(address: str) -> bytes:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    for clip, line in zip(clips, job["Lines"], strict=True):
        sequence = json.loads(read(line["source-ref"]))
        files = [read(sequence["prefix"] + frame["frame"]) for frame in sequence["frames"]]
        images = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in files]
        assert [number_of(image) for image in images] == [clip.start, clip.start + 4, clip.start + 8]


def test_labels_of_an_unfinished_job_can_be_fetched_only_after_it_is_stopped(annotate, ws, clips) -> None:
    record = start_job(ws, clips)
    annotate(record, {1: moving(range(10))})
    with pytest.raises(UserError, match="“crossing” is in progress: 1 of 2 clips are labeled. Wait .* or stop it"):
        labeling.fetch(ws, silent, labeling=record.id)
    labeling.stop(ws, record)
    result = labeling.fetch(ws, silent, labeling=record.id)
    assert [ws.get(Labels, id).video for id in result["labels"]] == [clips[1].id]
    assert clips[0].name in result["skipped"][0] and "not labeled" in result["skipped"][0]


def test_tracks_of_a_whole_video_are_corrected_in_its_clips(annotate, ws, video, clips) -> None:
    run = add_run(ws, video, moving(range(20)))
    assert labeling.correctable_sources(ws, clips[1]) == [run]
    assert labeling.classes_of(ws, run) == ["car"]
    record = start_job(ws, clips, every=5, earlier={clip.id: run.id for clip in clips})
    assert record.corrects == {clip.name: run.id for clip in clips}

    annotate(record, {0: moving(range(2)), 1: moving(range(1))})
    corrected = fetch_labels(ws, labeling=record.id)
    assert [labels.boxes for labels in corrected] == [2, 1]
    # The next job on the same clips starts from the corrected labels.
    assert labeling.correctable_sources(ws, clips[1])[0].id == corrected[1].id
    earlier = {clip.id: labels.id for clip, labels in zip(clips, corrected, strict=True)}
    again = start_job(ws, clips, every=5, earlier=earlier)
    assert again.name == "crossing (2)"


def test_boxes_to_correct_are_limited_to_the_clip_and_to_the_frame(ws, video, clips) -> None:
    boxes = labeling.tracks_to_correct(ws, clips[1], add_run(ws, video, moving(range(20))))
    assert boxes.frame.tolist() == list(range(10))
    assert boxes.xyxy[0].tolist() == [30, 10, 50, 40] and boxes.xyxy[-1].tolist() == [57, 10, 64, 40]


def test_labels_that_do_not_fit_the_job_cannot_be_corrected(ws, video, clips) -> None:
    labels = store_labels(ws, clips[0], LabelSequence("a", moving(range(10)), list(range(10))), "MOTChallenge")
    for earlier, message in (
        ({clips[0].id: labels.id}, f"“{clips[1].name}” has no boxes to correct"),
        ({clip.id: labels.id for clip in clips}, "boxes of another video"),
    ):
        with pytest.raises(UserError, match=message):
            start_job(ws, clips, earlier=earlier)
    with pytest.raises(UserError, match="has boxes of “car”. Add this class"):
        labeling.start(ws, silent, name="a", clips=[clips[0].id], classes=["person"], earlier={clips[0].id: labels.id})


def test_clips_of_a_job_started_elsewhere_are_matched_by_name(annotate, ws, video, clips) -> None:
    record = start_job(ws, clips, every=2)
    annotate(record, {0: moving(range(5)), 1: moving(range(5))})
    assert record.ref["job"] not in labeling.jobs_started_elsewhere(ws)
    for stored in (record, *clips):  # another workspace has the video, but neither the job nor the clips
        ws.remove(stored)
    assert record.ref["job"] in labeling.jobs_started_elsewhere(ws)
    # Labels of jobs that a console started have the frame numbers of the video.
    with pytest.raises(UserError, match="without step"):
        fetch_labels(ws, job=record.ref["job"], step=5)
    first, second = fetch_labels(ws, job=record.ref["job"])
    assert ws.get(Video, second.video).start == 10 and second.labeled_frames == [0, 2, 4, 6, 8]


@only_aws
def test_labels_of_a_detection_job_cannot_be_fetched(standin, ws, clips) -> None:
    record = start_job(ws, clips)
    task = standin.sagemaker.labeling.jobs.get(record.ref["job"])["HumanTaskConfig"]
    task["PreHumanTaskLambdaArn"] = task["PreHumanTaskLambdaArn"].replace("Tracking", "Detection")
    with pytest.raises(UserError, match="tracking job not found.* Start a tracking job"):
        labeling.fetch(ws, silent, job=record.ref["job"])


@only_aws
def test_labels_are_imported_directly_from_s3(standin, ws, clips, aws_account) -> None:
    record = start_job(ws, clips)
    job = record.ref["job"]
    standin.label(job, {0: moving(range(10)), 1: moving(range(10))})
    address = f"s3://{aws_account['bucket']}/labeling/{job}/output/{job}"
    assert len(import_labels(ws, silent, path=address)["labels"]) == 2
    s3 = standin.client("s3")
    s3.put_object(Bucket=aws_account["bucket"], Key="a/gt.txt", Body=b"1,1,5,5,20,20,1,1,1\n")
    path = f"s3://{aws_account['bucket']}/a/gt.txt"
    assert len(import_labels(ws, silent, path=path, video=clips[0].id)["labels"]) == 1


@only_aws
def test_a_job_that_cannot_be_recorded_is_stopped(standin, ws, clips, monkeypatch) -> None:
    def raise_disk_full(record: object) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(ws, "add", raise_disk_full)
    with pytest.raises(UserError, match="disk is full"):
        start_job(ws, clips)
    newest = standin.sagemaker.labeling.jobs.values()[-1]
    assert newest["LabelingJobStatus"] == "Stopped"


def test_labels_of_a_job_that_no_longer_exists_cannot_be_fetched(ws, clips) -> None:
    record = start_job(ws, clips)
    with ws.edit(LabelingJob, record.id) as stored:
        stored.ref["job"] = "no-such-job"
    with pytest.raises(UserError, match="no longer exists"):
        labeling.fetch(ws, silent, labeling=record.id)


@only_aws
def test_limits_are_checked_before_files_are_uploaded(standin, ws, clips) -> None:
    uploads = standin.count("s3", "PutObject")
    for params, message in (
        ({"every": 0}, "an integer, at least 1"),
        ({"short_instructions": "x" * 300}, "short instructions have 300"),
        ({"classes": [LONG_CLASS]}, "has 20 characters, 16 at most"),
    ):
        with pytest.raises(UserError, match=message):
            start_job(ws, clips, **params)
    assert standin.count("s3", "PutObject") == uploads


def test_each_platform_has_its_own_limits(ws) -> None:
    limits = labeling.limits(ws)
    frames = {f"clip {number}": 10 for number in range(12)}
    if registry.chosen(ws) == "local":
        limits.check(frames, [LONG_CLASS], "", "")
        return
    with pytest.raises(UserError, match="Too many clips: 12. .* at most 10"):
        limits.check(frames, ["person"], "", "")
    with pytest.raises(UserError, match="has 20 characters, 16 at most"):
        limits.check({"clip": 10}, [LONG_CLASS], "", "")


@only_local
def test_many_clips_with_a_long_class_name_can_be_labeled_locally(ws, video) -> None:
    ids = videos.cut(ws, silent, video=video.id, every_frames=2)["videos"]
    ids += videos.cut(ws, silent, video=video.id, every_frames=8)["videos"]
    assert len(ids) >= 12
    job = labeling.start(ws, silent, name="many", clips=ids[:12], classes=[LONG_CLASS])
    record = ws.get(LabelingJob, job["labeling"])
    assert len(record.clips) == 12 and record.classes == [LONG_CLASS]


@only_local
def test_detections_of_a_model_are_corrected(ws, tmp_path) -> None:
    model, clip = add_model(ws), add_video(ws, tmp_path)
    job = {"clips": [clip.id], "name": "squares", "earlier": {clip.id: model.id}}
    result = labeling.start(ws, silent, **job, classes=[model.classes[0], "cloud"])
    record = ws.get(LabelingJob, result["labeling"])
    assert record.corrects == {clip.name: model.id}
    folder = labeling.labeling_folder(ws, record)
    assert folder
    initial, _ = tracks_from_objects(folder.annotations(0), record.classes)
    assert set(initial.class_id) == {0} and len(np.unique(initial.frame)) > clip.frames / 2
    assert len(np.unique(initial.id)) == 1  # the detections are tracked
    with pytest.raises(UserError, match=f"“{model.name}” does not detect cloud"):
        labeling.start(ws, silent, **job, classes=["cloud"])


@only_local
def test_removing_a_job_removes_its_folder(ws, clips) -> None:
    record = start_job(ws, clips)
    folder = labeling.labeling_folder(ws, record)
    assert folder and folder.exists()
    remove(ws, record)
    assert not folder.path.exists() and not ws.list(LabelingJob)
