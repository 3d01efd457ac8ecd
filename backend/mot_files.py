"""Tracking and scoring of MOTChallenge files, without a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import UserError
from backend.progress import Progress
from bytetrack import mot
from bytetrack.config import TrackerConfig
from bytetrack.tracks import Tracks

# The tracks are ByteTrack's own unless refinement is asked for.
UNREFINED = {"min_length": 0, "fill_gaps": 0, "smooth": 0}


def track_detections(progress: Progress, detections: Path, out: Path, settings: dict[str, Any]) -> dict[str, int]:
    """Write the tracks of a file of detections to `out`; returns how many `frames`, `objects` and `boxes` it has.

    Args:
        settings: names of `bytetrack.config.TrackerConfig`; refined is only what they say.

    Raises:
        UserError: naming the line or the setting that is wrong.
    """
    from bytetrack.pipeline import VideoDetections, track_frames  # brings OpenCV and Numba along
    from bytetrack.refinement import refine
    from bytetrack.tracker import ByteTracker

    try:
        config = TrackerConfig.parse(UNREFINED | settings)
        frame, xyxy, scores, class_ids = mot.read_detections(detections)
    except ValueError as error:
        raise UserError(str(error)) from error
    frames = int(frame.max(initial=-1)) + 1
    classes = tuple(f"class {k + 1}" for k in range(int(class_ids.max(initial=0)) + 1))
    found = VideoDetections(frame, xyxy, scores, class_ids, classes, 0, 0, config.frame_rate, frames)
    plain = track_frames(found, ByteTracker(config), classes, on_frame=lambda done: progress(done / frames, "tracking"))
    tracks = refine(plain, config)
    mot.write(tracks, out)
    return {"frames": frames, "objects": len(np.unique(tracks.id)), "boxes": len(tracks)}


def evaluate(truth: Path, tracks: Path) -> dict[str, float]:
    """The metrics of a file of tracks against one of ground truth, over all classes together.

    Where either of them names no classes, boxes are compared whatever their class.

    Raises:
        UserError: naming the line that is wrong.
    """
    from bytetrack import metrics  # brings SciPy and pycocotools along

    try:
        labelled, tracked = mot.read(truth), mot.read(tracks, truth=False)
    except ValueError as error:
        raise UserError(str(error)) from error
    if len(labelled.classes) == 1 or len(tracked.classes) == 1:
        labelled, tracked = _without_classes(labelled), _without_classes(tracked)
    frames = int(max(labelled.frame.max(initial=-1), tracked.frame.max(initial=-1))) + 1
    return {name: round(value, 4) for name, value in metrics.score(labelled, tracked, frames).items()}


def _without_classes(tracks: Tracks) -> Tracks:
    return Tracks(tracks.frame, tracks.id, tracks.xyxy, tracks.score, np.zeros(len(tracks)))
