"""Videos of a workspace: add one, cut it into clips, take frames out of it, look at a frame."""

from __future__ import annotations

import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from backend.errors import UserError
from backend.jobs.results import ClipsResult, FramesResult, VideoResult
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.workspace import Workspace
from backend.workspace.paths import THUMBNAIL, UPLOADS_FOLDER
from backend.workspace.records import Video, check_name
from bytetrack import video as files
from bytetrack.files import atomic_path, write_atomically

MAX_CLIPS = 1000
THUMBNAIL_WIDTH = 320  # pixels


def add(workspace: Workspace, progress: Progress, *, source: str, name: str = "") -> VideoResult:
    """Take a video in: {"video": id}.

    A file in the workspace's `uploads/` moves into the video's folder; any other stays where it is, is never copied and
    never deleted. One that the chosen platform has (`s3://…`) is downloaded.

    Raises:
        UserError: if it is not a video that can be read.
    """
    if "://" in source:
        progress, download = part(progress, 0.9, 1), part(progress, 0, 0.9)
        path = _downloaded(workspace, source, download)
    else:
        path = Path(source).expanduser().resolve()
    progress(0.1, f"looking at {path.name}")
    video = _record(path, check_name(name) if name.strip() else _name_of(path))
    uploaded = path.is_relative_to(workspace.root / UPLOADS_FOLDER)
    if uploaded:
        video.path = str(workspace.folder(video) / path.name)
    with _undone_on_error(workspace, [video]):
        workspace.add(video)
        if uploaded:  # last, so that an error before it cannot take the upload along
            shutil.move(path, video.path)
    print(f"{video.name}: {video.width}x{video.height}, {video.frames} frames, {video.fps:g} a second", flush=True)
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
    """Cut a video into clips of equal length, named `<video>_0`, `<video>_1`, …: {"videos": [ids]}.

    Frame `f` of clip `k` is frame `k * length + f` of the video; the last clip may be shorter. Sound is left out.

    Raises:
        UserError: if the length makes no sense for this video.
    """
    whole = workspace.get(Video, video)
    length = _clip_length(whole, every_frames, every_seconds)
    clips: list[Video] = []
    with _undone_on_error(workspace, clips), _sentences():
        frames = files.read_frames(whole.path)
        while (head := next(frames, None)) is not None:
            name = f"{whole.name}_{len(clips)}"
            clip = Video(
                name=name, path="", width=whole.width, height=whole.height, fps=whole.fps, frames=0, seconds=0,
                codec="h264", size=0, parent=whole.id, start=len(clips) * length,
            )  # fmt: skip
            clips.append(clip)
            clip.path = str(workspace.folder(clip) / f"{name}.mp4")
            with files.VideoWriter(clip.path, whole.fps, (head.shape[1], head.shape[0])) as writer:
                writer.write(head)
                for frame in islice(frames, length - 1):
                    writer.write(frame)
                    progress((clip.start + writer.frames) / max(whole.frames, 1), f"clip {len(clips)}")
            info = files.probe(clip.path)
            clip.width, clip.height, clip.frames = info.width, info.height, info.frames
            clip.seconds, clip.size = info.seconds, info.size
        for clip in clips:
            workspace.add(clip)
            print(f"{clip.name}: {clip.frames} frames from frame {clip.start}", flush=True)
    progress(1, f"{len(clips)} clips")
    return {"videos": [clip.id for clip in clips]}


def extract(workspace: Workspace, progress: Progress, *, video: str, every: int) -> FramesResult:
    """Every `every`-th frame as a JPEG in a zip in the video's folder: {"video": id, "zip": path, "frames": number}."""
    if every < 1:
        raise UserError(f"Every {every}th frame cannot be taken: give a whole number from 1.")
    record = workspace.get(Video, video)
    target = workspace.folder(record) / f"{_name_of(Path(record.name + '.zip'))} every {every}.zip"
    count = 0
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for number, picture in jpegs(record, every):
            archive.writestr(f"{record.name}/frame_{number:06d}.jpg", picture)
            count += 1
            progress(min(1, number / max(record.frames, 1)), f"frame {number}")
    print(f"{count} frames in {target.name}", flush=True)
    return {"video": record.id, "zip": str(target), "frames": count}


