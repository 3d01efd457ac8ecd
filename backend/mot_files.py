"""Tracking and scoring of MOTChallenge files, without a workspace."""

from __future__ import annotations

from collections.abc import Callable
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
BENCHMARKS = ("MOT15", "MOT16", "MOT17", "MOT20")  # whose rules of scoring `evaluate` knows


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


def evaluate(
    truth: Path, tracks: Path, benchmark: str | None = None, note: Callable[[str], None] = lambda text: None
) -> dict[str, float]:
    """Compute the metrics of a file of tracks against one of ground truth, over all classes together.

    Rows of the truth with score 0 are not scored. With the rules of MOT16, MOT17 and MOT20, only pedestrians (class 1)
    are, and boxes of tracks on distractors are left out, as in TrackEval; with those of MOT15, classes are ignored.
    Otherwise classes are compared by number, or ignored where one of the files has a single class.

    Args:
        benchmark: The rules to score by, one of `BENCHMARKS`. If omitted, those of MOT17 or MOT20 apply where the truth
            looks like theirs, see `bytetrack.distractors.has_distractors`.
        note: Called with a sentence about the rules that apply, and about each file of which rows are left out.

    Raises:
        UserError: If a file is malformed, naming the line.
    """
    from bytetrack import distractors, metrics  # imports SciPy and pycocotools

    try:
        rows, tracked = mot.read(truth, truth=False), mot.read(tracks, truth=False)
    except ValueError as error:
        raise UserError(str(error)) from error
    if benchmark is None and distractors.has_distractors(rows):
        benchmark = "MOT20" if any(part.startswith("MOT20") for part in truth.absolute().parts) else "MOT17"

    rows_left_out = {"with score 0": rows.score == 0}
    boxes_left_out: dict[str, np.ndarray] = {}
    if benchmark in ("MOT16", "MOT17", "MOT20"):
        kinds = distractors.MOT20 if benchmark == "MOT20" else distractors.MOT17
        rows_left_out["of other classes than 1"] = (rows.score != 0) & (rows.class_id != distractors.PEDESTRIAN)
        boxes_left_out["of other classes than 1"] = others = tracked.class_id != distractors.PEDESTRIAN
        matched = np.zeros(len(tracked), bool)
        matched[~others] = distractors.on_distractors(rows, tracked.where(~others), kinds)
        boxes_left_out["on distractors"] = matched
        listed = ", ".join(str(kind + 1) for kind in kinds)
        note(f"Scored by the rules of {benchmark}: distractors are classes {listed}. --benchmark chooses other rules.")
    elif benchmark is None and len(rows.classes) > 1 and len(tracked.classes) > 1:
        boxes_left_out["of classes that the ground truth does not have"] = tracked.class_id >= len(rows.classes)

    labelled = _scored(truth.name, rows, rows_left_out, note)
    tracked = _scored(tracks.name, tracked, boxes_left_out, note)
    if benchmark or len(labelled.classes) == 1 or len(tracked.classes) == 1:
        labelled, tracked = _without_classes(labelled), _without_classes(tracked)
    frames = int(max(labelled.frame.max(initial=-1), tracked.frame.max(initial=-1))) + 1
    return {name: round(value, 4) for name, value in metrics.score(labelled, tracked, frames).items()}


def _scored(name: str, rows: Tracks, left_out: dict[str, np.ndarray], note: Callable[[str], None]) -> Tracks:
    """Return the rows that no mask of `left_out` picks, after a note of how many the others are and why.

    Args:
        left_out: What the rows have in common → a boolean `(N,)` mask; no row is in two of them.
    """
    kept = ~np.any([np.zeros(len(rows), bool), *left_out.values()], axis=0)
    reasons = ", ".join(f"{mask.sum():,} {reason}" for reason, mask in left_out.items() if mask.any())
    if reasons:
        note(f"{name}: {kept.sum():,} of {len(rows):,} rows scored. Left out: {reasons}.")
    return rows.where(kept)


def _without_classes(tracks: Tracks) -> Tracks:
    return Tracks(tracks.frame, tracks.id, tracks.xyxy, tracks.score, np.zeros(len(tracks)))
