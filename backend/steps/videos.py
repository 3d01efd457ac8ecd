"""Add videos, cut them into clips, extract frames, and read single frames."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal, NotRequired, TypedDict

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from backend.errors import UserError
from backend.jobs.results import ClipsResult, FramesResult, VideoResult
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.wording import count
from backend.workspace import Workspace
from backend.workspace.paths import THUMBNAIL, UPLOADS_FOLDER
from backend.workspace.records import Video, check_name, name_from
from bytetrack import video as video_files
from bytetrack.files import atomic_path, write_atomically

MAX_CLIPS = 1000
THUMBNAIL_WIDTH = 320  # pixels
TIME_TOLERANCE_SECONDS = 1e-4  # so that a time that is rounded to milliseconds or less belongs to its frame


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


class ClipRange(TypedDict):
    """A range of frames to cut out of a video."""

    first: int  # number of the first frame
    last: int  # number of the last frame, which is part of the clip
    name: NotRequired[str]  # of the clip; by default `<video>_<first>-<last>`


def cut(
    workspace: Workspace,
    progress: Progress,
    *,
    video: str,
    every_frames: int | None = None,
    every_seconds: float | None = None,
    ranges: list[ClipRange] | None = None,
) -> ClipsResult:
    """Cut a video into clips without sound: ranges of frames, or pieces of equal length `<video>_0`, `<video>_1`, ….

    Frame `f` of a clip is frame `start + f` of the video; piece `k` of equal length starts at frame `k * length`, and
    last one may be shorter. Clips of a video with a variable frame rate keep the times of its frames.

    Args:
        workspace: Workspace of the video.
        progress: Called with the progress.
        video: Id or name of the video.
        every_frames: Length of a piece in frames.
        every_seconds: Length of a piece in seconds, in place of `every_frames`.
        ranges: Ranges of frames, in place of a length. They may overlap.

    Raises:
        UserError: If the video is not longer than a piece, lacks a frame of a range, or would make more than
            `MAX_CLIPS` clips.
    """
    whole = workspace.get(Video, video)
    if ranges is None:
        length = _clip_length(whole, every_frames, every_seconds)
        starts = range(0, whole.frames, length)
        ranges = [{"first": first, "last": min(first + length, whole.frames) - 1} for first in starts]
        names = [f"{whole.name}_{number}" for number in range(len(ranges))]
        clips = [_new_clip(whole, name, first) for name, first in zip(names, starts)]
    else:
        if every_frames is not None or every_seconds is not None:
            raise UserError("Give either ranges or the length of a clip, not both.")
        names = [_check_range(whole, chosen) for chosen in ranges]
        clips = [_new_clip(whole, name, chosen["first"], is_range=True) for name, chosen in zip(names, ranges)]
        if not 0 < len(clips) <= MAX_CLIPS:
            raise UserError(f"Choose between 1 and {MAX_CLIPS} ranges.")
    lengths = [chosen["last"] - chosen["first"] + 1 for chosen in ranges]
    with _removed_on_error(workspace, clips), _user_errors():
        times = video_files.frame_times(whole.path) if whole.variable_rate else None
        shared_frames = video_files.read_frames(whole.path)  # of pieces, which follow one another
        written = 0
        for clip, length in zip(clips, lengths):
            stop = clip.start + length
            frames = video_files.read_frames(whole.path, clip.start, stop) if clip.is_range else shared_frames
            share = part(progress, written / sum(lengths), (written + length) / sum(lengths))
            clip_times = None if times is None else times[clip.start : stop] - times[clip.start]
            _write_clip(workspace, share, clip, islice(frames, length), length, clip_times)
            if clip.frames < length and clip.is_range:
                raise UserError(
                    f"“{whole.name}” cannot be read beyond frame {clip.start + clip.frames - 1}: its file is damaged. "
                    "Copy it again, or choose an earlier range."
                )
            written += length
        cut_clips = [clip for clip in clips if clip.frames]  # a file that is damaged in the middle ends early
        for clip in cut_clips:
            workspace.add(clip)
            print(f"{clip.name}: {clip.frames} frames from frame {clip.start}", flush=True)
    progress(1, f"{len(cut_clips)} clips")
    return {"videos": [clip.id for clip in cut_clips]}


def range_of(video: Video, start: str, end: str) -> ClipRange:
    """Return the range of frames from `start` to `end` in words of the user.

    Args:
        video: Video that the range belongs to.
        start: Number of the first frame, such as `100`, or a time in seconds, such as `4.5s`.
        end: Number of the last frame, or a time: frames that begin before it are part of the range. The end of the
            video if empty.

    Raises:
        UserError: If one is neither, or no frame lies between them.
    """
    times = frame_seconds(video)

    def number(text: str, side: Literal["first", "last"]) -> int:
        text = text.strip().lower()
        try:
            if not text.endswith("s"):
                return int(text)
            seconds = float(text.removesuffix("s"))
        except ValueError as error:
            raise UserError(f"“{text}” is neither a frame number, such as 100, nor a time, such as 4.5s.") from error
        first_after = int(np.searchsorted(times, seconds - TIME_TOLERANCE_SECONDS))
        return first_after if side == "first" else first_after - 1

    first = number(start, "first")
    last = number(end, "last") if end.strip() else video.frames - 1
    if last < first:
        raise UserError(f"No frame of “{video.name}” lies between {start} and {end}: the end must be after the start.")
    return {"first": first, "last": last}


def frame_seconds(video: Video) -> NDArray[np.float64]:
    """Return when each frame is shown, in seconds, `(N,)`; evenly spaced if the file is gone or has no times."""
    try:
        times = video_files.frame_times(video.path)
    except ValueError:
        times = None
    return np.arange(video.frames) / (video.fps or np.nan) if times is None else times


def _check_range(video: Video, chosen: ClipRange) -> str:
    """Check that the video has the frames of a range; return the name of its clip."""
    first, last = chosen["first"], chosen["last"]
    if not 0 <= first <= last < video.frames:
        raise UserError(
            f"“{video.name}” has no frames {first} to {last}: it has {count(video.frames, 'frame')}, the last is "
            f"{video.frames - 1}."
        )
    name = chosen.get("name", "").strip()
    return check_name(name) if name else name_from(f"{video.name}_{first}-{last}")


def _new_clip(whole: Video, name: str, start: int, *, is_range: bool = False) -> Video:
    return Video(
        name=name,
        path="",
        width=whole.width,
        height=whole.height,
        fps=whole.fps,
        frames=0,
        seconds=0,
        codec="h264",
        size=0,
        variable_rate=whole.variable_rate,
        parent=whole.id,
        start=start,
        is_range=is_range,
    )


def _write_clip(
    workspace: Workspace,
    progress: Progress,
    clip: Video,
    frames: Iterator[NDArray[np.uint8]],
    length: int,
    times: NDArray[np.float64] | None,
) -> None:
    """Write the file of a clip, and complete its record. No-op if there is no frame.

    Args:
        workspace: Workspace of the clip.
        progress: Receives the share of the clip that is written.
        clip: Record of the clip.
        frames: Its frames.
        length: Expected number of frames.
        times: When the frames are shown, `(N,)` in seconds; evenly spaced if None.
    """
    first = next(frames, None)
    if first is None:
        return
    clip.path = str(workspace.folder(clip) / f"{clip.name}.mp4")
    with video_files.VideoWriter(clip.path, clip.fps, (first.shape[1], first.shape[0]), times=times) as writer:
        writer.write(first)
        for frame in frames:
            writer.write(frame)
            progress(writer.frames / length, clip.name)
    info = video_files.probe(clip.path)
    clip.width, clip.height, clip.frames = info.width, info.height, info.frames
    clip.seconds, clip.size, clip.variable_rate = info.seconds, info.size, info.variable_rate
    if info.variable_rate:
        clip.fps = info.fps


def extract(workspace: Workspace, progress: Progress, *, video: str, every: int) -> FramesResult:
    """Write every `every`-th frame of a video as a JPEG to an archive in the video's folder.

    Raises:
        UserError: If `every` is below 1, or the video cannot be read.
    """
    if every < 1:
        raise UserError(f"The step between frames must be at least 1, not {every}.")
    record = workspace.get(Video, video)
    target = workspace.folder(record) / f"{_video_name(Path(record.name + '.zip'))} every {every}.zip"
    written = 0
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for number, picture in jpegs(record, every):
            archive.writestr(f"{record.name}/frame_{number:06d}.jpg", picture)
            written += 1
            progress(min(1, number / max(record.frames, 1)), f"frame {number}")
    print(f"{written} frames in {target.name}", flush=True)
    return {"video": record.id, "zip": str(target), "frames": written}


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
