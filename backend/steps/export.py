"""Export tracks in the formats that other programs read."""

from __future__ import annotations

import csv
import math
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.attributes import AttributeDefinition
from backend.labels.box_attributes import AttributeValue, BoxAttributes
from backend.labels.formats import cvat
from backend.labels.formats.ground_truth import writing
from backend.labels.label_store import attributes_of
from backend.steps.videos import frame_seconds
from backend.workspace import Workspace
from backend.workspace.paths import CVAT_XML, GROUND_TRUTH_ZIP, TRACKS_CSV, TRACKS_JSON, TRACKS_MOT
from backend.workspace.records import Labels, Run, Video
from bytetrack import mot
from bytetrack.files import atomic_path
from bytetrack.tracks import Tracks

FILES = {"mot": TRACKS_MOT, "csv": TRACKS_CSV, "json": TRACKS_JSON, "ground_truth": GROUND_TRUTH_ZIP, "cvat": CVAT_XML}
COLUMNS = ["frame", "seconds", "id", "class", "score", "left", "top", "right", "bottom"]


def export(workspace: Workspace, record: Run | Labels, file_format: str) -> Path:
    """Return the file with the boxes of a run or of labels, which is written if it does not exist.

    Args:
        workspace: Workspace of the record.
        record: Run or labels.
        file_format: A key of `FILES`. MOTChallenge counts frames from 1, the other formats from 0.

    Raises:
        UserError: If the format is unknown or the record has no tracks.
    """
    if file_format not in FILES:
        raise UserError(f"“{file_format}” is not a format for tracks. Choose one of {', '.join(FILES)}.")
    folder = workspace.folder(record)
    path, source = folder / FILES[file_format], folder / TRACKS_JSON
    if not source.exists():
        raise UserError(f"“{record.name}” has no tracks.")
    if not path.exists():
        tracks, video = Tracks.load(source), workspace.get(Video, record.video)
        if file_format == "mot":
            mot.write(tracks, path)
        elif file_format == "csv":
            write_csv(tracks, path, frame_seconds(video), box_attributes.load(folder))
        else:
            labeled = record.labeled_frames if isinstance(record, Labels) else list(range(video.frames))
            definitions = attributes_of(record) if isinstance(record, Labels) else []
            attributes = box_attributes.load(folder)
            if file_format == "cvat":
                size = (video.width, video.height)
                cvat.write(path, video.name, size, video.frames, tracks, labeled, attributes, definitions)
            else:
                write_ground_truth(tracks, path, video, labeled, attributes, definitions)
    return path


def write_csv(
    tracks: Tracks, path: Path, seconds: NDArray[np.float64], attributes: BoxAttributes | None = None
) -> None:
    """Write a header and one row per box: frame from 0, seconds from the start of the video, corners in pixels.

    A column for each attribute that occurs follows: “yes” for a checkbox that is set, empty where it has no value.

    Args:
        tracks: Tracks to write.
        path: File to write.
        seconds: When each frame is shown, `(N,)`. The column is empty for NaN and for frames beyond `N`.
        attributes: Attributes of the boxes.
    """
    names = box_attributes.names_of(attributes or {})
    no_values: dict[str, AttributeValue] = {}
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, *names])
        for row in tracks.rows():
            time = float(seconds[row["frame"]]) if row["frame"] < len(seconds) else math.nan
            rounded = "" if math.isnan(time) else round(time, 3)
            values = (attributes or {}).get((row["frame"], row["id"]), no_values)
            texts = ["yes" if values.get(name) is True else values.get(name, "") for name in names]
            writer.writerow(
                [row["frame"], rounded, row["id"], tracks.classes[row["class_id"]], row["score"], *row["xyxy"], *texts]
            )


def write_ground_truth(
    tracks: Tracks,
    path: Path,
    video: Video,
    labeled: Sequence[int],
    attributes: BoxAttributes,
    definitions: Sequence[AttributeDefinition],
) -> None:
    """Write an archive in the format of a Ground Truth job's output, in which boxes are in whole pixels."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "labels"
        writing.write_tracks(folder, video.name, tracks, video.frames, labeled, attributes, definitions)
        with atomic_path(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder.parent))
