"""Add videos, cut them into clips, extract frames, and read single frames."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from backend.errors import UserError
from backend.jobs.results import ClipsResult, FramesResult, VideoResult
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.workspace import Workspace
from backend.workspace.paths import THUMBNAIL, UPLOADS_FOLDER
from backend.workspace.records import Video, check_name, name_from
from bytetrack import video as video_files
from bytetrack.files import atomic_path, write_atomically

MAX_CLIPS = 1000
THUMBNAIL_WIDTH = 320  # pixels


def add(workspace: Workspace, progress: Progress, *, source: str, name: str = "") -> VideoResult:
    """Add a video.

    Args:
        workspace: Workspace that gets the video.
        progress: Called with the progress.
        source: Path of the video file, which is used in place and never deleted, unless it lies in the workspace's
            uploads, from where it is moved. An address of the chosen platform (`s3://…`) is downloaded.
        name: Name of the video; derived from the file's if empty.

    Raises:
        UserError: If it is not a video that can be read.
    """
    if "://" in source:
        progress, download = part(progress, 0.9, 1), part(progress, 0, 0.9)
        path = _download(workspace, source, download)
    else:
        path = Path(source).expanduser().resolve()
    progress(0.1, f"reading {path.name}")
    video = _video_record(path, check_name(name) if name.strip() else _video_name(path))
    is_upload = path.is_relative_to(workspace.root / UPLOADS_FOLDER)
    if is_upload:
        video.path = str(workspace.folder(video) / path.name)
    with _removed_on_error(workspace, [video]):
        workspace.add(video)
        if is_upload:  # last, so that an earlier error does not delete the upload
            shutil.move(path, video.path)
    print(f"{video.name}: {video.width}x{video.height}, {video.frames} frames, {video.fps:g} frames/s", flush=True)
    progress(1, "added")
    return {"video": video.id}


def cut(
    workspace: Workspace,
    progress: Progress,
    *,
    video: str,
    every_frames: int | None = None,
    every_seconds: float | None = None,
) -> ClipsResult:
    """Cut a video into clips of equal length, named `<video>_0`, `<video>_1`, …, without sound.

    Frame `f` of clip `k` is frame `k * length + f` of the video. The last clip may be shorter.

    Args:
        workspace: Workspace of the video.
        progress: Called with the progress.
        video: Id or name of the video.
        every_frames: Length of a clip in frames.
        every_seconds: Length of a clip in seconds, in place of `every_frames`.

    Raises:
        UserError: If the video is not longer than a clip, or would make more than `MAX_CLIPS` clips.
    """
    whole = workspace.get(Video, video)
    length = _clip_length(whole, every_frames, every_seconds)
    clips: list[Video] = []
    with _removed_on_error(workspace, clips), _user_errors():
        frames = video_files.read_frames(whole.path)
        while (first := next(frames, None)) is not None:
            name = f"{whole.name}_{len(clips)}"
            clip = Video(
                name=name,
                path="",
                width=whole.width,
                height=whole.height,
                fps=whole.fps,
                frames=0,
                seconds=0,
                codec="h264",
                size=0,
                parent=whole.id,
                start=len(clips) * length,
            )
            clips.append(clip)
            clip.path = str(workspace.folder(clip) / f"{name}.mp4")
            with video_files.VideoWriter(clip.path, whole.fps, (first.shape[1], first.shape[0])) as writer:
                writer.write(first)
                for frame in islice(frames, length - 1):
                    writer.write(frame)
                    progress((clip.start + writer.frames) / max(whole.frames, 1), f"clip {len(clips)}")
            info = video_files.probe(clip.path)
            clip.width, clip.height, clip.frames = info.width, info.height, info.frames
            clip.seconds, clip.size = info.seconds, info.size
        for clip in clips:
            workspace.add(clip)
            print(f"{clip.name}: {clip.frames} frames from frame {clip.start}", flush=True)
    progress(1, f"{len(clips)} clips")
    return {"videos": [clip.id for clip in clips]}


def extract(workspace: Workspace, progress: Progress, *, video: str, every: int) -> FramesResult:
    """Write every `every`-th frame of a video as a JPEG to an archive in the video's folder.

    Raises:
        UserError: If `every` is below 1, or the video cannot be read.
    """
    if every < 1:
        raise UserError(f"The step between frames must be at least 1, not {every}.")
    record = workspace.get(Video, video)
    target = workspace.folder(record) / f"{_video_name(Path(record.name + '.zip'))} every {every}.zip"
    count = 0
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for number, picture in jpegs(record, every):
            archive.writestr(f"{record.name}/frame_{number:06d}.jpg", picture)
            count += 1
            progress(min(1, number / max(record.frames, 1)), f"frame {number}")
    print(f"{count} frames in {target.name}", flush=True)
    return {"video": record.id, "zip": str(target), "frames": count}


def jpegs(video: Video, every: int) -> Iterator[tuple[int, bytes]]:
    """Yield every `every`-th frame as a JPEG file, with its number."""
    with _user_errors():
        for position, picture in enumerate(video_files.read_frames(video.path, step=every)):
            yield position * every, _jpeg(picture, 95)


def thumbnail(workspace: Workspace, video: Video) -> Path:
    """Return a small JPEG of the frame at a third of the video, which is written if it does not exist."""
    path = workspace.folder(video) / THUMBNAIL
    if not path.exists():
        picture = frame(workspace, video, video.frames // 3)
        height = max(1, round(picture.shape[0] * THUMBNAIL_WIDTH / picture.shape[1]))
        write_atomically(path, _jpeg(cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA), 85))
    return path


def frame(workspace: Workspace, video: Video, number: int) -> NDArray[np.uint8]:
    """Read one frame as BGR, `(H, W, 3)` uint8.

    Raises:
        UserError: If the video has no such frame, or its file is missing.
    """
    with _user_errors():
        picture = next(video_files.read_frames(video.path, number, number + 1), None)
    if picture is None:
        raise UserError(f"“{video.name}” has no frame {number}: it has {video.frames}, counted from 0.")
    return picture


def _video_record(path: Path, name: str) -> Video:
    with _user_errors():
        info = video_files.probe(path)
    return Video(
        name=name,
        path=str(path),
        width=info.width,
        height=info.height,
        fps=info.fps,
        frames=info.frames,
        seconds=info.seconds,
        codec=info.codec,
        size=info.size,
        variable_rate=info.variable_rate,
        rotation=info.rotation,
    )


def _video_name(path: Path) -> str:
    """Return the file's name without its suffix, with unsupported characters replaced."""
    return name_from(path.stem, "video")


