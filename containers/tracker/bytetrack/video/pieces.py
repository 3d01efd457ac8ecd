"""Cutting a video into small files that each decode on their own, to exactly the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
from av.video.frame import PictureType

from bytetrack.video.opening import open_video
from bytetrack.video.packets import VideoIndex, read_index, read_packets
from bytetrack.video.reading import decode_stream, probe

MAX_COPIED_GROUP_FRAMES = 32  # longest distance between keyframes at which packets are copied
MAX_PIECE_BYTES = 16 << 20  # below the 25 MB that a real-time endpoint accepts
ENCODED_RATE = 25  # nominal frames per second of encoded pieces; their time stamps are not used
COPIED_CODECS = {"h264", "hevc", "mpeg4", "vp9", "mjpeg"}  # codecs that MP4 can contain and PyAV can copy
X264_FORMATS = {
    *("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le"),
}


def pieces(path: Path | str, max_frames: int = 12) -> Iterator[tuple[int, int, bytes]]:
    """Cut a video into MP4 files, in order.

    `decode` gives the same pixels for the pieces as `read_frames` for the whole video. If keyframes are close, whole
    groups of packets are copied: at least one group per piece, and together at most `max_frames` frames. Otherwise
    `max_frames` frames per piece are encoded without loss, or fewer if they take more than `MAX_PIECE_BYTES`.

    Args:
        path: The video.
        max_frames: Maximum number of frames per piece.

    Yields:
        The number of the first frame, the number of frames, and the content of the MP4 file.

    Raises:
        ValueError: If it is not a video that can be read.
    """
    path = Path(path)
    info, index = probe(path), read_index(path)
    groups = index.group_lengths()
    if info.codec in COPIED_CODECS and groups and max(groups) <= MAX_COPIED_GROUP_FRAMES:
        yield from _copied_pieces(path, index, groups, info.rotation, max_frames)
    else:
        yield from _encoded_pieces(path, info.rotation, max_frames)


def _copied_pieces(
    path: Path, index: VideoIndex, groups: list[int], rotation: int, max_frames: int
) -> Iterator[tuple[int, int, bytes]]:
    lengths: list[int] = []
    for group in groups:
        if lengths and lengths[-1] + group <= max_frames:
            lengths[-1] += group
        else:
            lengths.append(group)
    with open_video(path) as (container, stream):
        packets = read_packets(container, stream)
        first = 0
        for length in lengths:
            file = BytesIO()
            with av.open(file, "w", format="mp4") as output:
                target = output.add_stream_from_template(stream)
                target.set_display_rotation(rotation)
                origin = int(index.dts[first])
                for frame, packet in enumerate(islice(packets, length), first):
                    packet.pts, packet.dts = int(index.pts[frame]) - origin, int(index.dts[frame]) - origin
                    packet.stream = target
                    output.mux(packet)
            yield first, length, file.getvalue()
            first += length


def _encoded_pieces(path: Path, rotation: int, max_frames: int) -> Iterator[tuple[int, int, bytes]]:
    with open_video(path) as (container, stream):
        frames = decode_stream(container, stream)
        first, frame = 0, next(frames, None)
        while frame is not None:
            file = BytesIO()
            with av.open(file, "w", format="mp4") as output:
                # x264 does not take every pixel format. Encoding as RGB is without loss as well.
                keeps_format = frame.format.name in X264_FORMATS
                target = output.add_stream("libx264" if keeps_format else "libx264rgb", rate=ENCODED_RATE)
                target.width, target.height = frame.width, frame.height
                target.pix_fmt = frame.format.name if keeps_format else "bgr24"
                target.options = {"qp": "0", "preset": "ultrafast", "tune": "zerolatency"}
                if keeps_format:  # the conversion to BGR depends on these two
                    target.codec_context.color_range = frame.color_range
                    target.codec_context.colorspace = frame.colorspace
                target.set_display_rotation(rotation)
                length = size_bytes = 0
                while frame is not None and length < max_frames and size_bytes < MAX_PIECE_BYTES:
                    picture = frame if keeps_format else frame.reformat(format="bgr24")
                    picture.pts, picture.time_base = length, Fraction(1, ENCODED_RATE)
                    picture.pict_type = PictureType.NONE
                    for packet in target.encode(picture):
                        size_bytes += packet.size
                        output.mux(packet)
                    length, frame = length + 1, next(frames, None)
                output.mux(target.encode(None))
            yield first, length, file.getvalue()
            first += length
