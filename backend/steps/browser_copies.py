"""H.264 copies of videos that browsers cannot play, with the same frames at the same times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.errors import UserError
from backend.jobs.results import VideoResult
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import BROWSER_COPY
from backend.workspace.records import Video
from bytetrack import video as files

CODECS = ("h264", "vp8", "vp9", "av1")
SUFFIXES = (".mp4", ".m4v", ".mov", ".webm")


def find_playable(workspace: Workspace, video: Video) -> Path | None:
    """Return a file of the video that browsers play and whose frames have distinct times; None if there is none."""
    if (copy := _copy(workspace, video)).exists():
        return copy
    path = Path(video.path)
    is_supported = video.codec.lower() in CODECS and path.suffix.lower() in SUFFIXES
    return path if is_supported and path.exists() and _times(path) is not None else None


def frame_times(path: Path) -> NDArray[np.float64]:
    """Return when each frame is shown, in seconds since the first one, `(N,)`.

    Raises:
        UserError: If the file's time stamps do not say so.
    """
    times = _times(path)
    if times is None:
        raise UserError(f"The frames of “{path.name}” have no distinct times.")
    return times


def make(workspace: Workspace, progress: Progress, *, video: str) -> VideoResult:
    """Make the copy of a video, without sound.

    Raises:
        UserError: If the video cannot be read.
    """
    record = workspace.get(Video, video)
    try:
        times = _times(Path(record.path))
        frames = files.read_frames(record.path)
        first = next(frames)
        size = (first.shape[1], first.shape[0])
        with files.VideoWriter(_copy(workspace, record), record.fps, size, times=times) as writer:
            writer.write(first)
            for frame in frames:
                writer.write(frame)
                progress(min(1.0, writer.frames / max(record.frames, 1)), f"frame {writer.frames}")
    except ValueError as error:
        raise UserError(str(error)) from error
    print(f"copied {writer.frames} frames", flush=True)
    return {"video": record.id}


def _copy(workspace: Workspace, video: Video) -> Path:
    return workspace.folder(video) / BROWSER_COPY


def _times(path: Path) -> NDArray[np.float64] | None:
    try:
        return files.frame_times(path)
    except ValueError as error:
        raise UserError(str(error)) from error
