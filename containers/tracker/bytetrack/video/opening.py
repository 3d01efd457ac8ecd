"""Opening video files that are not trusted, with a sentence for each way in which they are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

# Playlists (hls, concat, dash, …) would let an uploaded file name other files and addresses.
CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,dv,gif,h264,hevc,m4v,mjpeg"
MAX_SIDE = 16384  # pixels


@contextmanager
def opened(source: Path | BytesIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video file, or one in memory, with its video stream.

    Raises:
        ValueError: with a sentence for people, if it is not a video that can be decoded.
    """
    name = f"“{source.name}”" if isinstance(source, Path) else "The video"
    with _container(source, name) as container:
        # A cover picture of a song is a video stream, too.
        streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not streams:
            _check_index(source, name)
            raise ValueError(f"{name} holds {'only sound, ' if container.streams.audio else ''}no video.")
        stream = streams[0]
        if stream.codec_context is None:
            raise ValueError(f"{name} uses a codec that cannot be decoded here. Convert it to MP4 with H.264.")
        width, height = stream.codec_context.width, stream.codec_context.height
        if max(width, height) > MAX_SIDE:
            raise ValueError(
                f"{name} has {width}x{height} pixels; at most {MAX_SIDE} on a side can be processed. Make it smaller."
            )
        stream.thread_type = "AUTO"
        yield container, stream


def _container(source: Path | BytesIO, name: str) -> InputContainer:
    if isinstance(source, Path):
        if not source.is_file():
            raise ValueError(f"{name} is not there (any more), or is not a file: {source}")
        if source.stat().st_size == 0:
            raise ValueError(f"{name} is empty (0 bytes). Copy it again.")
    # An absolute path cannot be taken for an address like concat:….
    file = os.path.abspath(source) if isinstance(source, Path) else source
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(file, "r", options=options, metadata_errors="replace")
    except PermissionError as error:
        raise ValueError(f"{name} may not be read by this user. Change its permissions.") from error
    except (av.FFmpegError, OSError) as error:
        _check_index(source, name)
        raise ValueError(f"{name} is not a video that can be read. Convert it to MP4 with H.264.") from error


def _check_index(source: Path | BytesIO, name: str) -> None:
    """Raises for an MP4 file, a row of boxes with size and type, whose `moov` box is not there or not whole."""
    boxes: set[bytes] = set()
    with source.open("rb") if isinstance(source, Path) else BytesIO(source.getbuffer()) as file:
        size = file.seek(0, SEEK_END)
        start = 0
        while start + 8 <= size:
            file.seek(start)
            length, kind = int.from_bytes(file.read(4)), file.read(4)
            if length == 1:  # the real length follows in 64 bits
                length = int.from_bytes(file.read(8))
            if length < 8 or start + length > size:
                break
            boxes.add(kind)
            start += length
    if b"ftyp" in boxes and b"moov" not in boxes:
        raise ValueError(
            f"{name} is cut off: its index (moov) is missing, so it was probably not copied completely. Copy it again."
        )
