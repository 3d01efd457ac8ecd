"""Labeling jobs from clips to labels: in the console itself, and on AWS as the stand-in plays it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from served import add_model, add_video

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


def moving(frames: range, classes: tuple[str, ...] = ("person", "car")) -> Tracks:
    """One object that moves a pixel a frame to the right, over the frame's border at last."""
    ones = np.ones(len(frames))
    boxes = [[n * 3, 10, n * 3 + 20, 40] for n in frames]
    return Tracks(list(frames), ones, boxes, ones, ones * (len(classes) - 1), classes)


only_aws = pytest.mark.parametrize("ws", ["aws"], indirect=True)
only_here = pytest.mark.parametrize("ws", ["local"], indirect=True)
Drawn = dict[int, Tracks]  # what people draw in each clip that they finish, by the frames' numbers in the job


@pytest.fixture(params=["local", "aws"])
def ws(workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    if request.param == "aws":
        registry.change_settings(workspace, "aws", request.getfixturevalue("aws_account"))
        registry.choose(workspace, "aws")
    return workspace


@pytest.fixture
def people(ws: Workspace, request: pytest.FixtureRequest) -> Callable[[LabelingJob, Drawn], None]:
    """Those who label on the platform."""

    def draw_here(record: LabelingJob, drawn: Drawn) -> None:
        folder = labeling.labeling_folder(ws, record)
        assert folder
        for clip, tracks in drawn.items():
            now = folder.annotations(clip)
            now.objects, now.done = objects_from_tracks(tracks, record.classes), True
            folder.save(clip, now.model_dump_json().encode())

    if registry.chosen(ws) == "local":
        return draw_here
    standin = request.getfixturevalue("standin")
    return lambda record, drawn: standin.label(record.ref["job"], drawn)


@pytest.fixture
def whole(ws: Workspace, tiny_video: Path) -> Video:
    return ws.get(Video, videos.add(ws, silent, source=str(tiny_video))["video"])


@pytest.fixture
def clips(ws: Workspace, whole: Video) -> list[Video]:
    """Two of ten frames."""
    return [ws.get(Video, id) for id in videos.cut(ws, silent, video=whole.id, every_frames=10)["videos"]]


def started(ws: Workspace, clips: list[Video], **more) -> LabelingJob:
    job = labeling.start(ws, silent, clips=[clip.id for clip in clips], **(JOB | more))
    return ws.get(LabelingJob, job["labeling"])


def brought(ws: Workspace, **which: str | int) -> list[Labels]:
    return [ws.get(Labels, id) for id in labeling.fetch(ws, silent, **which)["labels"]]


def run_of(ws: Workspace, video: Video, tracks: Tracks) -> Run:
    run = ws.add(
        Run(name="tracks", video=video.id, endpoint="e", endpoint_name="nano", mode="batch", model="m", frames=20,
            objects=1, seconds=1.0, fps=20.0)
    )  # fmt: skip
    tracks.save(ws.folder(run) / "tracks.json")
    return run


def test_every_third_frame_comes_back_with_the_clips_own_numbers(people, ws, clips) -> None:
    record = started(ws, clips, every=3)
    assert (record.frames, record.clips) == (8, {clip.name: clip.id for clip in clips})
    assert record.platform == registry.chosen(ws)
    people(record, {0: moving(range(4)), 1: moving(range(2))})
    first, second = brought(ws, labeling=record.id)
    assert [first.video, second.video] == [clip.id for clip in clips]
    assert first.labeled_frames == second.labeled_frames == [0, 3, 6, 9]
    assert load_labels(ws, first).frame.tolist() == [0, 3, 6, 9]
    assert load_labels(ws, second).frame.tolist() == [0, 3]
    assert load_labels(ws, first).xyxy[:, 0].tolist() == [0, 3, 6, 9]
    assert first.classes == ["person", "car"] and first.source == "Ground Truth"
    assert ws.get(LabelingJob, record.id).labels == [first.id, second.id]


@only_aws
def test_people_see_the_frames_that_the_numbers_say(standin, ws, clips, number_of, tmp_path) -> None:
    record = started(ws, clips, every=4)
    job, s3 = standin.sagemaker.labeling.jobs.get(record.ref["job"]), standin.client("s3")

    def read(address: str) -> bytes:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    for clip, line in zip(clips, job["Lines"], strict=True):
        sequence = json.loads(read(line["source-ref"]))
        pictures = [read(sequence["prefix"] + each["frame"]) for each in sequence["frames"]]
        seen = [number_of(cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR)) for each in pictures]
        assert seen == [clip.start, clip.start + 4, clip.start + 8]


