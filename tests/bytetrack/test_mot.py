"""Reading and writing of MOTChallenge text files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytetrack import mot
from bytetrack.tracks import Tracks


def read(tmp_path: Path, text: str, **options) -> Tracks:
    path = tmp_path / "gt.txt"
    path.write_text(text)
    return mot.read(path, **options)


def test_written_tracks_are_read_back(tmp_path: Path) -> None:
    tracks = Tracks(
        [0, 0, 7], [1, 2, 1], [[1, 2, 3.25, 4.5], [0, 0, 9, 9], [5, 5, 6, 7]], [1, 0.5, 0.25], [0, 1, 1], ("a", "b")
    )
    mot.write(tracks, tmp_path / "t.txt")
    assert (tmp_path / "t.txt").read_text().splitlines()[0] == "1,1,1.00,2.00,2.25,2.50,1.0,1,-1,-1"
    read_back = mot.read(tmp_path / "t.txt", classes=("a", "b"))
    assert read_back.to_json() == tracks.to_json()


def test_an_empty_file_has_no_boxes(tmp_path: Path) -> None:
    mot.write(Tracks.empty(("person",)), tmp_path / "t.txt")
    assert len(mot.read(tmp_path / "t.txt", classes=("person",))) == 0


def test_frames_count_from_1_in_files_and_from_0_in_tracks(tmp_path: Path) -> None:
    tracks = read(tmp_path, "1,3,10,20,30,40,1,-1,-1,-1\n\n2 3 11 20 30 40\n")
    assert tracks.frame.tolist() == [0, 1]
    assert tracks.xyxy.tolist() == [[10, 20, 40, 60], [11, 20, 41, 60]]
    assert tracks.classes == ("object",)


def test_rows_with_score_0_are_skipped_in_ground_truth(tmp_path: Path) -> None:
    assert len(read(tmp_path, "1,3,10,20,30,40,0,1,1\n1,4,10,20,30,40,1,1,1\n")) == 1


def test_rows_with_score_0_are_read_on_request_and_unknown_scores_become_1(tmp_path: Path) -> None:
    text = "1,3,10,20,30,40,0,-1,-1\n1,4,10,20,30,40,-1,-1,-1\n"
    assert read(tmp_path, text, skip_ignored=False).score.tolist() == [0, 1]
    assert read(tmp_path, text).id.tolist() == [4]


def test_ids_that_count_from_0_are_raised_by_1(tmp_path: Path) -> None:
    assert read(tmp_path, "1,0,10,20,30,40\n1,1,10,20,30,40\n2,7,10,20,30,40\n").id.tolist() == [1, 2, 8]
    assert read(tmp_path, "1,1,10,20,30,40\n1,8,10,20,30,40\n").id.tolist() == [1, 8]


def test_boxes_without_area_are_kept(tmp_path: Path) -> None:
    assert read(tmp_path, "1,1,10,20,0,40\n1,2,10,20,30,-5\n").xyxy.tolist() == [[10, 20, 10, 60], [10, 20, 40, 15]]


def test_the_number_of_ignored_rows_is_returned(tmp_path: Path) -> None:
    read(tmp_path, "1,3,10,20,30,40,0,1,1\n1,4,10,20,30,40,1,1,1\n2 4 1 2 3 4\n2,5,10,20,30,40,-1,1,1\n")
    labels = mot.read_labels(tmp_path / "gt.txt")
    assert (labels.untracked, labels.ignored) == (0, 1)


def test_detections_are_sorted_by_frame_and_then_by_line(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("2,-1,5,5,10,20,0.5,2\n1,-1,1,2,3,4,7.5,1\n\n2 -1 0 0 10 20 -0.5 1\n")
    detections = mot.read_detections(path)
    assert detections.frame.tolist() == [0, 1, 1]
    assert detections.xyxy.tolist() == [[1, 2, 4, 6], [5, 5, 15, 25], [0, 0, 10, 20]]
    assert (detections.scores.tolist(), detections.class_ids.tolist()) == ([1, 0.5, 0], [0, 1, 0])


def test_classes_get_the_given_names_or_their_numbers(tmp_path: Path) -> None:
    text = "1,1,0,0,5,5,1,1,1\n1,2,0,0,5,5,1,3,1\n"
    assert read(tmp_path, text).classes == ("class 1", "class 2", "class 3")
    assert read(tmp_path, text, classes=["a", "b", "c"]).class_id.tolist() == [0, 2]
    with pytest.raises(ValueError, match="class 3, but only 1 are named"):
        read(tmp_path, text, classes=["a"])


def test_classes_may_count_from_0(tmp_path: Path) -> None:
    text = "1,1,0,0,5,5,1,0,1\n1,2,0,0,5,5,1,2,1\n"
    tracks = read(tmp_path, text)
    assert (tracks.class_id.tolist(), tracks.classes) == ([0, 2], ("class 0", "class 1", "class 2"))
    assert read(tmp_path, text, classes=["a", "b", "c"]).class_id.tolist() == [0, 2]
    with pytest.raises(ValueError, match="class 2, but only 2 are named"):
        read(tmp_path, text, classes=["a", "b"])
    detections = mot.read_detections(tmp_path / "gt.txt")
    assert (detections.class_ids.tolist(), detections.class_numbers) == ([0, 2], [0, 1, 2])


def test_boxes_without_class(tmp_path: Path) -> None:
    assert read(tmp_path, "1,1,0,0,5,5,1,1,1\n").classes == ("class 1",)
    assert read(tmp_path, "1,1,0,0,5,5,1,-1,1\n").classes == mot.DEFAULT_CLASSES
    tracks = read(tmp_path, "1,1,0,0,5,5,1,-1,1\n1,2,0,0,5,5,1,1,1\n")
    assert [tracks.classes[k] for k in tracks.class_id] == ["no class", "class 1"]


@given(st.lists(st.sampled_from([-1, 0, 1, 2, 5]), min_size=1, max_size=8))
def test_different_class_numbers_are_different_classes(numbers: list[int]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gt.txt"
        path.write_text("".join(f"1,{k},0,0,5,5,1,{number},1\n" for k, number in enumerate(numbers, 1)))
        tracks, detections = mot.read(path), mot.read_detections(path)
    assert [detections.class_numbers[k] for k in detections.class_ids] == numbers
    names = [tracks.classes[k] for k in tracks.class_id]
    assert len(set(zip(numbers, names))) == len(set(numbers)) == len(set(names))


def test_tracks_are_written_with_given_class_numbers(tmp_path: Path) -> None:
    tracks = read(tmp_path, "1,1,0,0,5,5,1,0,1\n1,2,0,0,5,5,1,1,1\n")
    mot.write(tracks, tmp_path / "t.txt", numbers=[0, -1])
    assert [line.split(",")[7] for line in (tmp_path / "t.txt").read_text().splitlines()] == ["0", "-1"]


def test_positions_in_meters_are_not_classes(tmp_path: Path) -> None:
    tracks = read(tmp_path, "1,1,0,0,5,5,1,-3.18,16.3,0.4\n1,2,0,0,5,5,1,3,16.3,0.4\n")
    assert tracks.class_id.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,1,0,0,5", "5 columns, but at least 6"),
        ("1,1,0,0,5,five", "not a number"),
        ("1,1,0,0,5,nan", "not a finite number"),
        ("0,1,0,0,5,5", "frames are whole numbers from 1"),
        ("1.5,1,0,0,5,5", "frames are whole numbers from 1"),
        ("1,-1,0,0,5,5", "ids of tracks are whole numbers from 0"),
        ("1,0.5,0,0,5,5", "ids of tracks are whole numbers from 0"),
        ("1,9,0,0,5,5", "object 9 appears twice in frame 1"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"gt\.txt, line 2: .*" + message):
        read(tmp_path, f"1,9,0,0,5,5\n{line}\n")


def test_a_binary_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="a binary file"):
        mot.read(tmp_path / "gt.txt")


def test_all_scored_rows_of_mot15_are_read(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("mot15/*/gt.txt")):
        rows = np.loadtxt(path, delimiter=",", usecols=(0, 6))
        tracks = mot.read(path)
        assert len(tracks) == (rows[:, 1] != 0).sum(), path
        assert tracks.frame.min() == rows[rows[:, 1] != 0, 0].min() - 1, path
