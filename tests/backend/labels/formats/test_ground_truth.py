from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from ground_truth_files import seq_label, write_labeling_job, write_sequence_file
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.formats.ground_truth import reading
from bytetrack import mot as mot_text
from bytetrack.tracks import Tracks

ONE_OBJECT = Tracks([0, 1], [1, 1], [[1, 2, 11, 22], [2, 2, 12, 22]], [1, 1], [0, 0], ("person",))


@settings(max_examples=30, deadline=None)
@given(tracks())
def test_round_trip(table: Tracks) -> None:
    with TemporaryDirectory() as folder:
        job = write_labeling_job(Path(folder) / "job", {"a_0": seq_label(table, list(range(40)))}, CLASSES)
        (sequence,) = reading.read(job)
    assert same_boxes(sequence.tracks, table)
    assert sequence.labeled_frames == list(range(40))
    assert sequence.name == "a_0.mp4"


def test_the_example_job_has_the_boxes_of_the_ground_truth(shared_data: Path) -> None:
    truth = mot_text.read(shared_data / "pets" / "gt.txt")
    sequences = reading.read(shared_data / "pets" / "labeling-job-output" / "pets-people")
    assert [sequence.name for sequence in sequences] == [f"PETS09-S2L1_{k}.mp4" for k in range(6)]
    assert [sequence.frames for sequence in sequences] == [50] * 6
    assert sequences[2].labeled_frames == list(range(0, 50, 5))
    for k, sequence in enumerate(sequences):
        expected = truth.between(50 * k, 50 * k + 50)
        expected = expected.select(np.isin(expected.frame, sequence.labeled_frames))
        assert len(sequence.tracks) == len(expected)
        np.testing.assert_allclose(
            np.sort(sequence.tracks.xyxy[:, :2].sum(axis=1)), np.sort(expected.xyxy[:, :2].sum(axis=1)), atol=2.1
        )


def test_frame_numbers_may_be_strings_and_frames_may_have_no_boxes(tmp_path: Path) -> None:
    document = seq_label(ONE_OBJECT, [0, 1, 7])
    document["tracking-annotations"][1]["frame-no"] = "1"
    (sequence,) = reading.read(write_labeling_job(tmp_path / "job", {"a": document}))
    assert sequence.labeled_frames == [0, 1, 7]
    assert sequence.tracks.frame.tolist() == [0, 1]


def in_binary_order(count: int) -> tuple[list[str], Tracks]:
    """Return file names as AWS sorts them (frame1.jpg, frame10.jpg, …), and a box in each.

    The left edge of a box is the number in the file name.
    """
    names = sorted(f"frame{number}.jpg" for number in range(1, count + 1))
    left = np.array([int(name[5:-4]) for name in names])
    xyxy = np.stack([left, np.zeros(count), left + 10, np.full(count, 10)], 1)
    return names, Tracks(range(count), np.ones(count), xyxy, np.ones(count), np.zeros(count), ("person",))


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("copied", [True, False])
def test_images_in_binary_order_of_their_names_are_sorted_by_their_numbers(
    tmp_path: Path, first: int, copied: bool
) -> None:
    names, table = in_binary_order(12)
    document = seq_label(table, list(range(12)))
    for frame, name in zip(document["tracking-annotations"], names, strict=True):
        frame["frame"], frame["frame-no"] = name, str(frame["frame-no"] + first)
    job = write_labeling_job(tmp_path / "job", {"a": document})
    if copied:
        write_sequence_file(job, "a", names, first)
    (sequence,) = reading.read(job)
    assert sequence.labeled_frames == list(range(12))
    assert sequence.tracks.xyxy[:, 0].tolist() == list(range(1, 13))
    assert "sorted by the numbers in their file names" in sequence.notes[0]


def test_an_unknown_order_of_images_is_not_guessed(tmp_path: Path) -> None:
    names, table = in_binary_order(12)
    document = seq_label(table, list(range(12)))
    for frame, name in zip(document["tracking-annotations"], names, strict=True):
        frame["frame"] = name
    del document["tracking-annotations"][5]
    job = write_labeling_job(tmp_path / "job", {"a": document})
    with pytest.raises(UserError, match=r"frame1\.jpg, frame10\.jpg, .* not all of them are labeled"):
        reading.read(job)
    write_sequence_file(job, "a", names)
    assert reading.read(job)[0].tracks.xyxy[:, 0].tolist() == [n for n in range(1, 13) if n != int(names[5][5:-4])]


