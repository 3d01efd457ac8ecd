"""H.264 files made frame by frame."""

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

from bytetrack.files import atomic_path

TIME_BASE = Fraction(1, 90_000)  # seconds; MPEG's, in which the usual frame rates are whole numbers


class VideoWriter:
    """An MP4 file that browsers play; it is there once the `with` block ends without an error.

    Odd sizes grow by one pixel on the right or at the bottom: the pixel format that all players take has even sizes.

    Args:
        fps: frames per second.
        size: width and height of the frames in pixels.
        keyint: at most this many frames from one keyframe to the next.
        crf: x264's quality, from 0 (lossless) to 51.
        times: `(N,)` seconds at which the frames are shown, ascending from 0; evenly where None.

    Raises:
        ValueError: if a frame has another size, none was written, or more than there are `times`.
    """

    def __init__(
        self,
        path: Path | str,
        fps: float,
        size: tuple[int, int],
        keyint: int = 12,
        crf: int = 20,
        times: np.ndarray | None = None,
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
            # What OpenCV's conversion from BGR gives, said so that players do not guess by size.
            self._stream.codec_context.color_range = ColorRange.MPEG
            self._stream.codec_context.colorspace = Colorspace.ITU601
            stack.push(self._finish)
            self._closing = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one `(height, width, 3)` uint8 BGR frame."""
        width, height = self.size
        if frame.shape != (height, width, 3):
            raise ValueError(f"frame {self.frames} has shape {frame.shape} in a video of {(height, width, 3)}")
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        # OpenCV's conversion rounds; swscale's, cutting off, makes every generation darker.
        yuv = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        if self.times is None:
            picture.pts = self.frames
        else:
            picture.pts, picture.duration = self._ticks(self.times)
        self.frames += 1
        self._container.mux(self._stream.encode(picture))

    def _ticks(self, times: np.ndarray) -> tuple[int, int]:
        """When the frame is shown, and for how long: the last one for as long as the one before it."""
        if self.frames >= len(times):
            raise ValueError(f"frame {self.frames} has no time: there are {len(times)}")
        begin, end = (round(float(times[k]) / TIME_BASE) for k in (self.frames, min(self.frames + 1, len(times) - 1)))
        before = round(float(times[max(0, self.frames - 1)]) / TIME_BASE)
        return begin, (end - begin) or (begin - before) or 1

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            if not self.frames:
                raise ValueError(f"no frame was written to {self.path.name}")
            self._container.mux(self._stream.encode(None))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)
