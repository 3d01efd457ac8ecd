from __future__ import annotations

import json
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.layout import CATEGORIES_FILE
from backend.labels.labeling_folder import (
    ClipAnnotations,
    EditConflict,
    Keyframe,
    LabeledObject,
    LabelingFolder,
    objects_from_tracks,
    tracks_from_objects,
)
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from backend.progress import silent
from bytetrack.tracks import Tracks

LENGTH = 40


def create_job(folder: Path, every: int = 1, earlier: Tracks | None = None, clips: int = 1) -> LabelingFolder:
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(0, LENGTH, every):
        (frames / f"frame_{number:06d}.jpg").write_bytes(b"frame %d" % number)
    clips_to_label = {f"clip {number}": ClipToLabel(frames, LENGTH, every, earlier) for number in range(clips)}
    spec = LabelingSpec("crossing", "4f2a", clips_to_label, list(CLASSES), "Be exact.", "Be exact, please.")
    return LabelingFolder.create(folder / "job", spec, 0.0, silent)


def key(left: float, **attributes: bool) -> Keyframe:
    return Keyframe(xyxy=(left, 10, left + 20, 50), **attributes)


def save(folder: LabelingFolder, *objects: LabeledObject, clip: int = 0, done: bool = False) -> ClipAnnotations:
    annotations = ClipAnnotations(version=folder.annotations(clip).version, done=done, objects=list(objects))
    return folder.save(clip, annotations.model_dump_json().encode())


def person(id: int = 1, class_id: int = 0, **keys: Keyframe) -> LabeledObject:
    """Return an object with keyframes; the argument `f5` is the keyframe in frame 5."""
    return LabeledObject(id=id, class_id=class_id, keys={int(name[1:]): value for name, value in keys.items()})


def with_most_frequent_class(table: Tracks) -> Tracks:
    """Return the tracks with the most frequent class of each object on all its boxes."""
    class_of = {
        identity: np.bincount(table.class_id[table.id == identity]).argmax() for identity in np.unique(table.id)
    }
    class_ids = [class_of[identity] for identity in table.id]
    return Tracks(table.frame, table.id, table.xyxy, table.score, class_ids, table.classes)


@given(tracks())
def test_tracks_are_unchanged_after_conversion_to_objects(table: Tracks) -> None:
    annotations = ClipAnnotations(objects=objects_from_tracks(table, list(CLASSES)))
    converted, attributes = tracks_from_objects(annotations, list(CLASSES))
    assert same_boxes(converted, with_most_frequent_class(table)) and not attributes
    assert sorted(zip(converted.frame, converted.id)) == sorted(zip(table.frame, table.id))


@settings(max_examples=25, deadline=None)
@given(tracks(), st.integers(1, 7))
def test_the_output_is_read_as_ground_truth(table: Tracks, every: int) -> None:
    with TemporaryDirectory() as temporary:
        folder = create_job(Path(temporary), every, table)
        annotations = folder.annotations(0).model_copy(update={"done": True})
        folder.save(0, annotations.model_dump_json().encode())
        folder.write_output(Path(temporary) / "output", "crossing")
        (sequence,) = reading.read(Path(temporary) / "output", "crossing-ref")
    labeled = with_most_frequent_class(table.select(table.frame % every == 0))
    expected = Tracks(labeled.frame, labeled.id, labeled.xyxy.round(), labeled.score, labeled.class_id, labeled.classes)
    assert same_boxes(sequence.tracks, expected)
    assert (sequence.name, sequence.frames) == ("clip 0", LENGTH)
    assert sequence.labeled_frames == list(range(0, LENGTH, every))


def test_boxes_are_interpolated_between_keyframes_but_not_in_gaps() -> None:
    annotations = ClipAnnotations(objects=[person(f2=key(0), f6=key(8, gap=True), f9=key(50))])
    table, _ = tracks_from_objects(annotations, ["person"])
    assert table.frame.tolist() == [2, 3, 4, 5, 6, 9]
    assert table.xyxy[:, 0].tolist() == [0, 2, 4, 6, 8, 50]


