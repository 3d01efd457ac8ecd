"""A copy to watch, of a video that browsers do not play: the same frames at the same times, as H.264."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
    """The file for a browser: the copy where there is one, else the video itself where browsers play it, else None.

    Its time stamps tell its frames apart.
    """
    if (copy := _copy(workspace, video)).exists():
        return copy
    path = Path(video.path)
    known = video.codec.lower() in CODECS and path.suffix.lower() in SUFFIXES
    return path if known and path.exists() and _times(path) is not None else None


def frame_times(path: Path) -> np.ndarray:
    """`(N,)` float64: when each frame is shown, counted from the first one, in seconds.

    Raises:
        UserError: if the file does not tell.
    """
    times = _times(path)
    if times is None:
        raise UserError(f"“{path.name}” does not tell when its frames are shown.")
    return times


def make(workspace: Workspace, progress: Progress, *, video: str) -> VideoResult:
    """Make the copy: {"video": id}. Sound is left out.

    Raises:
        UserError: if the video cannot be read.
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
    print(f"{writer.frames} frames to watch", flush=True)
    return {"video": record.id}


def _copy(workspace: Workspace, video: Video) -> Path:
    return workspace.folder(video) / BROWSER_COPY


def _times(path: Path) -> np.ndarray | None:
    try:
        return files.frame_times(path)
    except ValueError as error:
        raise UserError(str(error)) from error