def jpegs(video: Video, every: int) -> Iterator[tuple[int, bytes]]:
    """Every `every`-th frame with its number, as a JPEG file's bytes."""
    with _sentences():
        for count, picture in enumerate(files.read_frames(video.path, step=every)):
            yield count * every, _jpeg(picture, 95)


def thumbnail(workspace: Workspace, video: Video) -> Path:
    """A small JPEG of a frame from a third into the video, made when first asked for."""
    path = workspace.folder(video) / THUMBNAIL
    if not path.exists():
        picture = frame(workspace, video, video.frames // 3)
        height = max(1, round(picture.shape[0] * THUMBNAIL_WIDTH / picture.shape[1]))
        write_atomically(path, _jpeg(cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA), 85))
    return path


def frame(workspace: Workspace, video: Video, number: int) -> np.ndarray:
    """Frame `number` as `(H, W, 3)` uint8 BGR.

    Raises:
        UserError: if the video has no such frame, or its file is gone.
    """
    with _sentences():
        picture = next(files.read_frames(video.path, number, number + 1), None)
    if picture is None:
        raise UserError(f"“{video.name}” has no frame {number}: it has {video.frames}, counted from 0.")
    return picture


def _record(path: Path, name: str) -> Video:
    with _sentences():
        info = files.probe(path)
    return Video(
        name=name, path=str(path), width=info.width, height=info.height, fps=info.fps, frames=info.frames,
        seconds=info.seconds, codec=info.codec, size=info.size,
        variable_rate=info.variable_rate, rotation=info.rotation,
    )  # fmt: skip


def _name_of(path: Path) -> str:
    """The file's name without its suffix, as a record may be called."""
    return re.sub(r"[^A-Za-z0-9 ._()-]", "_", path.stem).lstrip(" ._()-")[:80].strip() or "video"


def _downloaded(workspace: Workspace, address: str, progress: Progress) -> Path:
    """The file at the address, in the workspace's `uploads/`."""
    target = workspace.root / UPLOADS_FOLDER / secrets.token_hex(4) / (PurePosixPath(address).name or "video")
    platform_of(workspace).files.download(address, target, progress)
    return target


def _clip_length(video: Video, every_frames: int | None, every_seconds: float | None) -> int:
    """Frames per clip."""
    if every_frames is not None and every_seconds is None:
        wanted: float = every_frames
    elif every_seconds is not None and every_frames is None:
        wanted = every_seconds * video.fps
    else:
        raise UserError("Say how long each clip is to be: either in frames or in seconds.")
    length = max(1, round(wanted))
    if wanted <= 0:
        raise UserError("A clip must be longer than nothing: give a number above 0.")
    if length >= video.frames:
        raise UserError(f"“{video.name}” has only {video.frames} frames: clips of {length} would not divide it.")
    if video.frames / length > MAX_CLIPS:
        raise UserError(f"That would make more than {MAX_CLIPS} clips of “{video.name}”. Choose longer ones.")
    return length


def _jpeg(picture: np.ndarray, quality: int) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@contextmanager
def _sentences() -> Iterator[None]:
    """What `bytetrack.video` finds wrong with a file is for the person who gave it."""
    try:
        yield
    except ValueError as error:
        raise UserError(str(error)) from error


@contextmanager
def _undone_on_error(workspace: Workspace, made: list[Video]) -> Iterator[None]:
    """All of the videos made in the block, or none of them and no files left."""
    try:
        yield
    except BaseException:
        for video in made:
            workspace.remove(video)
        raise
