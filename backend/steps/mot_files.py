"""Track and score MOTChallenge files, without a workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import UserError
from backend.progress import Progress
from bytetrack import mot
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks

UNREFINED = {"min_length": 0, "fill_gaps": 0, "smooth": 0}  # settings that leave the tracks as ByteTrack made them
BENCHMARKS = ("MOT15", "MOT16", "MOT17", "MOT20")  # benchmarks whose scoring rules `evaluate` applies


def track_detections(progress: Progress, detections: Path, out: Path, settings: dict[str, Any]) -> dict[str, int]:
    """Track a file of detections.

    Args:
        progress: Called with the progress.
        detections: File of detections as MOTChallenge text.
        out: File for the tracks.
        settings: Fields of `bytetrack.tracking.config.TrackerConfig`. Tracks are refined only if these say so.

    Returns:
        The number of `frames`, `objects` and `boxes`.

    Raises:
        UserError: If a line or a setting is wrong.
    """
    from bytetrack.pipeline import VideoDetections, track_frames  # imports OpenCV and Numba
    from bytetrack.tracking.refinement import refine
    from bytetrack.tracking.tracker import ByteTracker

    try:
        config = TrackerConfig.parse(UNREFINED | settings)
        frame, xyxy, scores, class_ids, numbers = mot.read_detections(detections)
    except ValueError as error:
        raise UserError(str(error)) from error
    frames = int(frame.max(initial=-1)) + 1
    classes = tuple(f"class {number}" for number in numbers)
    video_detections = VideoDetections(frame, xyxy, scores, class_ids, classes, 0, 0, config.frame_rate, frames)
    unrefined = track_frames(
        video_detections, ByteTracker(config), classes, on_frame=lambda done: progress(done / frames, "tracking")
    )
    tracks = refine(unrefined, config)
    mot.write(tracks, out, numbers=numbers)
    return {"frames": frames, "objects": len(np.unique(tracks.id)), "boxes": len(tracks)}


def evaluate(
    truth: Path, tracks: Path, benchmark: str | None = None, note: Callable[[str], None] = lambda text: None
) -> dict[str, float]:
    """Compute the metrics of a file of tracks against one of ground truth, over all classes together.

    Rows of the truth with score 0 are not scored. By the rules of MOT16, MOT17 and MOT20, only pedestrians (class 1)
    are scored, and boxes of tracks on distractors are left out, as in TrackEval. By those of MOT15, classes are
    ignored. Otherwise classes are compared by number, or ignored if one of the files has none.

    Args:
        truth: File of ground truth.
        tracks: File of tracks.
        benchmark: The rules to score by, one of `BENCHMARKS`. If omitted, those of MOT17 or MOT20 apply if the truth
            has their distractors, see `bytetrack.scoring.distractors.has_distractors`.
        note: Called with a sentence about the rules that apply, and about each file with rows that are left out.

    Raises:
        UserError: If a file is malformed, naming the line, or if only one of the files counts classes from 0.
    """
    from bytetrack.scoring import distractors, metrics  # imports SciPy and pycocotools

    try:
        # The truth is read twice because rows with score 0 must not affect how the other rows count their classes.
        rows, labeled = mot.read(truth, skip_ignored=False), mot.read(truth)
        tracked = mot.read(tracks, skip_ignored=False)
    except ValueError as error:
        raise UserError(str(error)) from error
    row_classes, track_classes = mot.class_numbers(rows), mot.class_numbers(tracked)
    if benchmark is None and distractors.has_distractors(rows.score, row_classes):
        benchmark = "MOT20" if any(part.startswith("MOT20") for part in truth.absolute().parts) else "MOT17"

    rows_left_out: dict[str, NDArray[np.bool_]] = {}
    boxes_left_out: dict[str, NDArray[np.bool_]] = {}
    if benchmark in ("MOT16", "MOT17", "MOT20"):
        distractor_classes = distractors.MOT20 if benchmark == "MOT20" else distractors.MOT17
        rows_left_out["of other classes than 1"] = mot.class_numbers(labeled) != distractors.PEDESTRIAN
        boxes_left_out["of other classes than 1"] = others = track_classes > distractors.PEDESTRIAN
        on_distractors = np.zeros(len(tracked), bool)
        on_distractors[~others] = distractors.match_distractors(
            rows, row_classes, tracked.select(~others), distractor_classes
        )
        boxes_left_out["on distractors"] = on_distractors
        listed = ", ".join(map(str, distractor_classes))
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
    name: str, rows: Tracks, left_out: dict[str, NDArray[np.bool_]], note: Callable[[str], None], ignored: int = 0
) -> Tracks:
    """Return the rows to score, after a note of how many are left out and why.

    Args:
        name: Name of the file, for the note.
        rows: Rows of the file with a score above 0.
        left_out: Reason → boolean mask `(N,)` of the rows that are left out. No row has two reasons.
        note: Called with the note, if any row is left out.
        ignored: Number of rows in the file with score 0.
    """
    is_scored = ~np.any([np.zeros(len(rows), bool), *left_out.values()], axis=0)
    counts = {"with score 0": ignored} | {reason: int(mask.sum()) for reason, mask in left_out.items()}
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    if reasons:
        note(f"{name}: {is_scored.sum():,} of {len(rows) + ignored:,} rows scored. Left out: {reasons}.")
    return rows.select(is_scored)


def _check_numbering(*files: tuple[Path, Tracks]) -> None:
    """Check that not one file counts classes from 0 and the other from 1."""
    zero = [path.name for path, tracks in files if tracks.classes[0] == mot.class_name(0)]
    one = [path.name for path, tracks in files if tracks.classes[0] == mot.class_name(1)]
    if zero and one:
        raise UserError(
            f"{zero[0]} counts its classes from 0, but {one[0]} has no class 0, so it may count them from 1 and they "
            "cannot be compared. Number the classes alike in both files, or write -1 in the class column of one of "
            "them to compare boxes whatever their class."
        )


def _without_classes(tracks: Tracks) -> Tracks:
    return Tracks(tracks.frame, tracks.id, tracks.xyxy, tracks.score, np.zeros(len(tracks), dtype=np.int64))
