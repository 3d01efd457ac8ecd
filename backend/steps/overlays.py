"""Copies of a video with tracks drawn on it."""

from __future__ import annotations

from pathlib import Path

from backend.errors import UserError
from backend.jobs.results import DrawingResult
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY, TRACKS_JSON
from backend.workspace.records import Labels, Run, Video
from bytetrack.tracks import Tracks


def make(workspace: Workspace, progress: Progress, *, of: str) -> DrawingResult:
    """Draw the boxes of labels or of a run on their video.

    Args:
        workspace: Workspace of the record.
        progress: Called with the progress.
        of: Id or name of the `Labels` or the `Run`.

    Raises:
        UserError: If the video cannot be read.
    """
    record = workspace.find(Labels, of) or workspace.get(Run, of)
    source, folder = workspace.get(Video, record.video), workspace.folder(record)
    try:
        draw(source, Tracks.load(folder / TRACKS_JSON), folder / OVERLAY, progress)
    except ValueError as error:
        raise UserError(str(error)) from error
    return {"of": of}


def draw(source: Video, tracks: Tracks, target: Path, progress: Progress) -> None:
    """Write the video with the tracks drawn on it as H.264."""
    from bytetrack.video.overlay import write_overlay  # takes seconds to import, which only drawing should cost

    def report(frames: int) -> None:
        progress(frames / source.frames, "drawing the tracks")

    write_overlay(Path(source.path), tracks, target, report)
