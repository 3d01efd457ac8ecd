from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.box_attributes import ATTRIBUTES
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.job_input import input_files, label_metadata
from backend.labels.formats.ground_truth.layout import CATEGORIES_FILE, INITIAL_LABELS_ATTRIBUTE, INPUT_MANIFEST
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from bytetrack.tracks import Tracks

LENGTH = 40


def spec(folder: Path, every: int = 1, initial_tracks: Tracks | None = None, clip: str = "site (2)_0") -> LabelingSpec:
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(0, LENGTH, every):
        (frames / f"frame_{number:06d}.jpg").touch()
    clips = {clip: ClipToLabel(frames, LENGTH, every, initial_tracks)}
    return LabelingSpec("crossing", "4f2a", clips, list(CLASSES), "Be exact.", "Be exact, please.")


def written(job: LabelingSpec, folder: Path) -> tuple[dict, list[dict]]:
    """The job's files in a folder that stands for `s3://b/in/`; its categories and the lines of its manifest."""
    for path, content in input_files(job, "s3://b/in/", dict.fromkeys(job.clips, "s3://b/frames/")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    lines = (folder / INPUT_MANIFEST).read_text().splitlines()
    return json.loads((folder / CATEGORIES_FILE).read_bytes()), [json.loads(line) for line in lines]


def as_people_see_them(table: Tracks, every: int) -> Tracks:
    """Whole pixels, each object of the class that most of its boxes have, on every `every`-th frame."""
    kept = table.select(table.frame % every == 0)
    kinds = {each: np.bincount(kept.class_id[kept.id == each]).argmax() for each in np.unique(kept.id)}
    kind = [kinds[each] for each in kept.id]
    return Tracks(kept.frame, kept.id, kept.xyxy.round(), kept.score, kind, kept.classes)


@settings(max_examples=40, deadline=None)
@given(tracks(), st.integers(1, 7))
def test_labels_to_correct_that_nobody_corrects_come_back_on_their_frames(table: Tracks, every: int) -> None:
    with TemporaryDirectory() as temporary:
        job = spec(Path(temporary), every, table)
        _, lines = written(job, Path(temporary))
        # Ground Truth passes on what the manifest says; here the earlier labels stand for its own.
        output = Path(temporary) / "manifests" / "output" / "output.manifest"
        output.parent.mkdir(parents=True)
        output.write_text(json.dumps(lines[0]))
        (sequence,) = reading.read(output, INITIAL_LABELS_ATTRIBUTE)
    assert same_boxes(sequence.tracks, as_people_see_them(table, every))
    assert sequence.labeled_frames == list(range(0, LENGTH, every))
    assert (sequence.name, sequence.frames) == ("site (2)_0", LENGTH)


def test_a_sequence_file_lists_the_frames_in_order(tmp_path: Path) -> None:
    _, (line,) = written(spec(tmp_path, every=16), tmp_path)
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


def test_categories_name_the_labels_to_correct_only_where_there_are_some(tmp_path: Path) -> None:
    plain, (line,) = written(spec(tmp_path / "a"), tmp_path / "a")
    assert plain == {
        "documentVersion": "2020-03-01",
        "labels": [{"label": "person"}, {"label": "car"}],
        "categoryGlobalAttributes": [
            {"name": name, "description": description, "type": "string", "enum": ["Yes", "No"]}
            for name, description in ATTRIBUTES.items()
        ],
        "annotationType": "BoundingBox",
        "instructions": {"shortInstruction": "Be exact.", "fullInstruction": "Be exact, please."},
    }
    assert INITIAL_LABELS_ATTRIBUTE not in line
    correcting, (line,) = written(spec(tmp_path / "b", initial_tracks=Tracks.empty(CLASSES)), tmp_path / "b")
    assert correcting == plain | {"auditLabelAttributeName": INITIAL_LABELS_ATTRIBUTE}
    assert line[f"{INITIAL_LABELS_ATTRIBUTE}-metadata"]["class-map"] == {"0": "person", "1": "car"}


def test_objects_are_called_as_the_workers_page_calls_them(tmp_path: Path) -> None:
    table = Tracks([0, 0, 1], [3, 7, 9], [[1, 2, 11.6, 22]] * 3, [0.5] * 3, [1, 0, 1], CLASSES)
    written(spec(tmp_path, initial_tracks=table), tmp_path)
    first, second, *rest = json.loads((tmp_path / "0/site__2__0/SeqLabel.json").read_bytes())["tracking-annotations"]
    assert {each["object-name"]: each["class-id"] for each in first["annotations"]} == {"car:1": "1", "person:1": "0"}
    assert [each["object-name"] for each in second["annotations"]] == ["car:2"]
    assert [first["annotations"][0][side] for side in ("left", "top", "width", "height")] == [1, 2, 11, 20]
    assert len(rest) == LENGTH - 2 and not any(frame["annotations"] for frame in rest)


def test_a_clip_that_nobody_corrected_does_not_come_back_with_its_earlier_labels(tmp_path: Path) -> None:
    table = Tracks([0], [1], [[1, 2, 11, 22]], [1], [0], CLASSES)
    _, (line,) = written(spec(tmp_path, initial_tracks=table), tmp_path)
    line["corrected-ref-metadata"] = label_metadata(CLASSES, "corrected") | {"failure-reason": "Nobody took it."}
    (tmp_path / "output.manifest").write_text(json.dumps(line))
    with pytest.raises(UserError, match="Nobody took it"):
        reading.read(tmp_path, "corrected-ref")


def test_the_newest_labels_count_where_nothing_says_which(tmp_path: Path) -> None:
    table = Tracks([0], [1], [[1, 2, 11, 22]], [1], [0], CLASSES)
    _, (line,) = written(spec(tmp_path, initial_tracks=table), tmp_path)
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
