from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels import coco
from bytetrack.tracks import Tracks


def save(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def plain(**annotation: object) -> dict:
    return {
        "images": [{"id": 7, "file_name": "cam/frame_000004.png", "width": 64, "height": 48}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20], **annotation}],
        "categories": [{"id": 3, "name": "dog"}],
    }


@settings(max_examples=30, deadline=None)
@given(tracks(), tracks())
def test_round_trip(first: Tracks, second: Tracks) -> None:
    parts = [
        coco.Part(name, table, list(range(40)), (640, 480), lambda frame, name=name: f"{name}_{frame}.jpg")
        for name, table in (("a", first), ("b", second))
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        path.write_bytes(coco.to_bytes(coco.document(parts, sorted(CLASSES))))
        sequences = coco.read(path)
    assert [sequence.name for sequence in sequences] == ["a", "b"]
    for sequence, table in zip(sequences, (first, second), strict=True):
        assert same_boxes(sequence.tracks, table)
        assert sequence.tracks.id.tolist() == table.id.tolist()
        assert sequence.size == (640, 480)
        assert sequence.labelled_frames == list(range(40))


@pytest.mark.parametrize("track", [{"track_id": 5}, {"instance_id": 5}, {"attributes": {"track_id": 5}}])
def test_the_ways_to_tell_a_track(tmp_path: Path, track: dict) -> None:
    (sequence,) = coco.read(save(tmp_path / "a.json", plain(**track)))
    assert (sequence.name, sequence.tracks.id.tolist(), sequence.labelled_frames) == ("cam", [5], [4])
    assert not sequence.notes


def test_boxes_without_tracks_are_noted(tmp_path: Path) -> None:
    assert "cannot score tracks" in coco.read(save(tmp_path / "a.json", plain()))[0].notes[0]


def test_frames_from_one(tmp_path: Path) -> None:
    document = plain(track_id=1)
    document["images"][0]["frame_id"] = 1
    (sequence,) = coco.read(save(tmp_path / "a.json", document))
    assert sequence.labelled_frames == [0]
    assert "counted from 1" in sequence.notes[0]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not list"):
        coco.read(save(tmp_path / "a.json", plain(image_id=8)))
    with pytest.raises(UserError, match="bbox"):
        coco.read(save(tmp_path / "a.json", plain(bbox=[1, 2, 3])))
    with pytest.raises(UserError, match="images"):
        coco.read(save(tmp_path / "a.json", {}))
    document = plain()
    document["images"][0]["file_name"] = "dog.png"
    with pytest.raises(UserError, match="which frame"):
        coco.read(save(tmp_path / "a.json", document))


VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.floats(), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({"id": VALUES}, optional={"frame_id": VALUES, "file_name": VALUES, "width": VALUES}),
    st.fixed_dictionaries({"bbox": VALUES}, optional={"track_id": VALUES, "image_id": VALUES}),
)
def test_any_values_are_read_or_refused_with_a_sentence(image: dict, annotation: dict) -> None:
    document = plain(**annotation)
    document["images"].append(image)
    with TemporaryDirectory() as folder:
        try:
            coco.read(save(Path(folder) / "a.json", document))
        except UserError as error:
            assert str(error).endswith(".")
