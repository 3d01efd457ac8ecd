"""Tracks as files that other programs read: MOTChallenge text, CSV, JSON."""

from __future__ import annotations

import csv
from pathlib import Path

from backend.errors import UserError
from backend.records import Labels, Run, Video
from backend.workspace import Workspace
from bytetrack import mot
from bytetrack.files import atomic_path
from bytetrack.tracks import Tracks

FILES = {"mot": "tracks.txt", "csv": "tracks.csv", "json": "tracks.json"}
COLUMNS = ["frame", "seconds", "id", "class", "score", "left", "top", "right", "bottom"]


def export(workspace: Workspace, record: Run | Labels, format: str) -> Path:
    """The file with a run's tracks or with labels, made when first asked for.

    Args:
        format: a key of `FILES`: MOTChallenge counts frames from 1, the others from 0.

    Raises:
        UserError: if the format is unknown or the record has no tracks.
    """
    if format not in FILES:
        raise UserError(f"“{format}” is not a format for tracks. Choose one of {', '.join(FILES)}.")
    folder = workspace.folder(record)
    path, source = folder / FILES[format], folder / FILES["json"]
    if not source.exists():
        raise UserError(f"“{record.name}” has no tracks.")
    if not path.exists():
        tracks = Tracks.load(source)
        if format == "mot":
            mot.write(tracks, path)
        else:
            write_csv(tracks, path, workspace.get(Video, record.video).fps)
    return path


def write_csv(tracks: Tracks, path: Path, fps: float) -> None:
    """One row per box with a header: frames from 0, seconds from the video's beginning, corners in pixels."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in tracks.rows():
            seconds = round(row["frame"] / fps, 3) if fps else ""
            writer.writerow(
                [row["frame"], seconds, row["id"], tracks.classes[row["class_id"]], row["score"], *row["xyxy"]]
            )
