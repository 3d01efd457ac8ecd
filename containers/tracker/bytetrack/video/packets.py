"""The packets of a video: what can be read about its frames without decoding them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from bytetrack.arrays import BoolArray, IntArray
from bytetrack.video.opening import open_video

NO_TIME_STAMP = np.iinfo(np.int64).min
# Containers that say reliably at which frames decoding can start, and that can seek there. MPEG streams cannot.
INDEXED_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"}


def read_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    """Yield the packets from the first keyframe to the end of the file, or to where a damaged file is cut off.

    Packets before the first keyframe are skipped, because they cannot be decoded.
    """
    started = False
    try:
        for packet in container.demux(stream):
            started = started or packet.is_keyframe
            if started and packet.size and not packet.is_corrupt:  # the last packet is empty, a flush packet
                yield packet
    except av.FFmpegError:
        return


@dataclass(frozen=True)
class VideoIndex:
    """The frames of a video in storage order. With B-frames it differs from the order in which they are shown.

    Attributes:
        pts: `(N,)` int64, presentation time stamps in units of the time base; `NO_TIME_STAMP` for missing ones.
        dts: `(N,)` int64, decoding time stamps, likewise.
        is_keyframe: `(N,)` bool, whether decoding can start at the frame.
        time_base: Unit of the time stamps in seconds.
        trimmed: Whether the file also contains frames that are decoded but not shown.
        indexed: Whether `is_keyframe` is reliable, and the container can seek to the keyframes.
    """

    pts: IntArray
    dts: IntArray
    is_keyframe: BoolArray
    time_base: float
    trimmed: bool
    indexed: bool

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.pts)

    def time_stamps(self) -> IntArray | None:
        """Return the `(N,)` int64 time stamps in presentation order; None if some are missing or not unique."""
        time_stamps = np.sort(self.pts)
        is_valid = len(time_stamps) and time_stamps[0] != NO_TIME_STAMP and (np.diff(time_stamps) > 0).all()
        return time_stamps if is_valid else None

    def frame_rate(self) -> float | None:
        """Return the average number of frames per second; None if the time stamps do not give it."""
        time_stamps = self.time_stamps()
        if time_stamps is None or len(time_stamps) < 2:
            return None
        return (len(time_stamps) - 1) / (float(time_stamps[-1] - time_stamps[0]) * self.time_base)

    def has_variable_rate(self) -> bool:
        """Return whether the time between frames varies by more than a quarter of its median.

        A difference of one unit does not count, because time stamps are rounded to the time base.
        """
        time_stamps = self.time_stamps()
        if time_stamps is None or len(time_stamps) < 3:
            return False
        gaps = np.diff(time_stamps)
        return bool(np.abs(gaps - np.median(gaps)).max() > max(1, np.median(gaps) / 4))

    def group_lengths(self) -> list[int] | None:
        """Return the number of frames from each keyframe to the next.

        Returns:
            The lengths; None if these groups of frames cannot be decoded independently.
        """
        if self.trimmed or not self.indexed or self.time_stamps() is None:
            return None
        if (self.dts == NO_TIME_STAMP).any() or (np.diff(self.dts) <= 0).any():
            return None
        starts = np.flatnonzero(self.is_keyframe)
        # A frame that is stored after a keyframe but shown before it may depend on the group before.
        earliest_later_pts = np.minimum.accumulate(self.pts[::-1])[::-1]
        if (earliest_later_pts[starts] != self.pts[starts]).any():
            return None
        lengths: list[int] = np.diff(np.append(starts, self.frames)).tolist()
        return lengths

    def keyframe_before(self, frame: int) -> int | None:
        """Return the time stamp of the last keyframe that is not shown after `frame`; None if it cannot be sought."""
        time_stamps = self.time_stamps()
        if time_stamps is None or not self.indexed or frame >= len(time_stamps):
            return None
        keyframes = self.pts[self.is_keyframe]
        keyframes = keyframes[keyframes <= time_stamps[frame]]
        return int(keyframes.max()) if len(keyframes) else None

    def keyframe_numbers(self) -> IntArray:
        """Return the `(K,)` int64 numbers of the frames at which decoding can start, ascending; none if unknown."""
        time_stamps = self.time_stamps()
        if time_stamps is None or not self.indexed:
            return np.zeros(0, np.int64)
        return np.searchsorted(time_stamps, np.sort(self.pts[self.is_keyframe])).astype(np.int64)


def read_index(path: Path) -> VideoIndex:
    """Read the index of a video, which takes one pass through the file. The last ones are cached.

    Raises:
        ValueError: If it is not a video.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"“{path.name}” cannot be read: {error.strerror}.") from error
    return _read_index(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read_index(path: Path, modified_ns: int, size_bytes: int) -> VideoIndex:
    """Read the index. The time of modification and the size make the cache notice that a file has changed."""
    pts, dts, is_keyframe, trimmed = [], [], [], False
    with open_video(path) as (container, stream):
        # VP8 has packets of frames that are never shown, only referred to. A bit in the packet tells them apart.
        shown_bit = 0x10 if stream.codec_context.codec.canonical_name == "vp8" else 0
        for packet in read_packets(container, stream):
            if packet.is_discard or (shown_bit and not bytes(packet)[0] & shown_bit):
                trimmed = True
                continue
            pts.append(NO_TIME_STAMP if packet.pts is None else packet.pts)
            dts.append(NO_TIME_STAMP if packet.dts is None else packet.dts)
            is_keyframe.append(packet.is_keyframe)
        return VideoIndex(
            pts=np.array(pts, np.int64),
            dts=np.array(dts, np.int64),
            is_keyframe=np.array(is_keyframe, bool),
            time_base=float(stream.time_base or 1),
            trimmed=trimmed,
            indexed=container.format.name in INDEXED_CONTAINERS,
        )
