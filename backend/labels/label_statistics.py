"""Count the boxes of labels once, when they are stored, so that pages and checks need not read them."""

from __future__ import annotations

import numpy as np

from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, LabelStatistics, Video
from bytetrack.tracks import Tracks

SMALL_SIDE_PIXELS = 8  # the finest grid of YOLOX has cells of 8 pixels, so it detects few objects with a shorter side


def count_boxes(tracks: Tracks, video: Video) -> LabelStatistics:
    """Count the boxes of a video by class, and those that are unusual."""
    boxes = np.bincount(tracks.class_id, minlength=len(tracks.classes)).tolist()
    shorter_sides = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).min(axis=1, initial=SMALL_SIDE_PIXELS)
    is_outside = (tracks.xyxy < 0).any(axis=1) | (tracks.xyxy > [video.width, video.height] * 2).any(axis=1)
    _, boxes_per_object = np.unique(tracks.id, return_counts=True)
    return {
        "boxes_per_class": {name: boxes[class_id] for class_id, name in enumerate(tracks.classes) if boxes[class_id]},
        "small_boxes": int((shorter_sides < SMALL_SIDE_PIXELS).sum()),
        "boxes_outside": int(is_outside.sum()),
        "objects_with_one_box": int((boxes_per_object == 1).sum()),
    }


def statistics_of(workspace: Workspace, labels: Labels) -> LabelStatistics:
    """Return the statistics of labels. Those that an earlier version stored are counted and completed now."""
    if labels.statistics is None:
        tracks = Tracks.load(workspace.folder(labels) / TRACKS_JSON)
        labels.statistics = count_boxes(tracks, workspace.get(Video, labels.video))
        with workspace.edit(Labels, labels.id) as stored:
            stored.statistics = labels.statistics
    return labels.statistics
