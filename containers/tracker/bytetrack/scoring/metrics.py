"""How well tracks match the truth: TrackEval's HOTA, CLEAR and Identity, and COCO's average precision."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from trackeval.metrics import CLEAR, Identity

from bytetrack.boxes import box_iou
from bytetrack.scoring.hota import FastHOTA
from bytetrack.tracks import Tracks

QUIET = {"PRINT_CONFIG": False}
FAMILIES = {"HOTA": FastHOTA(), "CLEAR": CLEAR(QUIET), "Identity": Identity(QUIET)}

# What is reported: our name → family and TrackEval's name.
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
    """What TrackEval counted, per family of metrics; several of them add up with `combine`."""

    families: dict[str, dict]

    def metrics(self) -> dict[str, float]:
        """`PERCENTAGES`, HOTA's being means over its 19 thresholds, and `COUNTS`, at an IoU of 0.5."""
        percentages = {
            name: 100 * float(np.mean(self.families[family][key])) for name, (family, key) in PERCENTAGES.items()
        }
        return percentages | {name: int(self.families[family][key]) for name, (family, key) in COUNTS.items()}


def score(truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None) -> dict[str, float]:
    """The metrics over all classes of the truth together; arguments as for `evaluate`."""
    return combine(evaluate(truth, tracks, frames, labeled_frames).values()).metrics()


def score_per_class(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> dict[str, dict[str, float]]:
    """The metrics of each class of the truth; arguments as for `evaluate`."""
    return {name: each.metrics() for name, each in evaluate(truth, tracks, frames, labeled_frames).items()}


def evaluate(
    truth: Tracks, tracks: Tracks, frames: int, labeled_frames: Sequence[int] | None = None
) -> dict[str, Evaluation]:
    """Compare the tracks of one video with the truth, class by class.

    Classes go together by name, in upper or lower case; where both sides have one class only, whatever its name.
    Tracks of a class that the truth does not know are not counted: nobody looked for it.

    Args:
        frames: how many the video has.
        labeled_frames: those to count, where the truth does not cover all.

    Returns:
        Per name of the truth's classes.
    """
    counted = frames_to_score(frames, labeled_frames)
    return {
        name: _evaluate_class(
            truth.select(truth.class_id == class_id), tracks.select(np.isin(tracks.class_id, class_ids)), counted
        )
        for class_id, (name, class_ids) in enumerate(match_classes(truth.classes, tracks.classes))
    }


def combine(evaluations: Iterable[Evaluation]) -> Evaluation:
    """Several sequences, or several classes, as one: counts are added up, and every box weighs the same."""
    numbered = dict(enumerate(evaluations))
    return Evaluation(
        {
            name: family.combine_sequences({key: each.families[name] for key, each in numbered.items()})
            for name, family in FAMILIES.items()
        }
    )


def average_precision(truth: dict, detections: list[dict]) -> dict[str, float]:
    """COCO's AP over IoU 0.50 to 0.95, AP50, AP75, and AR at 100 boxes an image; all in 0..1.

    Args:
        truth: a COCO document with images, annotations (with `area` and `iscrowd`) and categories.
        detections: `{"image_id", "category_id", "bbox": [left, top, width, height], "score"}` each.
    """
    names = ("AP", "AP50", "AP75", "AR")
    if not detections or not truth["annotations"]:
        return dict.fromkeys(names, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints tables
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    # -1 says that there was nothing to find.
    return {name: max(float(evaluator.stats[index]), 0.0) for name, index in zip(names, (0, 1, 2, 8))}


def frames_to_score(frames: int, labeled_frames: Sequence[int] | None) -> np.ndarray:
    """`(K,)` int64, sorted; arguments as for `evaluate`."""
    counted = np.arange(frames) if labeled_frames is None else np.unique(np.asarray(labeled_frames, np.int64))
    return counted[(counted >= 0) & (counted < frames)]


def match_classes(truth: Sequence[str], tracks: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Per class of the truth, its name and the class ids of the tracks that mean the same."""
    if len(truth) == len(tracks) == 1:
        return [(truth[0], [0])]
    return [(name, [k for k, other in enumerate(tracks) if other.casefold() == name.casefold()]) for name in truth]


def _evaluate_class(truth: Tracks, tracks: Tracks, frames: np.ndarray) -> Evaluation:
    truth, tracks = truth.select(np.isin(truth.frame, frames)), tracks.select(np.isin(tracks.frame, frames))
    truth_names, truth_ids = np.unique(truth.id, return_inverse=True)
    track_names, track_ids = np.unique(tracks.id, return_inverse=True)
    truth_rows, track_rows = frame_slices(truth, frames), frame_slices(tracks, frames)
    data = {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(tracks),
        "num_gt_ids": len(truth_names),
        "num_tracker_ids": len(track_names),
        "gt_ids": [truth_ids[rows] for rows in truth_rows],
        "tracker_ids": [track_ids[rows] for rows in track_rows],
        "similarity_scores": [box_iou(truth.xyxy[a], tracks.xyxy[b]) for a, b in zip(truth_rows, track_rows)],
    }
    return Evaluation({name: family.eval_sequence(data) for name, family in FAMILIES.items()})


def frame_slices(tracks: Tracks, frames: np.ndarray) -> list[slice]:
    """Per frame the rows of its boxes."""
    first, last = np.searchsorted(tracks.frame, frames), np.searchsorted(tracks.frame, frames, side="right")
    return [slice(a, b) for a, b in zip(first, last)]
