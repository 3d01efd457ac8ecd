"""Tracks drawn on a video: a box, a label such as “#3 person” and a trail for each, in the color of the track.

Importing this module takes seconds, because it imports supervision and Matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import supervision as sv

from bytetrack.arrays import ImageArray
from bytetrack.tracks import Tracks
from bytetrack.video.palette import track_color
from bytetrack.video.reading import frame_times, probe, read_frames
from bytetrack.video.writing import VideoWriter

TRAIL_SECONDS = 3


def write_overlay(source: Path, tracks: Tracks, target: Path, on_frame: Callable[[int], None] | None = None) -> None:
    """Write the video with its tracks drawn on it as H.264. Every frame keeps its time stamp.

    Args:
        source: The video.
        tracks: Tracks of the video.
        target: The MP4 file to write.
        on_frame: Called after each frame with the number of frames written so far.

    Raises:
        ValueError: If the video cannot be read.
    """
    info = probe(source)
    size = info.width, info.height
    overlay = Overlay(tracks.classes, size, info.fps)
    with VideoWriter(target, info.fps, size, times=frame_times(source)) as writer:
        for number, frame in enumerate(read_frames(source)):
            writer.write(overlay.draw(frame, tracks.at(number)))
            if on_frame:
                on_frame(number + 1)


class Overlay:
    """Draws tracks on the frames of one video, which have to come in order: trails show the frames drawn before.

    Args:
        classes: Names of the classes.
        size: Width and height of the frames in pixels. Lines and letters grow with it.
        fps: Frames per second.
    """

    def __init__(self, classes: Sequence[str], size: tuple[int, int], fps: float = 25) -> None:
        self.classes = list(classes)
        palette, by_track = _TrackPalette([]), sv.ColorLookup.TRACK
        line = max(2, round(min(size) / 300))
        # A dark rim separates the boxes from a light background.
        self._rims = sv.BoxAnnotator(color=sv.Color.BLACK, thickness=line + 2)
        self._boxes = sv.BoxAnnotator(color=palette, color_lookup=by_track, thickness=line)
        self._trails = sv.TraceAnnotator(
            color=palette,
            color_lookup=by_track,
            position=sv.Position.BOTTOM_CENTER,
            trace_length=max(2, round(TRAIL_SECONDS * fps)),
            thickness=line,
        )
        self._labels = sv.LabelAnnotator(
            color=palette,
            color_lookup=by_track,
            text_color=sv.Color.BLACK,
            text_scale=max(0.35, min(size) / 1400),
            text_thickness=max(1, round(min(size) / 700)),
            text_padding=max(2, round(min(size) / 200)),
        )

    def draw(self, frame: ImageArray, tracks: Tracks) -> ImageArray:
        """Return a copy of a frame with its tracks drawn on it.

        Args:
            frame: `(H, W, 3)` uint8 BGR.
            tracks: The boxes of this frame.
        """
        detections = sv.Detections(xyxy=tracks.xyxy, class_id=tracks.class_id, tracker_id=tracks.id)
        labels = [
            f"#{track_id} {self.classes[class_id]}"
            for track_id, class_id in zip(tracks.id.tolist(), tracks.class_id.tolist())
        ]
        image = frame.copy()
        for annotator in (self._trails, self._rims, self._boxes):
            image = annotator.annotate(image, detections)
        return np.asarray(self._labels.annotate(image, detections, labels=labels), np.uint8)


class _TrackPalette(sv.ColorPalette):
    """The color of each track, in the form in which supervision's annotators take it."""

    def by_idx(self, idx: int) -> sv.Color:
        return sv.Color(*track_color(idx))
