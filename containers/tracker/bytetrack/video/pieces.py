"""A video in small files that each decode on their own to the very same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
from av.video.frame import PictureType

from bytetrack.video.opening import opened
from bytetrack.video.packets import Index, index_of, packets
from bytetrack.video.reading import decoded, probe

LONGEST_COPIED_GROUP = 32  # frames from one keyframe to the next
MAX_BYTES = 16 << 20  # a real-time endpoint takes 25 MB
COPIED_CODECS = {"h264", "hevc", "mpeg4", "vp9", "mjpeg"}  # those that MP4 holds and PyAV can copy
X264_FORMATS = {
    *("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le"),
}


def pieces(path: Path | str, max_frames: int = 12) -> Iterator[tuple[int, int, bytes]]:
    """(first frame, number of frames, MP4 file) for each piece, in order.

    `decode` gives for a piece the very pixels that `read_frames` gives for its frames. Where keyframes are close,
    packets are copied as they are: whole groups, at least one, together up to `max_frames`. Elsewhere `max_frames`
    frames, fewer if they grow beyond `MAX_BYTES`, are encoded again without loss.

    Raises:
        ValueError: like `probe`.
    """
    path = Path(path)
    info, index = probe(path), index_of(path)
    groups = index.groups()
    if info.codec in COPIED_CODECS and groups and max(groups) <= LONGEST_COPIED_GROUP:
        yield from _copied(path, index, groups, info.rotation, max_frames)
    else:
        yield from _encoded(path, info.rotation, max_frames)


def _copied(
    path: Path, index: Index, groups: list[int], rotation: int, max_frames: int
) -> Iterator[tuple[int, int, bytes]]:
    lengths: list[int] = []
    for group in groups:
        if lengths and lengths[-1] + group <= max_frames:
            lengths[-1] += group
        else:
            lengths.append(group)
    with opened(path) as (container, stream):
        source = packets(container, stream)
        first = 0
        for length in lengths:
            file = BytesIO()
            with av.open(file, "w", format="mp4") as out:
                target = out.add_stream_from_template(stream)
                target.set_display_rotation(rotation)
                origin = int(index.dts[first])
                for at, packet in enumerate(islice(source, length), first):
                    packet.pts, packet.dts = int(index.pts[at]) - origin, int(index.dts[at]) - origin
                    packet.stream = target
                    out.mux(packet)
            yield first, length, file.getvalue()
            first += length


def _encoded(path: Path, rotation: int, max_frames: int) -> Iterator[tuple[int, int, bytes]]:
    with opened(path) as (container, stream):
        frames = decoded(container, stream)
        first, frame = 0, next(frames, None)
        while frame is not None:
            file = BytesIO()
            with av.open(file, "w", format="mp4") as out:
                # RGB, too, is without loss where x264 has not the video's own format.
                kept = frame.format.name in X264_FORMATS
                target = out.add_stream("libx264" if kept else "libx264rgb", rate=25)
                target.width, target.height = frame.width, frame.height
                target.pix_fmt = frame.format.name if kept else "bgr24"
                target.options = {"qp": "0", "preset": "ultrafast", "tune": "zerolatency"}
                if kept:  # what the conversion to BGR depends on
                    target.codec_context.color_range = frame.color_range
                    target.codec_context.colorspace = frame.colorspace
                target.set_display_rotation(rotation)
                length = size = 0
                while frame is not None and length < max_frames and size < MAX_BYTES:
                    picture = frame if kept else frame.reformat(format="bgr24")
                    picture.pts, picture.time_base = length, Fraction(1, 25)
                    picture.pict_type = PictureType.NONE
                    for packet in target.encode(picture):
                        size += packet.size
                        out.mux(packet)
                    length, frame = length + 1, next(frames, None)
                out.mux(target.encode(None))
            yield first, length, file.getvalue()
            first += length
