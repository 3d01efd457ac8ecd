"""Metrics of tracks (HOTA, CLEAR and Identity, as in TrackEval) and of detections (average precision, as in COCO)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from trackeval.metrics import CLEAR, Identity

from bytetrack.arrays import IntArray
from bytetrack.boxes import box_iou
from bytetrack.scoring.hota import FastHOTA
from bytetrack.tracks import Tracks

QUIET = {"PRINT_CONFIG": False}
FAMILIES = {"HOTA": FastHOTA(), "CLEAR": CLEAR(QUIET), "Identity": Identity(QUIET)}

# Metrics that are reported: name → family and name in TrackEval.
PERCENTAGES = {
    "HOTA": ("HOTA", "HOTA"),
    "DetA": ("HOTA", "DetA"),
    "AssA": ("HOTA", "AssA"),
    "LocA": ("HOTA", "LocA"),
    "MOTA": ("CLEAR", "MOTA"),
    "MOTP": ("CLEAR", "MOTP"),
    "IDF1": ("Identity", "IDF1"),
    "IDP": ("Identity", "IDP"),
    "IDR": ("Identity", "IDR"),
}
COUNTS = {
    "IDSW": ("CLEAR", "IDSW"),
    "FP": ("CLEAR", "CLR_FP"),
    "FN": ("CLEAR", "CLR_FN"),
    "FRAG": ("CLEAR", "Frag"),
    "MT": ("CLEAR", "MT"),
    "ML": ("CLEAR", "ML"),
}


@dataclass(frozen=True)
class Evaluation:
    """Result of TrackEval for one class of one video.

    Attributes:
        families: TrackEval's fields by family of metrics (the keys of `FAMILIES`).
    """

    families: dict[str, dict[str, Any]]

    def metrics(self) -> dict[str, float]:
        """Return the metrics `PERCENTAGES` and `COUNTS`.

        Those of HOTA are means over its 19 IoU thresholds. All others are for an IoU threshold of 0.5.
        """
        percentages = {
            name: 100 * float(np.mean(self.families[family][key])) for name, (family, key) in PERCENTAGES.items()
        }
        return percentages | {name: int(self.families[family][key]) for name, (family, key) in COUNTS.items()}


def score(truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None) -> dict[str, float]:
    """Compute the metrics over all classes of the ground truth together. See `evaluate` for the arguments."""
    return combine(evaluate(truth, tracks, frames, labeled_frames).values()).metrics()


def score_per_class(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> dict[str, dict[str, float]]:
    """Compute the metrics of each class of the ground truth, by class name. See `evaluate` for the arguments."""
    evaluations = evaluate(truth, tracks, frames, labeled_frames)
    return {name: evaluation.metrics() for name, evaluation in evaluations.items()}


def evaluate(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> dict[str, Evaluation]:
    """Compare the tracks of one video with the ground truth, class by class.

    Classes are matched as in `match_classes`. Tracks of a class that the ground truth does not have are not scored,
    because its objects were not labeled.

    Args:
        truth: Ground truth.
        tracks: Tracks to score.
        frames: Number of frames in the video.
        labeled_frames: Frames to score, if the ground truth does not cover all.

    Returns:
        Evaluations by name of the class in the ground truth.
    """
    scored_frames = frames_to_score(frames, labeled_frames)
    return {
        name: _evaluate_class(
            truth.select(truth.class_id == class_id), tracks.select(np.isin(tracks.class_id, class_ids)), scored_frames
        )
        for class_id, (name, class_ids) in enumerate(match_classes(truth.classes, tracks.classes))
    }


def combine(evaluations: Iterable[Evaluation]) -> Evaluation:
    """Combine the evaluations of several videos or classes. Every box has the same weight."""
    results = [evaluation.families for evaluation in evaluations]
    return Evaluation(
        {
            name: family.combine_sequences({str(k): result[name] for k, result in enumerate(results)})
            for name, family in FAMILIES.items()
        }
    )


def average_precision(truth: dict[str, Any], detections: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Compute COCO's AP (mean over IoU thresholds from 0.50 to 0.95), AP50, AP75 and AR for 100 boxes per image.

    Args:
        truth: COCO document with images, annotations (including `area` and `iscrowd`) and categories.
        detections: Dictionaries of `image_id`, `category_id`, `bbox` (left, top, width, height in pixels) and `score`.

    Returns:
        The metrics by name, in 0..1.
    """
    names = ("AP", "AP50", "AP75", "AR")
    if not detections or not truth["annotations"]:
        return dict.fromkeys(names, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints tables.
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    # pycocotools returns -1 if there is no object.
    return {name: max(float(evaluator.stats[index]), 0.0) for name, index in zip(names, (0, 1, 2, 8))}


def frames_to_score(frames: int, labeled_frames: Sequence[int] | None) -> IntArray:
    """Return the `(K,)` sorted numbers of the frames to score. See `evaluate` for the arguments."""
    scored_frames = np.arange(frames) if labeled_frames is None else np.unique(np.asarray(labeled_frames, np.int64))
    return scored_frames[(scored_frames >= 0) & (scored_frames < frames)]


def match_classes(truth: Sequence[str], tracks: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Match the classes of ground truth and tracks by name, ignoring case.

    If both have only one class, the two match regardless of their names.

    Returns:
        For each class of the ground truth, its name and the matching class ids of the tracks.
    """
    if len(truth) == len(tracks) == 1:
        return [(truth[0], [0])]
    return [(name, [k for k, other in enumerate(tracks) if other.casefold() == name.casefold()]) for name in truth]


def _evaluate_class(truth: Tracks, tracks: Tracks, frames: IntArray) -> Evaluation:
    truth, tracks = truth.select(np.isin(truth.frame, frames)), tracks.select(np.isin(tracks.frame, frames))
    distinct_truth_ids, truth_ids = np.unique(truth.id, return_inverse=True)
    distinct_track_ids, track_ids = np.unique(tracks.id, return_inverse=True)
    truth_slices, track_slices = frame_slices(truth, frames), frame_slices(tracks, frames)
    data = {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(tracks),
        "num_gt_ids": len(distinct_truth_ids),
        "num_tracker_ids": len(distinct_track_ids),
        "gt_ids": [truth_ids[rows] for rows in truth_slices],
        "tracker_ids": [track_ids[rows] for rows in track_slices],
        "similarity_scores": [box_iou(truth.xyxy[a], tracks.xyxy[b]) for a, b in zip(truth_slices, track_slices)],
    }
    return Evaluation({name: family.eval_sequence(data) for name, family in FAMILIES.items()})


def frame_slices(tracks: Tracks, frames: IntArray) -> list[slice]:
    """Return the slice of rows that contains the boxes of each frame."""
    first, last = np.searchsorted(tracks.frame, frames), np.searchsorted(tracks.frame, frames, side="right")
    return [slice(a, b) for a, b in zip(first, last)]
