"""Tracking with the `Detections` of the `supervision` package."""

from __future__ import annotations

from typing import cast

import numpy as np
import supervision as sv
from numpy.typing import ArrayLike

from bytetrack.tracking.tracker import ByteTracker


def update_with_detections(tracker: ByteTracker, detections: sv.Detections) -> sv.Detections:
    """Track the detections of the next frame.

    Args:
        tracker: Tracker to update.
        detections: `N` detections. If `confidence` is missing, all scores are 1. If `class_id` is missing, all
            detections are of class 0.

    Returns:
        The detections that belong to a track, sorted by id, with their masks and other data. `xyxy` is the box that the
        tracker estimates, and `tracker_id` the id of the track.
    """
    count = len(detections)
    scores: ArrayLike = np.ones(count) if detections.confidence is None else detections.confidence
    class_ids: ArrayLike = np.zeros(count) if detections.class_id is None else detections.class_id
    xyxy, ids, track_scores, track_class_ids = tracker.update(detections.xyxy, scores, class_ids)

    by_id = np.argsort(tracker.tracks["id"])
    rows = by_id[np.searchsorted(tracker.tracks["id"], ids, sorter=by_id)]
    tracked = cast(sv.Detections, detections[tracker.tracks["index"][rows]])
    tracked.xyxy, tracked.confidence, tracked.class_id, tracked.tracker_id = xyxy, track_scores, track_class_ids, ids
    return tracked
