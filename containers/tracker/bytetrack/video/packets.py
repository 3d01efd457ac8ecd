"""The packets of a video, one per frame: what can be known of its frames without decoding them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from bytetrack.video.opening import opened

NO_TIME = np.iinfo(np.int64).min
# They say for sure at which frames decoding can start, and can go there. MPEG streams cannot.
INDEXED_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"}


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """From the first keyframe on, without which a decoder gives nothing, to the end or to where the file is cut off."""
    started = False
    try:
        for packet in container.demux(stream):
            started = started or packet.is_keyframe
            if started and packet.size and not packet.is_corrupt:  # the last, empty one is a signal to the decoder
                yield packet
    except av.FFmpegError:
        return


@dataclass(frozen=True)
class Index:
    """The frames of a video in the order in which they are stored, which B-frames make another than that of showing.

    Attributes:
        pts: `(N,)` int64, when each is shown, in units of the stream's time base; `NO_TIME` where the file doesn't say.
        dts: `(N,)` int64, when each is decoded, likewise.
        key: `(N,)` bool, whether decoding can start there.
        time_base: seconds.
        trimmed: whether the file also holds frames that are decoded but not shown.
        indexed: whether `key` can be relied on and sought.
    """

    pts: np.ndarray
    dts: np.ndarray
    key: np.ndarray
    time_base: float
    trimmed: bool
    indexed: bool

    @property
    def frames(self) -> int:
        return len(self.pts)

    def times(self) -> np.ndarray | None:
        """`(N,)` int64 time stamps in the order of showing: that of frame n at n. None if not told or not unique."""
        times = np.sort(self.pts)
        return times if len(times) and times[0] != NO_TIME and (np.diff(times) > 0).all() else None

    def rate(self) -> float | None:
        """Frames per second on average, where time stamps tell."""
        times = self.times()
        if times is None or len(times) < 2:
            return None
        return (len(times) - 1) / (float(times[-1] - times[0]) * self.time_base)

    def variable_rate(self) -> bool:
        """Whether the time between frames varies by more than a quarter, time stamps being rounded to the time base."""
        times = self.times()
        if times is None or len(times) < 3:
            return False
        gaps = np.diff(times)
        return bool(np.abs(gaps - np.median(gaps)).max() > max(1, np.median(gaps) / 4))

    def groups(self) -> list[int] | None:
        """Lengths of the groups of frames from keyframe to keyframe; None if they cannot be decoded each on its own."""
        if self.trimmed or not self.indexed or self.times() is None:
            return None
        if (self.dts == NO_TIME).any() or (np.diff(self.dts) <= 0).any():
            return None
        starts = np.flatnonzero(self.key)
        # A frame that is stored after a keyframe but shown before it may need the group before.
        earliest_from = np.minimum.accumulate(self.pts[::-1])[::-1]
        if (earliest_from[starts] != self.pts[starts]).any():
            return None
        return np.diff(np.append(starts, self.frames)).tolist()

    def key_before(self, frame: int) -> int | None:
        """The time stamp of the last keyframe that is shown no later than `frame`; None if that cannot be sought."""
        times = self.times()
        if times is None or not self.indexed or frame >= len(times):
            return None
        keys = self.pts[self.key]
        keys = keys[keys <= times[frame]]
        return int(keys.max()) if len(keys) else None


def index_of(path: Path) -> Index:
    """Reads the file once through; asked again for the same file, it remembers.

    Raises:
        ValueError: if it is not a video.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise ValueError(f"“{path.name}” cannot be read: {error.strerror}.") from error
    return _index_of(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _index_of(path: Path, modified: int, size: int) -> Index:
    pts, dts, key, trimmed = [], [], [], False
    with opened(path) as (container, stream):
        # VP8 stores pictures that are only referred to in packets of their own; a bit says so.
        shown_bit = 0x10 if stream.codec_context.codec.canonical_name == "vp8" else 0
        for packet in packets(container, stream):
            if packet.is_discard or (shown_bit and not bytes(packet)[0] & shown_bit):
                trimmed = True
                continue
            pts.append(NO_TIME if packet.pts is None else packet.pts)
            dts.append(NO_TIME if packet.dts is None else packet.dts)
            key.append(packet.is_keyframe)
        return Index(
            pts=np.array(pts, np.int64),
            dts=np.array(dts, np.int64),
            key=np.array(key, bool),
            time_base=float(stream.time_base or 1),
            trimmed=trimmed,
            indexed=container.format.name in INDEXED_CONTAINERS,
        )
