"""Tracks where there is no label: objects that nobody labeled, or things that the detector takes for objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backend.steps.evaluation import Truth, retrack
from backend.wording import count
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections

MAX_IOU = 0.3  # a label that overlaps a box more is of the same object, if badly placed
MOST_NAMED = 5


class Unlabeled(NamedTuple):
    """A track without a label on most of the labeled frames; there, its boxes reach from frame `first` to `last`."""

    id: int
    first: int
    last: int


def find_unlabeled(truth: Truth, detections: VideoDetections, own: Mapping[str, float]) -> list[Unlabeled]:
    """Find tracks that are false positives on more than half of the labeled frames because no label is near.

    The tracker runs with the model's own settings and with the defaults, and the one that shows more such tracks
    counts: settings from an earlier search may already hide them.

    Args:
        own: The model's own settings.
    """
    return max((_without_label(truth, retrack(detections, settings)) for settings in (own, {})), key=len)


def unlabeled_warning(unlabeled: list[Unlabeled]) -> str:
    """Say what the tracks do to a search and what to do about them; empty where there are none."""
    if not unlabeled:
        return ""
    tracks = count(len(unlabeled), "track has", "tracks have")
    named = ", ".join(f"{each.id} (frames {each.first} to {each.last})" for each in unlabeled[:MOST_NAMED])
    more = f" and {len(unlabeled) - MOST_NAMED:,} more" if len(unlabeled) > MOST_NAMED else ""
    return (
        f"{tracks} no label on most of the labeled frames: ID {named}{more}. The search counts such tracks as false "
        "positives and prefers settings that remove them. If they follow real objects, label these, or search on a "
        "video in which every object is labeled."
    )


def _without_label(truth: Truth, tracks: Tracks) -> list[Unlabeled]:
    from bytetrack.boxes import box_iou
    from bytetrack.scoring.metrics import frame_slices, frames_to_score, match_classes  # imports SciPy and pycocotools

    scored = [kind for _, kinds in match_classes(truth.tracks.classes, tracks.classes) for kind in kinds]
    tracks = tracks.select(np.isin(tracks.class_id, scored))
    counted = frames_to_score(truth.frames, truth.labeled_frames)
    alone = np.zeros(len(tracks), bool)
    for a, b in zip(frame_slices(truth.tracks, counted), frame_slices(tracks, counted)):
        alone[b] = box_iou(truth.tracks.xyxy[a], tracks.xyxy[b]).max(axis=0, initial=0) <= MAX_IOU
    tracks = tracks.select(alone)
    ids, boxes = np.unique(tracks.id, return_counts=True)
    found = {id: tracks.frame[tracks.id == id].tolist() for id in ids[2 * boxes > len(counted)].tolist()}
    return [Unlabeled(id, frames[0], frames[-1]) for id, frames in found.items()]
