"""Attributes of objects: their definitions, and their way through jobs and files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.attributes import (
    AttributeDefinition,
    check_definitions,
    clean_values,
    complete_definitions,
    infer_definitions,
)
from backend.labels.formats import coco
from backend.labels.formats.ground_truth import reading, writing
from backend.labels.label_store import attributes_of
from backend.labels.labeling_folder import (
    ClipAnnotations,
    Keyframe,
    LabeledObject,
    objects_from_tracks,
    tracks_from_objects,
)
from backend.progress import silent
from backend.steps import labeling
from backend.steps.export import export
from backend.steps.importing import import_labels
from backend.steps.videos import add
from backend.workspace import Workspace
from backend.workspace.records import LabelingJob, Labels, Video
from bytetrack.tracks import Tracks

COLOR = {"name": "color", "kind": "choice", "values": ["red", "Yes", "No"]}
BAG = {"name": "bag", "kind": "checkbox", "changes": True}
PLATE = {"name": "plate", "kind": "text", "changes": True}
DEFINITIONS = check_definitions([COLOR, BAG, PLATE])
FRAMES, IDS = 6, (1, 2, 5)
BOXES = Tracks(
    np.repeat(np.arange(FRAMES), len(IDS)),
    np.tile(IDS, FRAMES),
    [[10 * identity, 5, 10 * identity + 9, 30] for _ in range(FRAMES) for identity in IDS],
    np.ones(FRAMES * len(IDS)),
    np.zeros(FRAMES * len(IDS), int),
    ("person",),
)


@st.composite
def attributes(draw: st.DrawFn) -> dict[tuple[int, int], dict[str, bool | str]]:
    """Draw values that `DEFINITIONS` allow: the color of an object is the same in all frames."""
    colors = {identity: draw(st.sampled_from(["", "red", "Yes", "No"])) for identity in IDS}
    drawn = {}
    for frame in range(FRAMES):
        for identity in IDS:
            values: dict[str, bool | str] = {"color": colors[identity]} if colors[identity] else {}
            if draw(st.booleans()):
                values["bag"] = True
            if plate := draw(st.sampled_from(["", "B 12", "true", "0"])):
                values["plate"] = plate
            if draw(st.booleans()):
                values["occluded"] = True
            if values:
                drawn[frame, identity] = values
    return drawn


@given(attributes())
def test_objects_keep_all_values(values: box_attributes.BoxAttributes) -> None:
    objects = objects_from_tracks(BOXES, ["person"], values, DEFINITIONS)
    assert tracks_from_objects(ClipAnnotations(objects=objects), ["person"])[1] == values


@settings(max_examples=25, deadline=None)
@given(attributes())
def test_the_format_of_ground_truth_keeps_values_and_definitions(values: box_attributes.BoxAttributes) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "labels"
        writing.write_tracks(folder, "clip", BOXES, FRAMES, range(FRAMES), values, DEFINITIONS)
        (sequence,) = reading.read(folder)
    names = dict(zip(*(np.unique(sequence.tracks.id), sorted(IDS, key=lambda identity: identity))))
    renamed = {(frame, names[identity]): own for (frame, identity), own in sequence.box_attributes.items()}
    assert renamed == values
    assert sequence.attributes == DEFINITIONS


@given(attributes())
def test_inferred_definitions_allow_all_values(values: box_attributes.BoxAttributes) -> None:
    inferred = infer_definitions(values, BOXES)
    by_name = {definition.name: definition for definition in inferred}
    for own in values.values():
        assert all(name in box_attributes.FLAGS or by_name[name].accepts(value) for name, value in own.items())
    objects = objects_from_tracks(BOXES, ["person"], values, inferred)
    assert tracks_from_objects(ClipAnnotations(objects=objects), ["person"])[1] == values
    assert complete_definitions(DEFINITIONS, values, BOXES) == DEFINITIONS


@pytest.mark.parametrize(
    ("given_definitions", "message"),
    [
        ([{"name": " "}], "has no name"),
        ([{"name": "occluded"}], "of every box already"),
        ([{"name": "a"}, {"name": "a "}], "listed twice"),
        ([{"name": "a", "kind": "choice", "values": ["x", " x"]}], "at least two values"),
        ([{"name": "a", "kind": "number"}], "is invalid"),
        ([{"name": f"a{number}"} for number in range(31)], "Too many attributes: 31"),
    ],
)
def test_invalid_definitions_are_refused(given_definitions: list[dict], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_definitions(given_definitions)


def test_every_value_of_a_file_is_kept_or_noted() -> None:
    raw = {
        (0, 1): {"bag": "yes", "age": 30, "pose": {"x": 1}, "mixed": True, "empty": ""},
        (1, 1): {"bag": "No", "age": 31.5, "pose": None, "mixed": "often", "long": "x" * 500},
    }
    values, notes = clean_values(raw)
    assert values == {
        (0, 1): {"bag": True, "age": "30", "mixed": "True"},
        (1, 1): {"age": "31.5", "mixed": "often"},
    }
    assert sorted(notes) == [
        "1 value of the attribute “long” dropped: no checkbox, number or short text.",
        "1 value of the attribute “pose” dropped: no checkbox, number or short text.",
    ]


def test_attributes_of_a_job_go_through_all_files(workspace: Workspace, tiny_video: Path, tmp_path: Path) -> None:
    """Draw them, fetch, export, import again, and correct them in another job."""
    video = workspace.get(Video, add(workspace, silent, source=str(tiny_video))["video"])
    record = start_job(workspace, video, attributes=[COLOR, BAG])
    folder = labeling.labeling_folder(workspace, record)
    assert folder
    keys = {0: Keyframe(xyxy=(1, 2, 11, 22)), 5: Keyframe(xyxy=(6, 2, 16, 22), attributes={"bag": True})}
    drawn = LabeledObject(id=1, class_id=0, attributes={"color": "No"}, keys=keys)
    folder.save(0, ClipAnnotations(done=True, objects=[drawn]).model_dump_json().encode())
    for attributes_of_object, keyframe_attributes in (
        ({"color": "blue"}, {}),
        ({"bag": True}, {}),
        ({}, {"color": "red"}),
    ):
        wrong = {0: Keyframe(xyxy=(1, 2, 11, 22), attributes=keyframe_attributes)}
        refused = LabeledObject(id=1, class_id=0, attributes=attributes_of_object, keys=wrong)
        with pytest.raises(UserError, match="which the job does not define"):
            folder.save(0, ClipAnnotations(version=1, objects=[refused]).model_dump_json().encode())

    (labels_id,) = labeling.fetch(workspace, silent, labeling=record.id)["labels"]
    labels = workspace.get(Labels, labels_id)
    expected = {(frame, 1): {"color": "No"} | ({"bag": True} if frame == 5 else {}) for frame in range(6)}
    assert box_attributes.load(workspace.folder(labels)) == expected
    assert attributes_of(labels) == check_definitions([COLOR, BAG])

    with export(workspace, labels, "csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["bag"], row["color"]) for row in rows] == [("", "No")] * 5 + [("yes", "No")]
    for file_format in ("ground_truth", "cvat"):
        (again_id,) = import_labels(workspace, silent, path=str(export(workspace, labels, file_format)))["labels"]
        again = workspace.get(Labels, again_id)
        assert box_attributes.load(workspace.folder(again)) == expected, file_format
        assert again.attributes[:2] == labels.attributes and again.labeled_frames == labels.labeled_frames

    correction = start_job(workspace, video, earlier={video.id: labels.id}, attributes=[PLATE])
    corrected = labeling.labeling_folder(workspace, correction)
    assert corrected
    assert corrected.job.attributes == check_definitions([PLATE, COLOR, BAG])
    assert tracks_from_objects(corrected.annotations(0), ["person"])[1] == expected


def test_coco_keeps_attributes(tmp_path: Path) -> None:
    values = {(0, 1): {"color": "red"}, (2, 5): {"bag": True, "occluded": True}}
    annotated = coco.AnnotatedVideo("clip", BOXES, list(range(FRAMES)), (64, 48), lambda frame: f"{frame}.jpg", values)
    document = coco.to_document([annotated], ["person"])
    (tmp_path / "a.json").write_text(json.dumps(document))
    (sequence,) = coco.read(tmp_path / "a.json")
    assert sequence.box_attributes == values
    color = AttributeDefinition(name="color", kind="text", changes=True)
    assert infer_definitions(sequence.box_attributes, BOXES)[0] == color


def start_job(workspace: Workspace, video: Video, **params) -> LabelingJob:
    result = labeling.start(workspace, silent, name="job", clips=[video.id], classes=["person"], **params)
    return workspace.get(LabelingJob, result["labeling"])
