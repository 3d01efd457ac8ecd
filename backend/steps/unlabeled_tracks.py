"""Tracks without labels: objects that nobody labeled, or false detections that persist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backend.steps.evaluation import Truth, retrack
from backend.wording import count
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections

MAX_IOU = 0.3  # a label with a higher IoU belongs to the same object, even if it is badly placed
MIN_FRAMES = 10  # labeled frames without a label near, from which on a track counts even if it is short
MIN_SHARE = 0.8  # of such a track's labeled frames that must be without a label near
MIN_SCORE = 0.5  # mean score of such a track; persistent false detections mostly have less
MAX_LISTED = 5  # tracks named in the warning


class UnlabeledTrack(NamedTuple):
    """A track without a label near, and the first and last of the labeled frames on which that is so."""

    track_id: int
    first: int
    last: int


@dataclass(frozen=True)
class LabelCoverage:
    """Which of the tracks on labeled frames have no label.

    Attributes:
        unlabeled: Tracks without a label near.
        tracks: Number of all tracks that have boxes on labeled frames.
    """

    unlabeled: list[UnlabeledTrack]
    tracks: int


def find_unlabeled(truth: Truth, detections: VideoDetections, own_settings: Mapping[str, float]) -> LabelCoverage:
    """Find tracks that are false positives over many frames because no label is near.

    A track counts if it has no label near on more than half of all labeled frames; or, as objects that cross the
    picture are visible for a short time, on at least `MIN_FRAMES` of them, if these are most of its own and its scores
    are high. The tracker runs with the model's own settings and with the defaults, and the result with more such
    tracks is returned: settings from an earlier search may already hide them.

    Args:
        truth: Labels.
        detections: Detections of the same video.
        own_settings: The model's own tracker settings.
    """
    coverages = [_without_label(truth, retrack(detections, settings)) for settings in (own_settings, {})]
    return max(coverages, key=lambda coverage: len(coverage.unlabeled))


def unlabeled_warning(coverage: LabelCoverage) -> str:
    """Return a warning about what the tracks do to a search and what to do about them; empty if there are none."""
    unlabeled = coverage.unlabeled
    if not unlabeled:
        return ""
    listed = ", ".join(f"{track.track_id} (frames {track.first}–{track.last})" for track in unlabeled[:MAX_LISTED])
    more = f" and {len(unlabeled) - MAX_LISTED:,} more" if len(unlabeled) > MAX_LISTED else ""
    return (
        f"The labels may be incomplete: {len(unlabeled):,} of {count(coverage.tracks, 'track')} "
        f"{'lies' if len(unlabeled) == 1 else 'lie'} on no label over many labeled frames: ID {listed}{more}. A score "
        "counts such tracks as false positives, so a search prefers settings that remove them, and the held-out labels "
        "cannot show it. If they follow real objects, label these first, or search on a video in which every object is "
        "labeled."
    )


def _without_label(truth: Truth, tracks: Tracks) -> LabelCoverage:
    from bytetrack.boxes import box_iou
    from bytetrack.scoring.metrics import frame_slices, frames_to_score, match_classes  # imports SciPy and pycocotools

    scored_classes = [
        track_class
        for _, track_classes in match_classes(truth.tracks.classes, tracks.classes)
        for track_class in track_classes
    ]
    scored_frames = frames_to_score(truth.frames, truth.labeled_frames)
    tracks = tracks.select(np.isin(tracks.class_id, scored_classes) & np.isin(tracks.frame, scored_frames))
    is_unlabeled = np.zeros(len(tracks), bool)
    for labels, boxes in zip(frame_slices(truth.tracks, scored_frames), frame_slices(tracks, scored_frames)):
        is_unlabeled[boxes] = box_iou(truth.tracks.xyxy[labels], tracks.xyxy[boxes]).max(axis=0, initial=0) <= MAX_IOU
    unlabeled = []
    ids = np.unique(tracks.id).tolist()
    for track_id in ids:
        rows = tracks.id == track_id
        frames = tracks.frame[rows & is_unlabeled]
        on_most_frames = 2 * len(frames) > len(scored_frames)
        is_confident = tracks.score[rows].mean() >= MIN_SCORE
        on_most_own = len(frames) >= MIN_FRAMES and len(frames) >= MIN_SHARE * rows.sum() and is_confident
        if on_most_frames or on_most_own:
            unlabeled.append(UnlabeledTrack(track_id, int(frames[0]), int(frames[-1])))
    return LabelCoverage(unlabeled, len(ids))