def test_attributes_apply_until_the_next_keyframe(tmp_path: Path) -> None:
    folder = create_job(tmp_path)
    save(folder, person(f0=key(0, occluded=True), f2=key(4, occluded=True, truncated=True), f3=key(6)), done=True)
    folder.write_output(tmp_path / "output", "crossing")
    (path,) = (tmp_path / "output").rglob("annotations/consolidated-annotation/output/0/SeqLabel.json")
    frames = json.loads(path.read_bytes())["tracking-annotations"]
    assert [frame["frame-no"] for frame in frames] == [str(number) for number in range(LENGTH)]
    attributes = [frame["annotations"][0]["label-category-attributes"] for frame in frames[:4]]
    assert attributes == [{"occluded": "Yes"}] * 2 + [{"occluded": "Yes", "truncated": "Yes"}, {}]
    categories = json.loads((tmp_path / "output" / CATEGORIES_FILE).read_bytes())
    assert [attribute["name"] for attribute in categories["categoryGlobalAttributes"]] == ["occluded", "truncated"]


def test_unfinished_clips_have_labels_only_if_the_job_was_stopped(tmp_path: Path) -> None:
    folder = create_job(tmp_path, clips=3)
    save(folder, person(f0=key(0)), clip=0, done=True)
    save(folder, person(f0=key(0)), clip=1)
    folder.write_output(tmp_path / "one", "crossing")
    assert [bool(clip.labeled_frames) for clip in reading.read(tmp_path / "one")] == [True, False, False]
    folder.stop()
    folder.write_output(tmp_path / "two", "crossing")
    assert [bool(clip.labeled_frames) for clip in reading.read(tmp_path / "two")] == [True, True, False]
    with pytest.raises(UserError, match="was stopped"):
        save(folder, person(f0=key(5)))


def test_only_one_of_several_simultaneous_edits_is_saved(tmp_path: Path) -> None:
    folder, conflicts = create_job(tmp_path), []
    start = threading.Barrier(8)

    def edit(number: int) -> None:
        content = ClipAnnotations(version=0, objects=[person(f0=key(number))]).model_dump_json().encode()
        start.wait()
        try:
            LabelingFolder(folder.path).save(0, content)
        except EditConflict:
            conflicts.append(number)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (saved,) = folder.annotations(0).objects
    assert len(conflicts) == 7 and saved.keys[0].xyxy[0] not in conflicts
    assert folder.annotations(0).version == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Cannot save the annotations: Invalid JSON"),
        (ClipAnnotations(objects=[person(f0=key(0)), person(f0=key(0))]).model_dump_json().encode(), "same ID"),
        (
            ClipAnnotations(objects=[person(class_id=2, f0=key(0))]).model_dump_json().encode(),
            "does not have the class of object #1",
        ),
        (
            ClipAnnotations(objects=[person(f40=key(0))]).model_dump_json().encode(),
            "#1 in frame 40 is invalid",
        ),
        (
            b'{"objects": [{"id": 1, "class_id": 0, "keys": {"0": {"xyxy": [5, 5, 5, 9]}}}]}',
            "#1 in frame 0 is invalid",
        ),
        (b'{"objects": [{"id": 1, "class_id": 0, "keys": {"-1": {"xyxy": [5, 5, 9, 9]}}}]}', "greater than"),
        (b'{"objects": [{"id": 1, "class_id": 0, "keys": {"0": {"xyxy": [NaN, 5, 9, 9]}}}]}', "Cannot save"),
        (b'{"done": true, "path": "/etc/passwd"}', "Cannot save"),
    ],
)
def test_invalid_annotations_are_refused_and_the_saved_ones_are_kept(
    tmp_path: Path, content: bytes, message: str
) -> None:
    folder = create_job(tmp_path)
    before = save(folder, person(f0=key(7)))
    content = content.replace(b'"version":0', b'"version":1')
    with pytest.raises(UserError, match=message):
        folder.save(0, content)
    assert folder.annotations(0) == before


def test_an_interrupted_creation_leaves_no_files(tmp_path: Path) -> None:
    def interrupt(share: float, step: str) -> None:
        raise KeyboardInterrupt

    (tmp_path / "frames").mkdir()
    spec = LabelingSpec("a", "1", {"clip": ClipToLabel(tmp_path / "frames", 1)}, ["person"], "", "")
    with pytest.raises(KeyboardInterrupt):
        LabelingFolder.create(tmp_path / "jobs" / "one", spec, 0.0, interrupt)
    assert not list((tmp_path / "jobs").iterdir())


def test_only_frames_of_the_job_have_a_path(tmp_path: Path) -> None:
    folder = create_job(tmp_path, every=16)
    assert folder.frame_path(0, 2).read_bytes() == b"frame 32"
    for clip, frame in ((0, 3), (1, 0), (0, -1), (-1, 0)):
        with pytest.raises(LookupError):
            folder.frame_path(clip, frame)
