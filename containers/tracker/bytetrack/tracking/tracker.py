"""ByteTrack (Zhang et al., ECCV 2022): detections in, boxes with lasting ids out, one frame at a time."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict

import numpy as np
from numpy.typing import ArrayLike

from bytetrack.tracking.association import TRACK, follow, in_view, usable
from bytetrack.tracking.config import TrackerConfig


class ByteTracker:
    """Follows the objects of one video; `update` takes its frames in order.

    Ids count from 1 in the order in which tracks start, over all classes. The same input gives the same output.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of another video."""
        self.frame = 0
        self.last_id = 0
        self.tracks = np.empty(0, TRACK)

    def save(self) -> bytes:
        """All that the coming frames depend on: `restore` goes on from it in another process, with the same ids."""
        saved = io.BytesIO()
        config = json.dumps(asdict(self.config))
        np.savez(saved, config=config, frame=self.frame, last_id=self.last_id, tracks=self.tracks)
        return saved.getvalue()

    @classmethod
    def restore(cls, saved: bytes) -> ByteTracker:
        """The tracker that `save` wrote.

        Raises:
            ValueError: if it is damaged, or something else.
        """
        try:
            with np.load(io.BytesIO(saved), allow_pickle=False) as entries:
                tracker = cls(TrackerConfig.parse(json.loads(str(entries["config"]))))
                tracker.frame, tracker.last_id = int(entries["frame"]), int(entries["last_id"])
                tracker.tracks = entries["tracks"]
        except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"This is not the saved state of a tracker: {error}.") from error
        if tracker.tracks.dtype != TRACK or tracker.tracks.ndim != 1:
            raise ValueError("This is the saved state of another version's tracker.")
        return tracker

    def update(
        self, xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Go one frame on, with its detections (`N` may be 0).

        Args:
            xyxy: `(N, 4)` left, top, right, bottom in pixels. Boxes that are not finite, or empty, are ignored.
            scores: `(N,)` in 0..1; more counts as 1, and what is not finite is ignored.
            class_ids: `(N,)` integers.

        Returns:
            The objects in view, sorted by id: their boxes `(M, 4)` float64 as the filter sees them now, which may reach
            beyond the picture; their ids `(M,)` int64, the scores of their detections `(M,)` float64, and their
            classes `(M,)` int64.

        Raises:
            ValueError: naming the argument whose shape or type is wrong; the tracker is then as it was before.
        """
        detections = _detections(xyxy, scores, class_ids)
        self.frame += 1
        config = self.config
        self.tracks, self.last_id = follow(
            self.tracks,
            detections,
            self.frame,
            self.last_id,
            config.track_thresh,
            config.match_thresh,
            config.buffer,
            config.class_votes,
        )
        return in_view(self.tracks, config.min_box_area)


def _detections(xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike) -> np.ndarray:
    """The detections as one `(N,)` array of `DETECTION`, without the boxes that can be no object."""
    boxes, score, class_id = _numbers("xyxy", xyxy), _numbers("scores", scores), _numbers("class_ids", class_ids)
    if score.ndim != 1:
        raise ValueError(f"scores has the shape {score.shape}, but must be one-dimensional.")
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)  # an empty list has no second dimension
    for name, array, shape in (("xyxy", boxes, (len(score), 4)), ("class_ids", class_id, (len(score),))):
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, but must have {shape} to go with scores.")
    return usable(boxes, score, class_id)


def _numbers(name: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}.") from None
