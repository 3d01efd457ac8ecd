"""Warnings about runs in which the expected objects hardly occur, with the likely reasons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from backend.steps import models
from backend.wording import count, enumerate_words
from backend.workspace import Workspace
from backend.workspace.records import Run
from bytetrack.arrays import IntArray
from bytetrack.tracks import Tracks

RARE_SHARE = 0.05
"""Share of a video's frames below which a class hardly occurs: 3 seconds of a minute. Rare objects exist, so the
warning says what was counted and leaves the judgment to the user."""


def rarity_warnings(workspace: Workspace, run: Run, tracks: Tracks, detections: Path) -> list[str]:
    """Return a warning if the classes that were asked for, or any objects, are tracked in almost no frame.

    Args:
        workspace: Workspace of the run.
        run: The run, with its number of frames and the classes that were asked for.
        tracks: The tracks of the run.
        detections: File with the run's detections, which need not exist.
    """
    if not run.frames:
        return []
    expected = {name: [name] for name in run.classes} or {"objects": list(tracks.classes)}  # names of classes by title
    frames_with = {
        title: len(np.unique(tracks.frame[_has_class(tracks.class_id, tracks.classes, names)]))
        for title, names in expected.items()
    }
    rare = {title: frames for title, frames in frames_with.items() if frames < RARE_SHARE * run.frames}
    if not rare:
        return []
    counted = enumerate_words(f"{title} in {frames:,}" for title, frames in rare.items())
    reasons = []
    if len(rare) == len(expected):  # nothing else was detected either, which would show that the input is right
        reasons.append("the model gets its input in the wrong form (input normalization and input size: see Models)")
    weak = _weak_frames(workspace, run, [name for title in rare for name in expected[title]], detections)
    reasons += [weak or "the score thresholds are too high (see Evaluate)", "there are few of them in the video"]
    return [f"Hardly anything found: of {count(run.frames, 'frame')}, {counted}. Likely reasons: {'; '.join(reasons)}."]


def _weak_frames(workspace: Workspace, run: Run, names: list[str], path: Path) -> str:
    """Return the reason that detections below the tracker's threshold give; "" if there are none or no detections."""
    if not path.exists():
        return ""
    from bytetrack.pipeline import VideoDetections  # imports OpenCV

    threshold = models.thresholds(workspace, run.model)["track_thresh"]
    detections = VideoDetections.load(path)
    of_class = _has_class(detections.class_ids, detections.classes, names)
    frames = len(np.unique(detections.frame[of_class & (detections.scores < threshold)]))
    if frames < RARE_SHARE * run.frames:
        return ""
    return (
        f"their scores are too low ({frames:,} frames have detections with a score below the high-score threshold of "
        f"{threshold:g}; try a lower one on Evaluate)"
    )


def _has_class(class_ids: IntArray, classes: Iterable[str], names: list[str]) -> np.ndarray:
    return np.isin(class_ids, [index for index, name in enumerate(classes) if name in names])
