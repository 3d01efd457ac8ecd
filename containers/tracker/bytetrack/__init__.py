"""ByteTrack with a YOLOX detector: tracking, detection, training, scoring and serving.

Example:
    >>> from bytetrack import ByteTracker, TrackerConfig
    >>> tracker = ByteTracker(TrackerConfig(track_thresh=0.6, frame_rate=25))
    >>> for left in (10, 14, 18):  # three frames, in which a person walks to the right
    ...     person = [left, 20, left + 40, 120]
    ...     noise = [300, 50, 320, 90]
    ...     xyxy, ids, scores, class_ids = tracker.update([person, noise], scores=[0.9, 0.3], class_ids=[0, 0])
    >>> ids
    array([1])
    >>> xyxy.round()
    array([[ 17.,  20.,  57., 120.]])
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bytetrack.boxes import box_iou
    from bytetrack.detection.detector import Detections, Detector
    from bytetrack.pipeline import (
        TrackedVideo,
        VideoDetections,
        detect_frames,
        detect_video,
        track_detections,
        track_file,
        track_frames,
    )
    from bytetrack.scoring.metrics import evaluate, score, score_per_class
    from bytetrack.tracking.config import TrackerConfig
    from bytetrack.tracking.refinement import refine
    from bytetrack.tracking.supervision_adapter import update_with_detections
    from bytetrack.tracking.tracker import ByteTracker
    from bytetrack.tracks import Tracks

__all__ = [
    "ByteTracker",
    "Detections",
    "Detector",
    "TrackedVideo",
    "TrackerConfig",
    "Tracks",
    "VideoDetections",
    "box_iou",
    "detect_frames",
    "detect_video",
    "evaluate",
    "refine",
    "score",
    "score_per_class",
    "track_detections",
    "track_file",
    "track_frames",
    "update_with_detections",
]

# ONNX Runtime reads this variable at import. Without it, each session writes a device id to the home folder, and sends
# it to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_MODULES = {
    "ByteTracker": "tracking.tracker",
    "Detections": "detection.detector",
    "Detector": "detection.detector",
    "TrackedVideo": "pipeline",
    "TrackerConfig": "tracking.config",
    "Tracks": "tracks",
    "VideoDetections": "pipeline",
    "box_iou": "boxes",
    "detect_frames": "pipeline",
    "detect_video": "pipeline",
    "evaluate": "scoring.metrics",
    "refine": "tracking.refinement",
    "score": "scoring.metrics",
    "score_per_class": "scoring.metrics",
    "track_detections": "pipeline",
    "track_file": "pipeline",
    "track_frames": "pipeline",
    "update_with_detections": "tracking.supervision_adapter",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, because Numba, OpenCV and TrackEval take seconds to import."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
