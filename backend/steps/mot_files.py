"""Tracking and scoring of MOTChallenge files, without a workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import UserError
from backend.progress import Progress
from bytetrack import mot
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks

# The tracks are ByteTrack's own unless refinement is asked for.
UNREFINED = {"min_length": 0, "fill_gaps": 0, "smooth": 0}
BENCHMARKS = ("MOT15", "MOT16", "MOT17", "MOT20")  # whose rules of scoring `evaluate` knows


def track_detections(progress: Progress, detections: Path, out: Path, settings: dict[str, Any]) -> dict[str, int]:
    """Write the tracks of a file of detections to `out`; returns how many `frames`, `objects` and `boxes` it has.

    Args:
        settings: names of `bytetrack.tracking.config.TrackerConfig`; refined is only what they say.

    Raises:
        UserError: naming the line or the setting that is wrong.
    """
    from bytetrack.pipeline import VideoDetections, track_frames  # brings OpenCV and Numba along
    from bytetrack.tracking.refinement import refine
    from bytetrack.tracking.tracker import ByteTracker

    try:
        config = TrackerConfig.parse(UNREFINED | settings)
        frame, xyxy, scores, class_ids, numbers = mot.read_detections(detections)
    except ValueError as error:
        raise UserError(str(error)) from error
    frames = int(frame.max(initial=-1)) + 1
    classes = tuple(f"class {number}" for number in numbers)
    found = VideoDetections(frame, xyxy, scores, class_ids, classes, 0, 0, config.frame_rate, frames)
    plain = track_frames(found, ByteTracker(config), classes, on_frame=lambda done: progress(done / frames, "tracking"))
    tracks = refine(plain, config)
    mot.write(tracks, out, numbers=numbers)
    return {"frames": frames, "objects": len(np.unique(tracks.id)), "boxes": len(tracks)}


def evaluate(
    truth: Path, tracks: Path, benchmark: str | None = None, note: Callable[[str], None] = lambda text: None
) -> dict[str, float]:
    """Compute the metrics of a file of tracks against one of ground truth, over all classes together.

    Rows of the truth with score 0 are not scored. With the rules of MOT16, MOT17 and MOT20, only pedestrians (class 1)
    are, and boxes of tracks on distractors are left out, as in TrackEval; with those of MOT15, classes are ignored.
    Otherwise classes are compared by number, or ignored if one of the files has none.

    Args:
        benchmark: The rules to score by, one of `BENCHMARKS`. If omitted, those of MOT17 or MOT20 apply where the truth
            looks like theirs, see `bytetrack.scoring.distractors.has_distractors`.
        note: Called with a sentence about the rules that apply, and about each file of which rows are left out.

    Raises:
        UserError: If a file is malformed, naming the line, or if only one of the files counts classes from 0.
    """
    from bytetrack.scoring import distractors, metrics  # imports SciPy and pycocotools

    try:
        # Twice, since rows with score 0 must not decide from which number the scored ones count their classes.
        rows, labeled, tracked = (
            mot.read(truth, skip_ignored=False),
            mot.read(truth),
            mot.read(tracks, skip_ignored=False),
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    row_classes, track_classes = mot.class_numbers(rows), mot.class_numbers(tracked)
    if benchmark is None and distractors.has_distractors(rows.score, row_classes):
        benchmark = "MOT20" if any(part.startswith("MOT20") for part in truth.absolute().parts) else "MOT17"

    rows_left_out: dict[str, np.ndarray] = {}
    boxes_left_out: dict[str, np.ndarray] = {}
    if benchmark in ("MOT16", "MOT17", "MOT20"):
        kinds = distractors.MOT20 if benchmark == "MOT20" else distractors.MOT17
        rows_left_out["of other classes than 1"] = mot.class_numbers(labeled) != distractors.PEDESTRIAN
        boxes_left_out["of other classes than 1"] = others = track_classes > distractors.PEDESTRIAN
        matched = np.zeros(len(tracked), bool)
        matched[~others] = distractors.match_distractors(rows, row_classes, tracked.select(~others), kinds)
        boxes_left_out["on distractors"] = matched
        listed = ", ".join(map(str, kinds))
        note(f"Scored by the rules of {benchmark}: distractors are classes {listed}. --benchmark chooses other rules.")
    by_class = benchmark is None and mot.DEFAULT_CLASSES not in (labeled.classes, tracked.classes)
    if by_class:
        _check_numbering((truth, labeled), (tracks, tracked))
        unknown = [number for number, name in enumerate(tracked.classes) if name not in labeled.classes]
        boxes_left_out["of classes that the ground truth does not have"] = np.isin(tracked.class_id, unknown)

    labeled = _scored(truth.name, labeled, rows_left_out, note, ignored=len(rows) - len(labeled))
    tracked = _scored(tracks.name, tracked, boxes_left_out, note)
    if not by_class:
        labeled, tracked = _without_classes(labeled), _without_classes(tracked)
    frames = int(max(labeled.frame.max(initial=-1), tracked.frame.max(initial=-1))) + 1
    return {name: round(value, 4) for name, value in metrics.score(labeled, tracked, frames).items()}


def _scored(
    name: str, rows: Tracks, left_out: dict[str, np.ndarray], note: Callable[[str], None], ignored: int = 0
) -> Tracks:
    """Return the rows that no mask of `left_out` picks, after a note of how many the others are and why.

    Args:
        left_out: What the rows have in common → a boolean `(N,)` mask; no row is in two of them.
        ignored: How many rows of the file have score 0 and are not in `rows`.
    """
    kept = ~np.any([np.zeros(len(rows), bool), *left_out.values()], axis=0)
    counts = {"with score 0": ignored} | {reason: int(mask.sum()) for reason, mask in left_out.items()}
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    if reasons:
        note(f"{name}: {kept.sum():,} of {len(rows) + ignored:,} rows scored. Left out: {reasons}.")
    return rows.select(kept)


def _check_numbering(*files: tuple[Path, Tracks]) -> None:
    """Check that not one of two files counts classes from 0 and the other from 1."""
    zero = [path.name for path, tracks in files if tracks.classes[0] == mot.class_name(0)]
    one = [path.name for path, tracks in files if tracks.classes[0] == mot.class_name(1)]
    if zero and one:
        raise UserError(
            f"{zero[0]} counts its classes from 0, but {one[0]} has no class 0, so it may count them from 1 and they "
            "cannot be compared. Number the classes alike in both files, or write -1 in the class column of one of "
            "them to compare boxes whatever their class."
        )


def _without_classes(tracks: Tracks) -> Tracks:
    return Tracks(tracks.frame, tracks.id, tracks.xyxy, tracks.score, np.zeros(len(tracks)))