def test_a_half_done_job_is_told_and_what_is_done_when_it_stops_comes_in(people, ws, clips) -> None:
    record = started(ws, clips)
    people(record, {1: moving(range(10))})
    with pytest.raises(UserError, match="“crossing” is in progress: 1 of 2 clips are labeled. Wait .* or stop it"):
        labeling.fetch(ws, silent, labeling=record.id)
    labeling.stop(ws, record)
    result = labeling.fetch(ws, silent, labeling=record.id)
    assert [ws.get(Labels, id).video for id in result["labels"]] == [clips[1].id]
    assert clips[0].name in result["skipped"][0] and "not labeled" in result["skipped"][0]


def test_a_models_tracks_of_the_whole_video_are_corrected_on_its_clips(people, ws, whole, clips) -> None:
    run = run_of(ws, whole, moving(range(20)))
    assert labeling.correctable_sources(ws, clips[1]) == [run]
    assert labeling.classes_of(ws, run) == ["car"]
    record = started(ws, clips, every=5, earlier={clip.id: run.id for clip in clips})
    assert record.corrects == {clip.name: run.id for clip in clips}

    people(record, {0: moving(range(2)), 1: moving(range(1))})
    corrected = brought(ws, labeling=record.id)
    assert [labels.boxes for labels in corrected] == [2, 1]
    # and what was corrected is what the next job begins with
    assert labeling.correctable_sources(ws, clips[1])[0].id == corrected[1].id
    again = started(ws, clips, every=5, earlier={clip.id: each.id for clip, each in zip(clips, corrected, strict=True)})
    assert again.name == "crossing (2)"


def test_boxes_to_correct_are_those_of_the_clip_within_its_frame(ws, whole, clips) -> None:
    boxes = labeling.tracks_to_correct(ws, clips[1], run_of(ws, whole, moving(range(20))))
    assert boxes.frame.tolist() == list(range(10))
    assert boxes.xyxy[0].tolist() == [30, 10, 50, 40] and boxes.xyxy[-1].tolist() == [57, 10, 64, 40]


def test_what_cannot_be_corrected(ws, whole, clips) -> None:
    labels = store_labels(ws, clips[0], LabelSequence("a", moving(range(10)), list(range(10))), "MOTChallenge")
    for earlier, says in (
        ({clips[0].id: labels.id}, f"“{clips[1].name}” has no boxes to correct"),
        ({clip.id: labels.id for clip in clips}, "boxes of another video"),
    ):
        with pytest.raises(UserError, match=says):
            started(ws, clips, earlier=earlier)
    with pytest.raises(UserError, match="has boxes of “car”. Add this class"):
        labeling.start(ws, silent, name="a", clips=[clips[0].id], classes=["person"], earlier={clips[0].id: labels.id})


def test_a_job_started_elsewhere_comes_in_by_its_clips_names(people, ws, whole, clips) -> None:
    record = started(ws, clips, every=2)
    people(record, {0: moving(range(5)), 1: moving(range(5))})
    assert record.ref["job"] not in labeling.jobs_started_elsewhere(ws)
    for each in (record, *clips):  # as in another workspace, which has the video but not its clips
        ws.remove(each)
    assert record.ref["job"] in labeling.jobs_started_elsewhere(ws)
    with pytest.raises(UserError, match="without step"):  # this console's own jobs tell their frames
        brought(ws, job=record.ref["job"], step=5)
    first, second = brought(ws, job=record.ref["job"])
    assert ws.get(Video, second.video).start == 10 and second.labeled_frames == [0, 2, 4, 6, 8]


@only_aws
def test_a_detection_job_is_none_to_bring_in(standin, ws, clips) -> None:
    record = started(ws, clips)
    task = standin.sagemaker.labeling.jobs.get(record.ref["job"])["HumanTaskConfig"]
    task["PreHumanTaskLambdaArn"] = task["PreHumanTaskLambdaArn"].replace("Tracking", "Detection")
    with pytest.raises(UserError, match="tracking job not found.* Start a tracking job"):
        labeling.fetch(ws, silent, job=record.ref["job"])


