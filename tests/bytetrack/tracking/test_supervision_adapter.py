"""Tracking with `supervision.Detections`."""

from __future__ import annotations

import numpy as np
import supervision as sv

from bytetrack.tracking.supervision_adapter import update_with_detections
from bytetrack.tracking.tracker import ByteTracker


def test_detections_keep_their_data_and_get_ids() -> None:
    tracker, plain = ByteTracker(), ByteTracker()
    for step in range(3):
        detections = sv.Detections(
            xyxy=np.array([[400.0, 10, 440, 90], [50, 10, 90, 20], [5 * step, 10, 40 + 5 * step, 90]]),
            confidence=np.array([0.9, 0.05, 0.8]),
            class_id=np.array([1, 0, 0]),
            data={"class_name": np.array(["car", "person", "person"])},
        )
        tracked = update_with_detections(tracker, detections)
        xyxy, ids, scores, class_ids = plain.update(detections.xyxy, detections.confidence, detections.class_id)
        assert tracked.tracker_id.tolist() == ids.tolist() == [1, 2]
        assert tracked.class_id.tolist() == class_ids.tolist() == [1, 0]
        assert tracked.confidence.tolist() == scores.tolist() == [0.9, 0.8]
        assert tracked.data["class_name"].tolist() == ["car", "person"]
        np.testing.assert_array_equal(tracked.xyxy, xyxy)


def test_empty_detections_are_accepted() -> None:
    assert len(update_with_detections(ByteTracker(), sv.Detections.empty())) == 0


def test_scores_default_to_1_and_classes_to_0() -> None:
    tracked = update_with_detections(ByteTracker(), sv.Detections(xyxy=np.array([[0.0, 0, 10, 20]])))
    assert (tracked.tracker_id.tolist(), tracked.class_id.tolist()) == ([1], [0])
