from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.formats import coco
from bytetrack.tracks import Tracks


def write_json(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def one_box(**annotation: object) -> dict:
    """Return a document with one image and one box; `annotation` adds or replaces fields of the box."""
    return {
        "images": [{"id": 7, "file_name": "cam/frame_000004.png", "width": 64, "height": 48}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20], **annotation}],
        "categories": [{"id": 3, "name": "dog"}],
    }


@settings(max_examples=30, deadline=None)
@given(tracks(), tracks())
def test_round_trip(first: Tracks, second: Tracks) -> None:
    parts = [
        coco.AnnotatedVideo(name, table, list(range(40)), (640, 480), lambda frame, name=name: f"{name}_{frame}.jpg")
        for name, table in (("a", first), ("b", second))
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        path.write_bytes(coco.to_bytes(coco.to_document(parts, sorted(CLASSES))))
        sequences = coco.read(path)
    assert [sequence.name for sequence in sequences] == ["a", "b"]
    for sequence, table in zip(sequences, (first, second), strict=True):
        assert same_boxes(sequence.tracks, table)
        assert sequence.tracks.id.tolist() == table.id.tolist()
        assert sequence.size == (640, 480)
        assert sequence.labeled_frames == list(range(40))


@pytest.mark.parametrize("track", [{"track_id": 5}, {"instance_id": 5}, {"attributes": {"track_id": 5}}])
def test_the_track_id_may_be_in_several_fields(tmp_path: Path, track: dict) -> None:
    (sequence,) = coco.read(write_json(tmp_path / "a.json", one_box(**track)))
    assert (sequence.name, sequence.tracks.id.tolist(), sequence.labeled_frames) == ("cam", [5], [4])
    assert not sequence.notes


def test_boxes_without_a_track_id_are_noted(tmp_path: Path) -> None:
    assert "cannot score tracks" in coco.read(write_json(tmp_path / "a.json", one_box()))[0].notes[0]


def test_frame_ids_may_count_from_one(tmp_path: Path) -> None:
    document = one_box(track_id=1)
    document["images"][0]["frame_id"] = 1
    (sequence,) = coco.read(write_json(tmp_path / "a.json", document))
    assert sequence.labeled_frames == [0]
    assert "counted from 1" in sequence.notes[0]


def one_box_per_image(names: list[str], **image: object) -> dict:
    """Return a document with one box in each of these images; `image` adds fields to the images."""
    return {
        "images": [{"id": k, "file_name": name, "width": 64, "height": 48, **image} for k, name in enumerate(names)],
        "annotations": [{"image_id": k, "category_id": 3, "bbox": [k, 2, 10, 20]} for k in range(len(names))],
        "categories": [{"id": 3, "name": "dog"}],
    }


def test_file_names_that_start_with_one_may_count_from_zero(tmp_path: Path) -> None:
    (sequence,) = coco.read(write_json(tmp_path / "a.json", one_box_per_image(["f_001.jpg", "f_002.jpg"])))
    assert (sequence.labeled_frames, sequence.may_lack_first_image) == ([0, 1], True)
    cvat_names = ["frame_000001.PNG", "frame_000002.PNG"]
    (sequence,) = coco.read(write_json(tmp_path / "a.json", one_box_per_image(cvat_names)))
    assert (sequence.labeled_frames, sequence.may_lack_first_image, sequence.notes[1:]) == ([1, 2], False, [])


@pytest.mark.parametrize("hash_", ["4c0d2a9152189eaa", "419n46MAAGhPFkLszP8o", "12345678901234567890"])
@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png"])
def test_the_frame_number_in_a_roboflow_file_name_is_before_the_hash(tmp_path: Path, hash_: str, suffix: str) -> None:
    names = [f"site 2_mp4-{frame:04d}_{suffix}.rf.{hash_}.jpg" for frame in (0, 5, 10)]
    (sequence,) = coco.read(write_json(tmp_path / "_annotations.coco.json", one_box_per_image(names)))
    assert (sequence.name, sequence.labeled_frames) == ("site 2.mp4", [0, 5, 10])
    (sequence,) = coco.read(write_json(tmp_path / "a.json", one_box_per_image([f"img_0007_{suffix}.rf.{hash_}.jpg"])))
    assert (sequence.name, sequence.labeled_frames) == ("a", [7])


def test_two_images_of_the_same_frame_are_refused(tmp_path: Path) -> None:
    names = ["a_mp4-0001_jpg.rf.x1.jpg", "a_mp4-0002_jpg.rf.x2.jpg", "a_mp4-0001_jpg.rf.x3.jpg"]
    with pytest.raises(
        UserError, match=r"“a_mp4-0001_jpg\.rf\.x1\.jpg” and “a_mp4-0001_jpg\.rf\.x3\.jpg” .* frame 1\."
    ):
        coco.read(write_json(tmp_path / "a.json", one_box_per_image(names)))
    for names, image in ((["f_0001_320x240.jpg", "f_0002_320x240.jpg"], {}), (["a.jpg", "b.jpg"], {"frame_id": 4})):
        with pytest.raises(UserError, match="are both frame"):
            coco.read(write_json(tmp_path / "a.json", one_box_per_image(names, **image)))


def test_all_files_of_an_export_are_read_together(tmp_path: Path) -> None:
    parts = [["a_mp4-0000_jpg.rf.x.jpg", "b_mp4-0003_jpg.rf.x.jpg"], ["a_mp4-0001_jpg.rf.x.jpg"]]
    files = [write_json(tmp_path / f"{k}.json", one_box_per_image(names)) for k, names in enumerate(parts)]
    first, second = coco.read(*files)
    assert (first.name, first.labeled_frames, first.tracks.frame.tolist()) == ("a.mp4", [0, 1], [0, 1])
    assert (second.name, second.labeled_frames) == ("b.mp4", [3])
    with pytest.raises(UserError, match="are both frame 1"):
        coco.read(*files, files[1])


def test_a_supercategory_without_boxes_is_not_a_class(tmp_path: Path) -> None:
    document = one_box_per_image(["0.jpg", "1.jpg"])
    document["categories"] = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 3, "name": "dog", "supercategory": "animals"},
        {"id": 4, "name": "cat", "supercategory": "animals"},
    ]
    (sequence,) = coco.read(write_json(tmp_path / "a.json", document))
    assert sequence.tracks.classes == ("dog", "cat")  # “cat” is no supercategory, so it stays a class without boxes
    assert "“animals” dropped: it has no boxes" in sequence.notes[0]
    document["annotations"][1]["category_id"] = 0
    (sequence,) = coco.read(write_json(tmp_path / "a.json", document))
    assert sequence.tracks.classes == ("animals", "dog", "cat") and "animals" not in " ".join(sequence.notes)


