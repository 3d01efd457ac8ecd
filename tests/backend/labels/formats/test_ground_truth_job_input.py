from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.box_attributes import FLAGS
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.job_input import input_files, label_metadata
from backend.labels.formats.ground_truth.layout import CATEGORIES_FILE, INITIAL_LABELS_ATTRIBUTE, INPUT_MANIFEST
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from bytetrack.tracks import Tracks

LENGTH = 40


def make_spec(
    folder: Path, every: int = 1, initial_tracks: Tracks | None = None, clip: str = "site (2)_0"
) -> LabelingSpec:
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(0, LENGTH, every):
        (frames / f"frame_{number:06d}.jpg").touch()
    clips = {clip: ClipToLabel(frames, LENGTH, every, initial_tracks)}
    return LabelingSpec("crossing", "4f2a", clips, list(CLASSES), "Be exact.", "Be exact, please.")


def write_input(spec: LabelingSpec, folder: Path) -> tuple[dict, list[dict]]:
    """Write the input files of a job to a folder that stands for `s3://b/in/`.

    Returns:
        The categories and the lines of the manifest.
    """
    for path, content in input_files(spec, "s3://b/in/", dict.fromkeys(spec.clips, "s3://b/frames/")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    lines = (folder / INPUT_MANIFEST).read_text().splitlines()
    return json.loads((folder / CATEGORIES_FILE).read_bytes()), [json.loads(line) for line in lines]


def expected_initial_labels(table: Tracks, every: int) -> Tracks:
    """Return the boxes of every `every`-th frame in whole pixels, with the most frequent class of their object."""
    labeled = table.select(table.frame % every == 0)
    class_of = {
        identity: np.bincount(labeled.class_id[labeled.id == identity]).argmax() for identity in np.unique(labeled.id)
    }
    class_ids = [class_of[identity] for identity in labeled.id]
    return Tracks(labeled.frame, labeled.id, labeled.xyxy.round(), labeled.score, class_ids, labeled.classes)


@settings(max_examples=40, deadline=None)
@given(tracks(), st.integers(1, 7))
def test_initial_labels_keep_their_frames_and_boxes(table: Tracks, every: int) -> None:
    with TemporaryDirectory() as temporary:
        _, lines = write_input(make_spec(Path(temporary), every, table), Path(temporary))
        # Ground Truth copies the lines of the input manifest, so that the initial labels can be read from its output.
        output = Path(temporary) / "manifests" / "output" / "output.manifest"
        output.parent.mkdir(parents=True)
        output.write_text(json.dumps(lines[0]))
        (sequence,) = reading.read(output, INITIAL_LABELS_ATTRIBUTE)
    assert same_boxes(sequence.tracks, expected_initial_labels(table, every))
    assert sequence.labeled_frames == list(range(0, LENGTH, every))
    assert (sequence.name, sequence.frames) == ("site (2)_0", LENGTH)


def test_a_sequence_file_lists_the_frames_in_order(tmp_path: Path) -> None:
    _, (line,) = write_input(make_spec(tmp_path, every=16), tmp_path)
    assert line["source-ref"] == "s3://b/in/0/site__2__0-sequence.json"
    assert json.loads((tmp_path / "0/site__2__0-sequence.json").read_bytes()) == {
        "seq-no": 1,
        "prefix": "s3://b/frames/",
        "number-of-frames": 3,
        "frames": [
            {"frame-no": 0, "frame": "frame_000000.jpg"},
            {"frame-no": 1, "frame": "frame_000016.jpg"},
            {"frame-no": 2, "frame": "frame_000032.jpg"},
        ],
    }


def test_categories_name_the_initial_labels_only_if_there_are_some(tmp_path: Path) -> None:
    plain, (line,) = write_input(make_spec(tmp_path / "a"), tmp_path / "a")
    assert plain == {
        "documentVersion": "2020-03-01",
        "labels": [{"label": "person"}, {"label": "car"}],
        "categoryGlobalAttributes": [
            {"name": name, "description": description, "type": "string", "enum": ["Yes", "No"]}
            for name, description in FLAGS.items()
        ],
        "annotationType": "BoundingBox",
        "instructions": {"shortInstruction": "Be exact.", "fullInstruction": "Be exact, please."},
    }
    assert INITIAL_LABELS_ATTRIBUTE not in line
    correction, (line,) = write_input(make_spec(tmp_path / "b", initial_tracks=Tracks.empty(CLASSES)), tmp_path / "b")
    assert correction == plain | {"auditLabelAttributeName": INITIAL_LABELS_ATTRIBUTE}
    assert line[f"{INITIAL_LABELS_ATTRIBUTE}-metadata"]["class-map"] == {"0": "person", "1": "car"}


def test_objects_have_the_names_of_the_workers_page(tmp_path: Path) -> None:
    table = Tracks([0, 0, 1], [3, 7, 9], [[1, 2, 11.6, 22]] * 3, [0.5] * 3, [1, 0, 1], CLASSES)
    write_input(make_spec(tmp_path, initial_tracks=table), tmp_path)
    first, second, *rest = json.loads((tmp_path / "0/site__2__0/SeqLabel.json").read_bytes())["tracking-annotations"]
    assert {box["object-name"]: box["class-id"] for box in first["annotations"]} == {"car:1": "1", "person:1": "0"}
    assert [box["object-name"] for box in second["annotations"]] == ["car:2"]
    assert [first["annotations"][0][side] for side in ("left", "top", "width", "height")] == [1, 2, 11, 20]
    assert len(rest) == LENGTH - 2 and not any(frame["annotations"] for frame in rest)


def test_initial_labels_of_a_failed_clip_are_not_read_as_corrected(tmp_path: Path) -> None:
    table = Tracks([0], [1], [[1, 2, 11, 22]], [1], [0], CLASSES)
    _, (line,) = write_input(make_spec(tmp_path, initial_tracks=table), tmp_path)
    line["corrected-ref-metadata"] = label_metadata(CLASSES, "corrected") | {"failure-reason": "The task expired."}
    (tmp_path / "output.manifest").write_text(json.dumps(line))
    with pytest.raises(UserError, match="The task expired"):
        reading.read(tmp_path, "corrected-ref")


def test_the_newest_labels_are_read_if_no_attribute_is_given(tmp_path: Path) -> None:
    table = Tracks([0], [1], [[1, 2, 11, 22]], [1], [0], CLASSES)
    _, (line,) = write_input(make_spec(tmp_path, initial_tracks=table), tmp_path)
    labels = json.loads((tmp_path / "0/site__2__0/SeqLabel.json").read_bytes())
    labels["tracking-annotations"][0]["annotations"][0]["left"] = 5
    (tmp_path / "corrected.json").write_text(json.dumps(labels))
    line |= {
        "corrected-ref": "s3://b/in/corrected.json",
        "corrected-ref-metadata": label_metadata(CLASSES, "corrected"),
    }
    (tmp_path / "output.manifest").write_text(json.dumps(line))
    (sequence,) = reading.read(tmp_path)
    assert sequence.tracks.xyxy.tolist() == [[5, 2, 15, 22]]
