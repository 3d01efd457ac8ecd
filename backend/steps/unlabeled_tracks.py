"""Tracks without labels: objects that nobody labeled, or false detections that persist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backend.steps.evaluation import Truth, retrack
from backend.wording import count
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections

MAX_IOU = 0.3  # a label with a higher IoU belongs to the same object, even if it is badly placed
MAX_LISTED = 5  # tracks named in the warning


class UnlabeledTrack(NamedTuple):
    """A track without a label on most of the labeled frames, and the first and last of these frames."""

    track_id: int
    first: int
    last: int


def find_unlabeled(
    truth: Truth, detections: VideoDetections, own_settings: Mapping[str, float]
) -> list[UnlabeledTrack]:
    """Find tracks that are false positives on more than half of the labeled frames because no label is near.

    The tracker runs with the model's own settings and with the defaults, and the result with more such tracks counts:
    settings from an earlier search may already hide them.

    Args:
        truth: Labels.
        detections: Detections of the same video.
        own_settings: The model's own tracker settings.
    """
    return max((_without_label(truth, retrack(detections, settings)) for settings in (own_settings, {})), key=len)


def unlabeled_warning(unlabeled: list[UnlabeledTrack]) -> str:
    """Return a warning about what the tracks do to a search and what to do about them; empty if there are none."""
    if not unlabeled:
        return ""
    tracks = count(len(unlabeled), "track has", "tracks have")
    listed = ", ".join(f"{track.track_id} (frames {track.first} to {track.last})" for track in unlabeled[:MAX_LISTED])
    more = f" and {len(unlabeled) - MAX_LISTED:,} more" if len(unlabeled) > MAX_LISTED else ""
    return (
        f"{tracks} no label on most of the labeled frames: ID {listed}{more}. The search counts such tracks as false "
        "positives and prefers settings that remove them. If they follow real objects, label these, or search on a "
        "video in which every object is labeled."
    )


def _without_label(truth: Truth, tracks: Tracks) -> list[UnlabeledTrack]:
    from bytetrack.boxes import box_iou
    from bytetrack.scoring.metrics import frame_slices, frames_to_score, match_classes  # imports SciPy and pycocotools

    scored_classes = [
        track_class
        for _, track_classes in match_classes(truth.tracks.classes, tracks.classes)
        for track_class in track_classes
    ]
    tracks = tracks.select(np.isin(tracks.class_id, scored_classes))
    scored_frames = frames_to_score(truth.frames, truth.labeled_frames)
    is_unlabeled = np.zeros(len(tracks), bool)
    for labels, boxes in zip(frame_slices(truth.tracks, scored_frames), frame_slices(tracks, scored_frames)):
        is_unlabeled[boxes] = box_iou(truth.tracks.xyxy[labels], tracks.xyxy[boxes]).max(axis=0, initial=0) <= MAX_IOU
    tracks = tracks.select(is_unlabeled)
    ids, box_counts = np.unique(tracks.id, return_counts=True)
    unlabeled = []
    for track_id in ids[2 * box_counts > len(scored_frames)].tolist():
        frames = tracks.frame[tracks.id == track_id].tolist()
        unlabeled.append(UnlabeledTrack(track_id, frames[0], frames[-1]))
    return unlabeled