def test_frame_numbers_may_count_from_one(tmp_path: Path) -> None:
    document = seq_label(ONE_OBJECT, [0, 1])
    for frame in document["tracking-annotations"]:
        frame["frame-no"] += 1
    job = write_labeling_job(tmp_path / "job", {"a": document})
    (sequence,) = reading.read(job)
    assert (sequence.labeled_frames, sequence.may_lack_first_image) == ([0, 1], True)
    write_sequence_file(job, "a", ["frame_0001.jpeg", "frame_0002.jpeg"], first=1)
    (sequence,) = reading.read(job)
    assert (sequence.labeled_frames, sequence.may_lack_first_image, sequence.frames) == ([0, 1], False, 2)


@pytest.mark.parametrize("kind", ["video-object-detection", "object-detection", "image-classification"])
def test_jobs_other_than_video_tracking_are_refused(tmp_path: Path, kind: str) -> None:
    job = write_labeling_job(tmp_path / "job", {"a": seq_label(ONE_OBJECT, [0])}, kind=f"groundtruth/{kind}")
    with pytest.raises(UserError, match=f"{kind.replace('-', ' ')}.*video object tracking"):
        reading.read(job)


def test_clips_without_labels_are_explained_in_their_notes(tmp_path: Path) -> None:
    job = write_labeling_job(
        tmp_path / "job", {"a_0": seq_label(ONE_OBJECT, [0]), "a_1": None, "a_2": seq_label(ONE_OBJECT, [0])}
    )
    (job / "annotations/consolidated-annotation/output/2/SeqLabel.json").unlink()
    done, unlabeled, missing = reading.read(job)
    assert len(done.tracks) == 1
    assert "a_1" in unlabeled.notes[0] and not unlabeled.labeled_frames
    assert "are missing" in missing.notes[0] and not missing.labeled_frames


def test_the_reason_of_a_failed_clip_is_in_its_notes(tmp_path: Path) -> None:
    job = write_labeling_job(tmp_path / "job", {"a": seq_label(ONE_OBJECT, [0]), "b": seq_label(ONE_OBJECT, [0])})
    manifest = job / "manifests" / "output" / "output.manifest"
    first, second = (json.loads(line) for line in manifest.read_text().splitlines())
    del second["job-ref"]
    second["job-ref-metadata"]["failure-reason"] = "The frames are missing."
    manifest.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    assert "The frames are missing." in reading.read(job)[1].notes[0]


def test_folders_without_labels_or_with_two_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No clip"):
        reading.read(write_labeling_job(tmp_path / "none", {"a": None}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no manifests"):
        reading.read(tmp_path / "empty")
    write_labeling_job(tmp_path / "other", {"a": seq_label(ONE_OBJECT, [0])})
    with pytest.raises(UserError, match="2 labeling jobs"):
        reading.read(tmp_path)


def test_an_address_cannot_point_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(seq_label(ONE_OBJECT, [0])))
    job = write_labeling_job(tmp_path / "job", {"a": seq_label(ONE_OBJECT, [0]), "b": seq_label(ONE_OBJECT, [0])})
    manifest = job / "manifests" / "output" / "output.manifest"
    first, second = manifest.read_text().splitlines()
    for address in ("s3://b/../secret.json", str(tmp_path / "secret.json"), "../secret.json"):
        line = json.loads(second) | {"job-ref": address}
        manifest.write_text(f"{first}\n{json.dumps(line)}")
        assert not reading.read(job)[1].labeled_frames


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "tracking-annotations",
                    "annotations",
                    "frame-no",
                    "left",
                    "source-ref",
                    "a-ref-metadata",
                    "type",
                    "bytetrack-studio",
                    "every",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(JSON, JSON)
def test_any_json_is_read_or_refused_with_a_sentence(line: object, document: object) -> None:
    for path, content in (
        ("manifests/output/output.manifest", line),
        ("annotations/consolidated-annotation/output/0/SeqLabel.json", document),
    ):
        with TemporaryDirectory() as folder:
            job = write_labeling_job(Path(folder) / "job", {"a": seq_label(ONE_OBJECT, [0])})
            (job / path).write_text(json.dumps(content))
            try:
                reading.read(job)
            except UserError as error:
                assert str(error).endswith(".")
