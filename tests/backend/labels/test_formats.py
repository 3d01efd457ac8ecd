"""Registered label formats and their detection. A new format takes one new file."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import UserError
from backend.labels import formats
from backend.labels.label_format import ReadOptions

TOY_FORMAT = """
from backend.labels.label_format import LabelFormat
from backend.labels.label_sequence import LabelSequence
from bytetrack.tracks import Tracks


def detect(path):
    return path if path.suffix == ".toy" else None


def read(path, options):
    name = (options.class_names or ["object"])[0]
    return [LabelSequence(path.stem, Tracks([0], [1], [[0, 0, 5, 5]], [1], [0], (name,)), [0])]


FORMAT = LabelFormat("toy", "Toy", "a `.toy` file.", detect, read, uses_class_names=True)
"""


def test_formats_are_sorted_by_rank() -> None:
    titles = {name: label_format.title for name, label_format in formats.FORMATS.items()}
    assert titles == {"ground_truth": "Ground Truth", "mot": "MOTChallenge", "coco": "COCO", "cvat": "CVAT"}
    assert list(titles) == ["ground_truth", "mot", "coco", "cvat"]


def test_a_new_file_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "toy_format.py").write_text(TOY_FORMAT)
    folder = str(tmp_path / "formats")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, folder])
    monkeypatch.setattr(formats, "FORMATS", formats.find_formats(formats.__path__, formats.__name__))
    assert list(formats.FORMATS) == ["ground_truth", "mot", "coco", "cvat", "toy"]
    labels = tmp_path / "yard.toy"
    labels.touch()
    (sequence,) = formats.detect_format(labels).read(labels, ReadOptions(class_names=["dog"]))
    assert (sequence.name, sequence.tracks.classes) == ("yard", ("dog",))


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["manifests/output/output.manifest"], "ground_truth"),
        (["annotations/consolidated-annotation/output/0/SeqLabel.json"], "ground_truth"),  # of a job that has not ended
        (["gt/gt.txt"], "mot"),
        (["annotations/instances.json"], "coco"),
        (["annotations.xml"], "cvat"),
        (["train/_annotations.coco.json"], "coco"),
        (["gt.txt", "sub/annotations.json"], "mot"),
        (["labels.json", "sub/gt.txt"], "coco"),  # the file in the fewest folders takes precedence
        (["gt.txt", "labels.json"], "mot"),  # then the format of the higher rank
    ],
)
def test_the_format_of_a_folder_is_detected(tmp_path: Path, files: list[str], name: str) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert formats.detect_format(tmp_path).name == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.manifest", "ground_truth"),
        ("a.jsonl", "ground_truth"),
        ("a.TXT", "mot"),
        ("a.csv", "mot"),
        ("a.json", "coco"),
    ],
)
def test_the_format_of_a_file_is_detected(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).touch()
    assert formats.detect_format(tmp_path / file).name == name


def test_files_of_unknown_format_are_refused(tmp_path: Path) -> None:
    for file, message in (
        ("a.docx", "Unknown label format: a.docx. .*MOTChallenge: `gt.txt`"),
        ("SeqLabel.json", "Import its whole output folder"),
    ):
        (tmp_path / file).touch()
        with pytest.raises(UserError, match=message):
            formats.detect_format(tmp_path / file)
    with pytest.raises(UserError, match="Unknown label format: “yolo”. Choose one of ground_truth, mot, coco."):
        formats.get_format("yolo")
