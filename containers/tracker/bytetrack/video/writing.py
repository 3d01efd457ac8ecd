"""Writing H.264 videos frame by frame."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from bytetrack.arrays import FloatArray, ImageArray
from bytetrack.files import atomic_path

TIME_BASE = Fraction(1, 90_000)  # seconds; MPEG's unit, of which the usual frame durations are whole multiples


class VideoWriter:
    """Writes an MP4 file that browsers can play. The file appears when the `with` block ends without an error.

    The usual pixel format allows even sizes only, so an odd width or height grows by one pixel at the right or bottom.

    Args:
        path: The file to write.
        fps: Frames per second.
        size: Width and height of the frames in pixels.
        keyint: Maximum number of frames from one keyframe to the next.
        crf: x264's quality, from 0 (lossless) to 51.
        times: `(N,)` float64 seconds at which the frames are shown, ascending from 0. If omitted, they follow `fps`.

    Raises:
        ValueError: If a frame has another size, no frame is written, or more frames than `times`.
    """

    def __init__(
        self,
        path: Path | str,
        fps: float,
        size: tuple[int, int],
        keyint: int = 12,
        crf: int = 20,
        times: FloatArray | None = None,
    ) -> None:
        self.path, self.fps, self.size, self.keyint, self.crf = Path(path), fps, size, keyint, crf
        self.times = times
        self.frames = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._container = stack.enter_context(
                av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            )
            self._stream = self._container.add_stream("libx264", rate=Fraction(self.fps).limit_denominator(1001))
            if self.times is not None:
                self._stream.time_base = self._stream.codec_context.time_base = TIME_BASE
            width, height = self.size
            self._stream.width, self._stream.height = width + width % 2, height + height % 2
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": str(self.crf), "preset": "veryfast", "g": str(self.keyint)}
            # OpenCV's conversion from BGR gives these. Without the declaration, players guess them from the size.
            self._stream.codec_context.color_range = ColorRange.MPEG
            self._stream.codec_context.colorspace = Colorspace.ITU601
            stack.push(self._finish)
            self._closing = stack.pop_all()
        return self

    def write(self, frame: ImageArray) -> None:
        """Append one `(height, width, 3)` uint8 BGR frame."""
        width, height = self.size
        if frame.shape != (height, width, 3):
            raise ValueError(f"frame {self.frames} has shape {frame.shape} in a video of {(height, width, 3)}")
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        # OpenCV's conversion rounds. FFmpeg's truncates, which makes each generation darker.
        yuv = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        if self.times is None:
            picture.pts = self.frames
        else:
            picture.pts, picture.duration = self._time_stamp(self.times)
        self.frames += 1
        self._container.mux(self._stream.encode(picture))

    def _time_stamp(self, times: FloatArray) -> tuple[int, int]:
        """Return the next frame's time and duration in ticks. The last frame lasts as long as the one before it."""
        if self.frames >= len(times):
            raise ValueError(f"frame {self.frames} has no time: there are only {len(times)} times")
        previous, current, following = (
            round(float(times[np.clip(number, 0, len(times) - 1)]) / TIME_BASE)
            for number in (self.frames - 1, self.frames, self.frames + 1)
        )
        return current, (following - current) or (current - previous) or 1

    def _finish(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Write the frames that the encoder has not returned yet, unless the block ends with an error."""
        if error_type is None:
            if not self.frames:
                raise ValueError(f"no frame was written to {self.path.name}")
            self._container.mux(self._stream.encode(None))

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(error_type, error, trace)