@only_aws
def test_labels_are_imported_straight_from_s3(standin, ws, clips, aws_account) -> None:
    record = started(ws, clips)
    job = record.ref["job"]
    standin.label(job, {0: moving(range(10)), 1: moving(range(10))})
    address = f"s3://{aws_account['bucket']}/labeling/{job}/output/{job}"
    assert len(import_labels(ws, silent, path=address)["labels"]) == 2
    s3 = standin.client("s3")
    s3.put_object(Bucket=aws_account["bucket"], Key="a/gt.txt", Body=b"1,1,5,5,20,20,1,1,1\n")
    path = f"s3://{aws_account['bucket']}/a/gt.txt"
    assert len(import_labels(ws, silent, path=path, video=clips[0].id)["labels"]) == 1


@only_aws
def test_a_job_that_cannot_be_recorded_is_taken_back(standin, ws, clips, monkeypatch) -> None:
    def full(record: object) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(ws, "add", full)
    with pytest.raises(UserError, match="disk is full"):
        started(ws, clips)
    newest = standin.sagemaker.labeling.jobs.values()[-1]
    assert newest["LabelingJobStatus"] == "Stopped"


def test_a_job_that_is_gone(ws, clips) -> None:
    record = started(ws, clips)
    with ws.edit(LabelingJob, record.id) as known:
        known.ref["job"] = "never-was"
    with pytest.raises(UserError, match="no longer exists"):
        labeling.fetch(ws, silent, labeling=record.id)


@only_aws
def test_limits_are_told_before_anything_is_done(standin, ws, clips) -> None:
    sent = standin.count("s3", "PutObject")
    for wrong, says in (
        ({"every": 0}, "an integer, at least 1"),
        ({"short_instructions": "x" * 300}, "short instructions have 300"),
        ({"classes": [LONG_CLASS]}, "has 20 characters, 16 at most"),
    ):
        with pytest.raises(UserError, match=says):
            started(ws, clips, **wrong)
    assert standin.count("s3", "PutObject") == sent


LONG_CLASS = "pedestrian-with-dogs"  # 20 characters


def test_each_platform_has_limits_of_its_own(ws) -> None:
    limits = labeling.limits(ws)
    frames = {f"clip {number}": 10 for number in range(12)}
    if registry.chosen(ws) == "local":
        limits.check(frames, [LONG_CLASS], "", "")
        return
    with pytest.raises(UserError, match="Too many clips: 12. .* at most 10"):
        limits.check(frames, ["person"], "", "")
    with pytest.raises(UserError, match="has 20 characters, 16 at most"):
        limits.check({"clip": 10}, [LONG_CLASS], "", "")


@only_here
def test_twelve_clips_of_a_long_class_are_labeled_on_this_machine(ws, whole) -> None:
    ids = videos.cut(ws, silent, video=whole.id, every_frames=2)["videos"]
    ids += videos.cut(ws, silent, video=whole.id, every_frames=8)["videos"]
    assert len(ids) >= 12
    job = labeling.start(ws, silent, name="many", clips=ids[:12], classes=[LONG_CLASS])
    record = ws.get(LabelingJob, job["labeling"])
    assert len(record.clips) == 12 and record.classes == [LONG_CLASS]


@only_here
def test_what_a_model_finds_is_corrected(ws, tmp_path) -> None:
    model, clip = add_model(ws), add_video(ws, tmp_path)
    job = {"clips": [clip.id], "name": "squares", "earlier": {clip.id: model.id}}
    made = labeling.start(ws, silent, **job, classes=[model.classes[0], "cloud"])
    record = ws.get(LabelingJob, made["labeling"])
    assert record.corrects == {clip.name: model.id}
    folder = labeling.labeling_folder(ws, record)
    assert folder
    begun, _ = tracks_from_objects(folder.annotations(0), record.classes)
    assert set(begun.class_id) == {0} and len(np.unique(begun.frame)) > clip.frames / 2
    assert len(np.unique(begun.id)) == 1  # it follows what it finds
    with pytest.raises(UserError, match=f"“{model.name}” does not detect cloud"):
        labeling.start(ws, silent, **job, classes=["cloud"])


@only_here
def test_a_job_that_is_removed_leaves_nothing(ws, clips) -> None:
    record = started(ws, clips)
    folder = labeling.labeling_folder(ws, record)
    assert folder and folder.exists()
    remove(ws, record)
    assert not folder.path.exists() and not ws.list(LabelingJob)
