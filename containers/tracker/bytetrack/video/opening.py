"""Opening video files that are not trusted, with a clear error message for each way to be invalid."""

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

# Playlist formats (hls, concat, dash, …) are missing: with them, an uploaded file could refer to other files and URLs.
CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,dv,gif,h264,hevc,m4v,mjpeg"
MAX_SIDE_PIXELS = 16384


@contextmanager
def open_video(source: Path | BytesIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file, or one in memory, and find its video stream.

    Raises:
        ValueError: If it is not a video that can be decoded. The message is written for users.
    """
    name = f"“{source.name}”" if isinstance(source, Path) else "The video"
    with _open_container(source, name) as container:
        # The cover picture of a song is stored as a video stream as well.
        streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not streams:
            _check_mp4_index(source, name)
            raise ValueError(f"{name} contains {'only sound, ' if container.streams.audio else ''}no video.")
        stream = streams[0]
        if stream.codec_context is None:
            raise ValueError(f"{name} uses a codec that cannot be decoded here. Convert it to MP4 with H.264.")
        width, height = stream.codec_context.width, stream.codec_context.height
        if max(width, height) > MAX_SIDE_PIXELS:
            raise ValueError(
                f"{name} has {width}x{height} pixels, but at most {MAX_SIDE_PIXELS} per side can be processed. "
                "Scale it down."
            )
        stream.thread_type = "AUTO"
        yield container, stream


def _open_container(source: Path | BytesIO, name: str) -> InputContainer:
    if isinstance(source, Path):
        if not source.is_file():
            raise ValueError(f"{name} does not exist or is not a file: {source}")
        if source.stat().st_size == 0:
            raise ValueError(f"{name} is empty (0 bytes). Copy it again.")
    # FFmpeg would take a relative path such as concat:… for a URL.
    file = os.path.abspath(source) if isinstance(source, Path) else source
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(file, "r", options=options, metadata_errors="replace")
    except PermissionError as error:
        raise ValueError(f"{name} cannot be read by this user. Change its permissions.") from error
    except (av.FFmpegError, OSError) as error:
        _check_mp4_index(source, name)
        raise ValueError(f"{name} is not a video that can be read. Convert it to MP4 with H.264.") from error


def _check_mp4_index(source: Path | BytesIO, name: str) -> None:
    """Raise ValueError for an MP4 file without its complete index, the `moov` box.

    An MP4 file is a sequence of boxes, each with its size and type in front.
    """
    box_types: set[bytes] = set()
    with source.open("rb") if isinstance(source, Path) else BytesIO(source.getbuffer()) as file:
        file_size = file.seek(0, SEEK_END)
        start = 0
        while start + 8 <= file_size:
            file.seek(start)
            length, box_type = int.from_bytes(file.read(4)), file.read(4)
            if length == 1:  # the length follows as a 64-bit number
                length = int.from_bytes(file.read(8))
            if length < 8 or start + length > file_size:
                break
            box_types.add(box_type)
            start += length
    if b"ftyp" in box_types and b"moov" not in box_types:
        raise ValueError(
            f"{name} is incomplete: its index (moov) is missing. It was probably not copied completely, so copy it "
            "again."
        )
