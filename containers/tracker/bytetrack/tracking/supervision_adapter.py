"""The tracker in the currency of `supervision`."""

from __future__ import annotations

from typing import cast

import numpy as np
import supervision as sv

from bytetrack.tracking.tracker import ByteTracker


def update_with_detections(tracker: ByteTracker, detections: sv.Detections) -> sv.Detections:
    """Go one frame on; returns those of the detections that are objects in view, by id.

    Masks and other data stay with them; `xyxy` is the box as the tracker sees it, `tracker_id` the lasting id.

    Args:
        detections: of `N` boxes. Without `confidence` all are certain; without `class_id` all are of class 0.
    """
    count = len(detections)
    scores: np.ndarray = np.ones(count) if detections.confidence is None else detections.confidence
    class_ids: np.ndarray = np.zeros(count) if detections.class_id is None else detections.class_id
    xyxy, ids, scores, class_ids = tracker.update(detections.xyxy, scores, class_ids)

    by_id = np.argsort(tracker.tracks["id"])
    rows = by_id[np.searchsorted(tracker.tracks["id"], ids, sorter=by_id)]
    tracked = cast(sv.Detections, detections[tracker.tracks["index"][rows]])
    tracked.xyxy, tracked.confidence, tracked.class_id, tracked.tracker_id = xyxy, scores, class_ids, ids
    return tracked