def _download(workspace: Workspace, address: str, progress: Progress) -> Path:
    """Download a file to the workspace's uploads."""
    target = workspace.root / UPLOADS_FOLDER / secrets.token_hex(4) / (PurePosixPath(address).name or "video")
    platform_of(workspace).files.download(address, target, progress)
    return target


def _clip_length(video: Video, every_frames: int | None, every_seconds: float | None) -> int:
    """Return the number of frames per clip."""
    if every_frames is not None and every_seconds is None:
        frames_per_clip: float = every_frames
    elif every_seconds is not None and every_frames is None:
        frames_per_clip = every_seconds * video.fps
    else:
        raise UserError("Give the length of a clip, either in frames or in seconds.")
    length = max(1, round(frames_per_clip))
    if frames_per_clip <= 0:
        raise UserError("The length of a clip must be above 0.")
    if length >= video.frames:
        raise UserError(
            f"“{video.name}” has only {video.frames} frames, so it cannot be cut into clips of {length} frames."
        )
    if video.frames / length > MAX_CLIPS:
        raise UserError(f"This would cut “{video.name}” into more than {MAX_CLIPS} clips. Choose longer ones.")
    return length


def _jpeg(picture: MatLike, quality: int) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@contextmanager
def _user_errors() -> Iterator[None]:
    """Turn the errors of `bytetrack.video` about a file into errors for the user."""
    try:
        yield
    except ValueError as error:
        raise UserError(str(error)) from error


@contextmanager
def _removed_on_error(workspace: Workspace, new_videos: list[Video]) -> Iterator[None]:
    """Remove all new videos and their files if the block fails."""
    try:
        yield
    except BaseException:
        for video in new_videos:
            workspace.remove(video)
        raise
