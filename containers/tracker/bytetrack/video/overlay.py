"""Tracks drawn on the video: boxes, "#3 person", and where each object came from, a color per track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import supervision as sv

from bytetrack.tracks import Tracks

# Bright, so that black text reads on them; a dark rim around boxes keeps them apart from light ground.
COLORS = ["#FFD166", "#06D6A0", "#4CC9F0", "#FF8FA3", "#C77DFF", "#F77F00", "#B5E48C", "#90E0EF", "#F4A6FF", "#FF5D5D"]
TRAIL_SECONDS = 3


class Overlay:
    """Draws one video, frame after frame in order: the trails are of the frames drawn so far.

    Args:
        classes: the names of the classes.
        size: width and height of the frames in pixels; lines and letters grow with it.
        fps: frames per second.
    """

    def __init__(self, classes: Sequence[str], size: tuple[int, int], fps: float = 25) -> None:
        self.classes = list(classes)
        line = max(2, round(min(size) / 300))
        by_track: dict[str, Any] = {"color": sv.ColorPalette.from_hex(COLORS), "color_lookup": sv.ColorLookup.TRACK}
        self._rims = sv.BoxAnnotator(color=sv.Color.BLACK, thickness=line + 2)
        self._boxes = sv.BoxAnnotator(thickness=line, **by_track)
        self._trails = sv.TraceAnnotator(
            position=sv.Position.BOTTOM_CENTER,
            trace_length=max(2, round(TRAIL_SECONDS * fps)),
            thickness=line,
            **by_track,
        )
        self._labels = sv.LabelAnnotator(
            text_color=sv.Color.BLACK,
            text_scale=max(0.35, min(size) / 1400),
            text_thickness=max(1, round(min(size) / 700)),
            text_padding=max(2, round(min(size) / 200)),
            **by_track,
        )

    def draw(self, frame: np.ndarray, tracks: Tracks) -> np.ndarray:
        """A copy of the `(H, W, 3)` uint8 BGR frame with its boxes drawn."""
        detections = sv.Detections(xyxy=tracks.xyxy, class_id=tracks.class_id, tracker_id=tracks.id)
        names = [f"#{number} {self.classes[k]}" for number, k in zip(tracks.id.tolist(), tracks.class_id.tolist())]
        picture = frame.copy()
        for annotator in (self._trails, self._rims, self._boxes):
            picture = annotator.annotate(picture, detections)
        return self._labels.annotate(picture, detections, labels=names)
