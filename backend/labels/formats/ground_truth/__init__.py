"""SageMaker Ground Truth video object tracking: input of a labeling job, output of one, and labels in its layout."""

from __future__ import annotations

from pathlib import Path

from backend.errors import UserError
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.layout import LABELS_PATH, OUTPUT_MANIFEST
from backend.labels.label_files import find_files
from backend.labels.label_format import LabelFormat, ReadOptions
from backend.labels.label_sequence import LabelSequence


def detect(path: Path) -> Path | None:
    """Return the manifest by which a path is recognized, None if there is none.

    The output folder of a job that is not done has no manifest. It is recognized by its labels, so that `read` can
    say what is missing.

    Raises:
        UserError: If the path is the labels of a single clip, which cannot be read without the manifest.
    """
    if path.is_file():
        if path.name == "SeqLabel.json":
            raise UserError("SeqLabel.json is a part of the output of a labeling job. Import its whole output folder.")
        return path if path.suffix in (".manifest", ".jsonl") else None
    manifests = find_files(path, OUTPUT_MANIFEST)
    if manifests:
        return manifests[0]
    return path / LABELS_PATH if (path / LABELS_PATH).is_dir() else None


def _read(path: Path, options: ReadOptions) -> list[LabelSequence]:
    return reading.read(path)


FORMAT = LabelFormat(
    name="ground_truth",
    title="Ground Truth",
    description="the output folder of a video object tracking job.",
    detect=detect,
    read=_read,
    rank=1,
)
