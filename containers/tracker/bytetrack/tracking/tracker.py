"""`ByteTracker`, which assigns ids to detections, frame by frame (Zhang et al., ECCV 2022)."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict

import numpy as np
from numpy.typing import ArrayLike

from bytetrack.arrays import FloatArray, IntArray, RecordArray
from bytetrack.tracking.association import TRACK, active_tracks, follow, valid_detections
from bytetrack.tracking.config import TrackerConfig


class ByteTracker:
    """Multi-object tracker for one video. Call `update` with the detections of each frame in order.

    Ids count from 1 in the order in which tracks start, across all classes. The tracker is deterministic.

    Attributes:
        config: Settings.
        frame: Number of frames tracked so far.
        last_id: Highest id that has been assigned.
        tracks: `(T,)` records of `bytetrack.tracking.association.TRACK`, including unconfirmed and lost tracks.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.reset()

    def reset(self) -> None:
        """Remove all tracks. The next frame is the first frame of another video."""
        self.frame = 0
        self.last_id = 0
        self.tracks: RecordArray = np.empty(0, TRACK)

    def save(self) -> bytes:
        """Return the complete state, from which `restore` continues in another process."""
        saved = io.BytesIO()
        config = json.dumps(asdict(self.config))
        np.savez(saved, config=config, frame=self.frame, last_id=self.last_id, tracks=self.tracks)
        return saved.getvalue()

    @classmethod
    def restore(cls, saved: bytes) -> ByteTracker:
        """Create a tracker from the state that `save` returned.

        Raises:
            ValueError: If the state is damaged or comes from an incompatible version.
        """
        try:
            with np.load(io.BytesIO(saved), allow_pickle=False) as entries:
                tracker = cls(TrackerConfig.parse(json.loads(str(entries["config"]))))
                tracker.frame, tracker.last_id = int(entries["frame"]), int(entries["last_id"])
                tracker.tracks = entries["tracks"]
        except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"This is not the saved state of a tracker: {error}.") from error
        if tracker.tracks.dtype != TRACK or tracker.tracks.ndim != 1:
            raise ValueError("This state was saved by an incompatible version of the tracker.")
        return tracker

    def update(
        self, xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike
    ) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
        """Track the detections of the next frame.

        Args:
            xyxy: `(N, 4)` left, top, right and bottom in pixels. Empty boxes and boxes that are not finite are ignored.
                `N` may be 0.
            scores: `(N,)` scores in 0..1. Higher scores are clipped, and detections with a score that is not finite are
                ignored.
            class_ids: `(N,)` integers.

        Returns:
            Boxes, ids, scores and class ids of the `M` objects in this frame, sorted by id: `(M, 4)` float64 xyxy as
            estimated by the Kalman filter, which can extend beyond the frame, `(M,)` int64, `(M,)` float64 scores of
            their detections, and `(M,)` int64.

        Raises:
            ValueError: If an argument has a wrong shape or type. The tracker is then unchanged.
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
            config.max_lost_frames,
            config.class_votes,
        )
        return active_tracks(self.tracks, config.min_box_area)


def _detections(xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike) -> RecordArray:
    """Check the arguments of `update`, and return the valid detections as records of `DETECTION`."""
    boxes, score, class_id = (
        _float_array("xyxy", xyxy),
        _float_array("scores", scores),
        _float_array("class_ids", class_ids),
    )
    if score.ndim != 1:
        raise ValueError(f"scores has shape {score.shape}, but must be one-dimensional.")
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)  # An empty list has no second dimension.
    for name, array, shape in (("xyxy", boxes, (len(score), 4)), ("class_ids", class_id, (len(score),))):
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, but {shape} is needed for {len(score)} scores.")
    detections: RecordArray = valid_detections(boxes, score, class_id)
    return detections


def _float_array(name: str, values: ArrayLike) -> FloatArray:
    try:
        return np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}.") from None
