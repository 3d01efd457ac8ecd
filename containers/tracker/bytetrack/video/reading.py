"""Reading videos: their properties, their frames and the times of the frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from bytetrack.arrays import FloatArray, ImageArray
from bytetrack.video.opening import open_video
from bytetrack.video.packets import read_index, read_packets

ASSUMED_RATE = 25  # frames per second of a video that does not say it


@dataclass(frozen=True)
class VideoInfo:
    """The properties of a video.

    Attributes:
        width: Width in pixels as displayed, after the rotation.
        height: Height in pixels as displayed, after the rotation.
        fps: Average number of frames per second.
        frames: Number of frames that `read_frames` yields, unless the file is damaged in the middle.
        seconds: Length in seconds.
        codec: FFmpeg's name of the codec.
        variable_rate: Whether the time between frames varies.
        rotation: Rotation for display in degrees, counter-clockwise. `width` and `height` include it already.
        size: Size of the file in bytes.
    """

    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    codec: str
    variable_rate: bool
    rotation: int
    size: int


def probe(path: Path | str) -> VideoInfo:
    """Read the properties of a video. The whole file is read, but only the first frame is decoded.

    Raises:
        ValueError: If it is not a video that can be read. The message is written for users.
    """
    path = Path(path)
    with open_video(path) as (container, stream):
        first = next(decode_stream(container, stream), None)
        if first is None:
            raise ValueError(_no_frames_message(path.name))
        height, width = to_bgr(first).shape[:2]
        codec = stream.codec_context.codec.canonical_name
        declared_rate = stream.average_rate or stream.guessed_rate or ASSUMED_RATE
    index = read_index(path)
    fps = index.frame_rate() or float(declared_rate)
    return VideoInfo(
        width=width,
        height=height,
        fps=round(fps, 3),
        frames=index.frames,
        seconds=index.frames / fps,
        codec=codec,
        variable_rate=index.has_variable_rate(),
        rotation=first.rotation % 360,
        size=path.stat().st_size,
    )


def read_frames(path: Path | str, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[ImageArray]:
    """Yield the frames `start`, `start + step`, … before `stop`, each decoded when it is asked for.

    Decoding starts at the keyframe before `start` if the time stamps of the file allow it, otherwise at the beginning.
    A file that is damaged in the middle ends with the last frame before the damage.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    path = Path(path)
    number = None
    for number, frame in _numbered_frames(path, start):
        if stop is not None and number >= stop:
            break
        if number >= start and (number - start) % step == 0:
            yield to_bgr(frame)
    if number is None and start == 0:
        raise ValueError(_no_frames_message(path.name))


def read_frames_at(path: Path | str, numbers: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
    """Yield single frames with their numbers. Decoding skips to the next keyframe wherever that leaves frames out.

    Args:
        path: The video.
        numbers: Numbers of the frames, ascending. The iterator ends at the first one that the video does not have.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    path = Path(path)
    keyframes = read_index(path).keyframe_numbers()
    decoded: Iterator[tuple[int, VideoFrame]] | None = None
    position = -1
    for number in numbers:
        before = int(np.searchsorted(keyframes, number, side="right")) - 1
        can_skip = before >= 0 and keyframes[before] > position + 1
        if decoded is None or can_skip:
            decoded = _numbered_frames(path, number)
        reached = next((numbered for numbered in decoded if numbered[0] >= number), None)
        if reached is None:
            return
        position, frame = reached
        yield number, to_bgr(frame)


def sample_frames(path: Path | str, count: int) -> list[int]:
    """Return the numbers of frames spread over the whole video, as an overview.

    The video is divided into `count` stretches of equal length. Of each, the keyframe nearest to its middle is taken,
    because it is decoded without others; the middle itself if the stretch has no keyframe.

    Args:
        path: The video.
        count: Number of frames; fewer if the video is shorter.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    index = read_index(Path(path))
    keyframes = index.keyframe_numbers()
    edges = np.linspace(0, index.frames, min(count, index.frames) + 1)
    numbers = []
    for first, end in zip(edges, edges[1:]):
        middle = int((first + end) / 2)
        within = keyframes[(keyframes >= first) & (keyframes < end)]
        numbers.append(int(within[np.abs(within - middle).argmin()]) if len(within) else middle)
    return numbers


def frame_times(path: Path | str) -> FloatArray | None:
    """Return the time at which each frame is shown.

    Returns:
        `(N,)` float64 seconds since the first frame; None if time stamps are missing or not unique.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    index = read_index(Path(path))
    time_stamps = index.time_stamps()
    return None if time_stamps is None else (time_stamps - time_stamps[0]) * index.time_base


def decode(body: bytes) -> Iterator[ImageArray]:
    """Yield the frames of a video file in memory.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    is_empty = True
    with open_video(BytesIO(body)) as (container, stream):
        for frame in decode_stream(container, stream):
            is_empty = False
            yield to_bgr(frame)
    if is_empty:
        raise ValueError("The video has no frames that can be read.")


def _no_frames_message(name: str) -> str:
    return f"“{name}” has no frames that can be read. It may be damaged: copy it again."


def _numbered_frames(path: Path, start: int) -> Iterator[tuple[int, VideoFrame]]:
    """Yield frames with their numbers, beginning with `start` or a frame before it."""
    index = read_index(path)
    keyframe, time_stamps = index.keyframe_before(start) if start > 0 else None, index.time_stamps()
    if keyframe is not None and time_stamps is not None:
        with open_video(path) as (container, stream):
            container.seek(keyframe, stream=stream)
            reached = False
            for frame in decode_stream(container, stream):
                number = int(np.searchsorted(time_stamps, frame.pts)) if frame.pts is not None else len(time_stamps)
                reached = reached or number <= start
                if not reached:
                    break  # some containers seek to a later frame than asked
                yield number, frame
        if reached:
            return
    with open_video(path) as (container, stream):
        yield from enumerate(decode_stream(container, stream))


def decode_stream(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield the frames in presentation order up to the end, or to where the file is damaged.

    If the size of the frames changes within the video, all are scaled to the size of the first one.
    """
    size = None
    for packet in read_packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            if size:
                break
            continue  # the first packets of a recording that was cut at its beginning refer to missing frames
        for frame in frames:
            size = size or (frame.width, frame.height)
            yield frame if (frame.width, frame.height) == size else frame.reformat(*size)
    try:
        yield from stream.decode(None)  # the frames that the decoder has not returned yet
    except av.FFmpegError:
        return


def to_bgr(frame: VideoFrame) -> ImageArray:
    """Convert a decoded frame to a `(H, W, 3)` uint8 BGR array, rotated for display."""
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
