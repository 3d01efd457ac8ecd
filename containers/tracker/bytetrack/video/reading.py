"""What a video is, and its frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from bytetrack.video.opening import opened
from bytetrack.video.packets import index_of, packets


@dataclass(frozen=True)
class VideoInfo:
    width: int  # pixels, as displayed
    height: int
    fps: float  # on average
    frames: int
    seconds: float
    codec: str
    variable_rate: bool
    rotation: int  # degrees counter-clockwise, already applied to width and height
    size: int  # bytes


def probe(path: Path | str) -> VideoInfo:
    """What a video is: reads the whole file, but decodes only its first frame.

    `frames` is the number that `read_frames` gives, unless the file is damaged in the middle.

    Raises:
        ValueError: with a sentence for people, if it is not a video that can be read.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        first = next(decoded(container, stream), None)
        if first is None:
            raise ValueError(_no_frames(path.name))
        height, width = bgr(first).shape[:2]
        codec = stream.codec_context.codec.canonical_name
        claimed_rate = stream.average_rate or stream.guessed_rate or 25
    index = index_of(path)
    fps = index.rate() or float(claimed_rate)
    return VideoInfo(
        width=width,
        height=height,
        fps=round(fps, 3),
        frames=index.frames,
        seconds=index.frames / fps,
        codec=codec,
        variable_rate=index.variable_rate(),
        rotation=first.rotation % 360,
        size=path.stat().st_size,
    )


def read_frames(path: Path | str, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
    """Frames `start`, `start + step`, … before `stop`, each decoded when it is asked for.

    Decoding begins at the keyframe before `start` where the file's time stamps allow it, else at the beginning. A file
    that is damaged in the middle ends with the last frame before the damage.

    Raises:
        ValueError: like `probe`.
    """
    path = Path(path)
    number = None
    for number, frame in _numbered(path, start):
        if stop is not None and number >= stop:
            break
        if number >= start and (number - start) % step == 0:
            yield bgr(frame)
    if number is None and start == 0:
        raise ValueError(_no_frames(path.name))


def seconds_of_frames(path: Path | str) -> np.ndarray | None:
    """`(N,)` float64: when each frame is shown, counted from the first; None where time stamps are missing or equal.

    Raises:
        ValueError: like `probe`.
    """
    index = index_of(Path(path))
    times = index.times()
    return None if times is None else (times - times[0]) * index.time_base


def decode(body: bytes) -> Iterator[np.ndarray]:
    """The frames of a video file in memory.

    Raises:
        ValueError: like `probe`.
    """
    empty = True
    with opened(BytesIO(body)) as (container, stream):
        for frame in decoded(container, stream):
            empty = False
            yield bgr(frame)
    if empty:
        raise ValueError("The video has no frames that can be read.")


def _no_frames(name: str) -> str:
    return f"“{name}” has no frames that can be read. It may be damaged: copy it again."


def _numbered(path: Path, start: int) -> Iterator[tuple[int, VideoFrame]]:
    """Numbered frames as decoded, the first of them `start` or some frame before it."""
    index = index_of(path)
    key, times = index.key_before(start) if start > 0 else None, index.times()
    if key is not None and times is not None:
        with opened(path) as (container, stream):
            container.seek(key, stream=stream)
            reached = False
            for frame in decoded(container, stream):
                number = int(np.searchsorted(times, frame.pts)) if frame.pts is not None else len(times)
                reached = reached or number <= start
                if not reached:
                    break  # the container seeks to somewhere else than asked
                yield number, frame
        if reached:
            return
    with opened(path) as (container, stream):
        yield from enumerate(decoded(container, stream))


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in the order of showing, all of the first one's size, up to the end or to where the file is damaged."""
    size = None
    for packet in packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            if size:
                break
            continue  # a recording cut at its beginning starts with packets that refer to what is missing
        for frame in frames:
            size = size or (frame.width, frame.height)
            yield frame if (frame.width, frame.height) == size else frame.reformat(*size)
    try:
        yield from stream.decode(None)  # those that it still holds back
    except av.FFmpegError:
        return


def bgr(frame: VideoFrame) -> np.ndarray:
    """A decoded frame as `(H, W, 3)` uint8 BGR, turned the way it is shown."""
    picture = frame.to_ndarray(format="bgr24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
