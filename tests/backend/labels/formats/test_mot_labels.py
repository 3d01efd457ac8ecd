from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.formats import mot
from bytetrack import mot as mot_text
from bytetrack.tracks import Tracks


@settings(max_examples=30, deadline=None)
@given(tracks())
def test_round_trip(table: Tracks) -> None:
    with TemporaryDirectory() as folder:
        mot_text.write(table, Path(folder) / "site.txt")
        (sequence,) = mot.read(Path(folder) / "site.txt", list(CLASSES))
    assert same_boxes(sequence.tracks, table)
    assert sequence.name == "site"


def test_a_sequence_folder_is_read_with_its_seqinfo(tmp_path: Path) -> None:
    (tmp_path / "S" / "gt").mkdir(parents=True)
    (tmp_path / "S" / "gt" / "gt.txt").write_text("1,1,5,5,10,10,1,1,1\n2,1,6,5,10,10,1,1,1\n2,2,6,5,10,10,0,8,1\n")
    (tmp_path / "S" / "seqinfo.ini").write_text("[Sequence]\nname=MOT17-02\nseqLength=3\nimWidth=64\nimHeight=48\n")
    (sequence,) = mot.read(tmp_path)
    assert (sequence.name, sequence.frames, sequence.size) == ("MOT17-02", 3, (64, 48))
    assert sequence.tracks.frame.tolist() == [0, 1]
    assert sequence.tracks.classes == ("person",)
    assert sequence.labeled_frames == [0, 1, 2]


def test_rows_with_score_zero_are_dropped_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,1,1\n1,2,6,5,10,10,0,7,1\n2,1,6,5,10,10,0,1,1\n")
    (sequence,) = mot.read(path, ["person"])
    assert len(sequence.tracks) == 1 and any("2 rows with score 0 dropped" in note for note in sequence.notes)
    path.write_text("1,1,5,5,10,10,1,1,1\n2,1,6,5,10,10,1,1,1\n")
    assert mot.read(path)[0].notes == []


def test_class_names_are_given_or_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,1,1\n1,2,6,5,10,10,1,3,1\n")
    assert mot.read(path)[0].tracks.classes == ("class 1", "class 3")
    (tmp_path / "labels.txt").write_text("dog\ncat\ncow\n")
    assert mot.read(path)[0].tracks.classes == ("dog", "cow")
    assert mot.read(path, ["a", "b", "c"])[0].tracks.classes == ("a", "b", "c")


def test_class_ids_may_count_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("".join(f"1,{k + 1},{10 * k},5,10,10,1,{k},1\n" for k in range(3)))
    (sequence,) = mot.read(path, ["person", "car", "bike"])
    assert [sequence.tracks.classes[k] for k in sequence.tracks.class_id] == ["person", "car", "bike"]
    assert "counts from 0: 0 is “person”" in " ".join(sequence.notes)
    (sequence,) = mot.read(path)
    assert [sequence.tracks.classes[k] for k in sequence.tracks.class_id] == ["class 0", "class 1", "class 2"]
    assert "import again with their names" in " ".join(sequence.notes)
    with pytest.raises(UserError, match="has class 2, but only 2 names are given"):
        mot.read(path, ["person", "car"])
    path.write_text("1,1,5,5,10,10,1,0,1\n")  # a single class does not tell which names match
    assert mot.read(path)[0].tracks.classes == ("class 0",)


def test_class_zero_of_rows_with_score_zero_does_not_shift_the_names(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"  # as in VisDrone, where class 0 is a region to ignore
    path.write_text("1,1,5,5,10,10,0,0,0\n1,2,6,5,10,10,1,1,0\n1,3,6,5,10,10,1,4,0\n")
    assert mot.read(path)[0].tracks.classes == ("class 1", "class 4")
    (sequence,) = mot.read(path, ["pedestrian", "people", "bicycle", "car"])
    assert [sequence.tracks.classes[k] for k in sequence.tracks.class_id] == ["pedestrian", "car"]


@pytest.mark.parametrize("names", [None, ["person", "car", "bike"]])
def test_boxes_without_a_class_get_a_class_of_their_own(tmp_path: Path, names: list[str] | None) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,-1,1\n1,2,6,5,10,10,1,1,1\n1,3,7,5,10,10,1,2,1\n")
    (sequence,) = mot.read(path, names)
    box_classes = [sequence.tracks.classes[k] for k in sequence.tracks.class_id]
    assert box_classes == ["no class", *(names or ["class 1", "class 2"])[:2]]
    assert "1 box has no class (-1 in the class column)" in sequence.notes[0]


def test_boxes_with_track_id_minus_one_are_detections(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"  # as CVAT exports shapes together with tracks
    path.write_text("1,4,5,5,10,10,1,1,1\n1,-1,20,5,10,10,1,1,1\n1,-1,30,5,10,10,1,1,1\n2,4,6,5,10,10,1,1,1\n")
    (sequence,) = mot.read(path)
    assert sequence.tracks.id.tolist() == [4, 5, 6, 4]
    assert sequence.tracks.xyxy[:, 0].tolist() == [5, 20, 30, 6]
    assert sequence.notes[0].startswith("2 boxes have no track ID")
    path.write_text("1,-2,20,5,10,10,1,1,1\n")
    with pytest.raises(UserError, match="line 1: id -2"):
        mot.read(path)


def test_unlabeled_frames_between_regular_ones_are_not_taken_for_empty(tmp_path: Path) -> None:
    path = tmp_path / "site.txt"
    path.write_text("".join(f"{frame},1,5,5,10,10,1,1,1\n" for frame in range(1, 21, 2)))
    (sequence,) = mot.read(path)
    assert sequence.labeled_frames == list(range(0, 20, 2))
    assert "2 frames apart" in sequence.notes[0]


def test_missing_and_invalid_values_of_seqinfo_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("1,1,5,5,10,10,1,1,1\n")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nseqLength=x\nframeRate=12.5\nimWidth=64\n")
    (sequence,) = mot.read(tmp_path)
    assert (sequence.frames, sequence.fps, sequence.size) == (None, 12.5, None)
    (tmp_path / "seqinfo.ini").write_text("frameRate=12.5\n")
    assert mot.read(tmp_path)[0].fps is None


def test_frames_between_sparse_labels_are_not_taken_for_empty(tmp_path: Path) -> None:
    path = tmp_path / "site.txt"
    path.write_text("".join(f"{frame},1,5,5,10,10,1,1,1\n" for frame in (1, 6, 11)))
    (sequence,) = mot.read(path)
    assert sequence.labeled_frames == [0, 5, 10]
    assert sequence.notes


def test_files_in_another_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(UserError):
        mot.read(tmp_path / "gt.txt")
    (tmp_path / "gt.txt").write_text("1,1,5,five,1,1\n")
    with pytest.raises(UserError, match="line 1"):
        mot.read(tmp_path / "gt.txt")
    with pytest.raises(UserError, match="no gt.txt"):
        (tmp_path / "empty").mkdir()
        mot.read(tmp_path / "empty")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"(-?[0-9]{1,3}(\.[0-9])?,){5,8}[0-9]\n", fullmatch=True))
def test_any_text_is_read_or_refused_with_a_user_error(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gt.txt"
        path.write_bytes(text.encode(errors="surrogatepass"))
        with contextlib.suppress(UserError):
            mot.read(path)
