"""Small pictures over the whole length of a video, among which the user chooses ranges to cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2

from backend.errors import UserError
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.paths import FILMSTRIP_FOLDER
from backend.workspace.records import Video
from bytetrack import video as video_files
from bytetrack.arrays import ImageArray
from bytetrack.files import write_atomically

PICTURES = 40
HEIGHT = 72  # pixels
PREVIEW_HEIGHT = 360  # pixels
JPEG_QUALITY = 80


def numbers(video: Video) -> list[int]:
    """Return the numbers of the frames in the filmstrip of a video.

    Raises:
        UserError: If the video cannot be read.
    """
    try:
        return video_files.sample_frames(video.path, PICTURES)
    except ValueError as error:
        raise UserError(str(error)) from error


def write_pictures(workspace: Workspace, video: Video) -> Iterator[int]:
    """Decode the filmstrip once through the video, and yield the number of each frame whose picture is written.

    Pictures that exist are kept.
    """
    missing = [number for number in numbers(video) if not picture_path(workspace, video, number).exists()]
    for number, frame in video_files.read_frames_at(video.path, missing):
        write_atomically(picture_path(workspace, video, number), _small_jpeg(frame, HEIGHT))
        yield number


def picture_path(workspace: Workspace, video: Video, number: int) -> Path:
    """Return the file of a frame's picture in the filmstrip of a video. It may not exist yet."""
    return workspace.folder(video) / FILMSTRIP_FOLDER / f"{number}.jpg"


def preview(workspace: Workspace, video: Video, number: int) -> bytes:
    """Return a JPEG of a frame, larger than in the filmstrip.

    Raises:
        UserError: If the video has no such frame, or its file is missing.
    """
    return _small_jpeg(videos.frame(workspace, video, number), PREVIEW_HEIGHT)


def _small_jpeg(frame: ImageArray, height: int) -> bytes:
    """Return a frame as JPEG, at most `height` pixels high."""
    scale = min(1.0, height / frame.shape[0])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