@pytest.mark.parametrize(
    "track", [{"track_id": -1}, {"track_id": "-1"}, {"attributes": {"track_id": -1}}, {"instance_id": -1}]
)
def test_track_id_minus_one_means_no_track(tmp_path: Path, track: dict) -> None:
    document = one_box(**track)
    document["annotations"] += [
        dict(document["annotations"][0], bbox=[30, 2, 10, 20]),
        *one_box(track_id=5)["annotations"],
    ]
    (sequence,) = coco.read(write_json(tmp_path / "a.json", document))
    assert sequence.tracks.id.tolist() == [5, 6, 7]
    assert sequence.tracks.xyxy[:, 0].tolist() == [1, 1, 30]
    assert sequence.notes == ["2 boxes have no track ID. Such detections can train a detector but cannot score tracks."]


def test_invalid_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not list"):
        coco.read(write_json(tmp_path / "a.json", one_box(image_id=8)))
    with pytest.raises(UserError, match="bbox"):
        coco.read(write_json(tmp_path / "a.json", one_box(bbox=[1, 2, 3])))
    with pytest.raises(UserError, match="images"):
        coco.read(write_json(tmp_path / "a.json", {}))
    document = one_box()
    document["images"][0]["file_name"] = "dog.png"
    with pytest.raises(UserError, match="which frame"):
        coco.read(write_json(tmp_path / "a.json", document))


VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.floats(), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({"id": VALUES}, optional={"frame_id": VALUES, "file_name": VALUES, "width": VALUES}),
    st.fixed_dictionaries({"bbox": VALUES}, optional={"track_id": VALUES, "image_id": VALUES}),
)
def test_unexpected_values_are_read_or_refused_with_a_sentence(image: dict, annotation: dict) -> None:
    document = one_box(**annotation)
    document["images"].append(image)
    document["categories"][0]["supercategory"] = annotation.get("bbox")
    with TemporaryDirectory() as folder:
        try:
            coco.read(write_json(Path(folder) / "a.json", document))
        except UserError as error:
            assert str(error).endswith(".")
