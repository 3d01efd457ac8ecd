"""Score tracks against labels, and track stored detections again with other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from backend.errors import UserError
from backend.jobs.results import ScoreResult
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import DETECTIONS, TRACKS_JSON
from backend.workspace.records import Labels, Run, Score, Video
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections
    from bytetrack.scoring.metrics import Evaluation

Metrics = dict[str, float]
"""Metrics by name, see `bytetrack.scoring.metrics.Evaluation.metrics`."""


def evaluate(workspace: Workspace, progress: Progress, *, run: str, labels: str) -> ScoreResult:
    """Score a run's tracks against labels of the same video, and store the score.

    If the run was limited to classes, labels of other classes are left out.

    Raises:
        UserError: If the labels are of another video, cover no frame, or share no class with the tracks.
    """
    run_record = workspace.get(Run, run)
    labels_record = workspace.get(Labels, labels)
    check_same_video(run_record, labels_record)
    progress(0.0, "Comparing tracks with labels")
    tracks = Tracks.load(workspace.folder(run_record) / TRACKS_JSON)
    metrics, per_class = score_tracks(load_truth(workspace, labels_record.id, run_record.classes), tracks)
    score = workspace.add(
        Score(
            name=run_record.name,
            run=run_record.id,
            labels=labels_record.id,
            metrics=metrics,
            per_class=per_class,
        )
    )
    print(f"HOTA: {metrics['HOTA']:.2f} MOTA: {metrics['MOTA']:.2f} IDF1: {metrics['IDF1']:.2f}", flush=True)
    progress(1.0, "Scored")
    return {"score": score.id}


def check_same_video(run: Run, labels: Labels) -> None:
    """Check that a run and labels are of the same video.

    Raises:
        UserError: If they are not.
    """
    if labels.video != run.video:
        raise UserError(
            f"The labels “{labels.name}” are of another video than the run “{run.name}”. "
            "Choose labels of the video that was tracked."
        )


@dataclass(frozen=True)
class Truth:
    """Labels to score tracks against."""

    name: str
    tracks: Tracks
    frames: int  # of the video
    labeled_frames: list[int]  # frames to score


def load_truth(workspace: Workspace, labels: str, classes: Sequence[str] = ()) -> Truth:
    """Load labels to score tracks against.

    Args:
        workspace: Workspace of the labels.
        labels: Id or name of the labels.
        classes: Classes that the tracks are limited to, see `Run.classes`; labels of other classes are left out. Empty
            for all classes, and no-op if the labels have none of them, so that they are compared by other names.

    Raises:
        UserError: If no frame was labeled.
    """
    record = workspace.get(Labels, labels)
    if not record.labeled_frames:
        raise UserError(f"The labels “{record.name}” cover no frame, so there is nothing to compare with.")
    tracks = _limit(Tracks.load(workspace.folder(record) / TRACKS_JSON), classes)
    return Truth(record.name, tracks, workspace.get(Video, record.video).frames, record.labeled_frames)


def score_tracks(truth: Truth, tracks: Tracks) -> tuple[Metrics, dict[str, Metrics]]:
    """Compute the metrics of tracks on the labeled frames: over all classes, and per class.

    Raises:
        UserError: If labels and tracks have no class in common.
    """
    from bytetrack.scoring import metrics  # imports SciPy and pycocotools

    _check_classes(truth.name, truth.tracks.classes, tracks.classes)
    per_class: dict[str, Evaluation] = metrics.evaluate(truth.tracks, tracks, truth.frames, truth.labeled_frames)
    overall = metrics.combine(per_class.values()).metrics()
    return overall, {name: evaluation.metrics() for name, evaluation in per_class.items()}


def load_detections(workspace: Workspace, run: str) -> VideoDetections:
    """Load the detections of a run.

    Raises:
        UserError: If there are none, as for real-time runs, or they cannot be read.
    """
    from bytetrack.pipeline import VideoDetections  # imports OpenCV

    record = workspace.get(Run, run)
    path = workspace.folder(record) / DETECTIONS
    if not path.exists():
        raise UserError(
            f"The run “{record.name}” has no detections to track again. Track the video with a batch or an "
            "asynchronous endpoint first."
        )
    try:
        return VideoDetections.load(path)
    except ValueError as error:
        raise UserError(str(error)) from error


def retrack(detections: VideoDetections, settings: Mapping[str, float]) -> Tracks:
    """Track detections again. A thousand frames take well under a tenth of a second.

    Args:
        detections: Detections of a whole video.
        settings: Fields of `bytetrack.tracking.config.TrackerConfig`. The frame rate defaults to the video's.

    Raises:
        UserError: If a setting is unknown or out of its range.
    """
    from bytetrack.pipeline import track_detections

    try:
        config = TrackerConfig.parse({"frame_rate": detections.fps, **settings})
    except ValueError as error:
        raise UserError(str(error)) from error
    return track_detections(detections, config)


def _limit(tracks: Tracks, classes: Sequence[str]) -> Tracks:
    """Return the tracks of some classes, which then are the only ones; all tracks if they have none of the classes."""
    wanted = {name.casefold() for name in classes}
    kept_ids = [class_id for class_id, name in enumerate(tracks.classes) if name.casefold() in wanted]
    if not kept_ids:
        return tracks
    kept = tracks.select(np.isin(tracks.class_id, kept_ids))
    class_id = np.searchsorted(kept_ids, kept.class_id)
    return replace(kept, class_id=class_id, classes=tuple(tracks.classes[class_id] for class_id in kept_ids))


def _check_classes(name: str, labeled: tuple[str, ...], tracked: tuple[str, ...]) -> None:
    """Check that labels and tracks share a class, or have one class each: see `bytetrack.scoring.metrics.evaluate`."""
    shared = {name.casefold() for name in labeled} & {name.casefold() for name in tracked}
    if not shared and not len(labeled) == len(tracked) == 1:
        raise UserError(
            f"The labels “{name}” have the classes {', '.join(labeled)} and the tracks {', '.join(tracked)}: none is "
            "in both. Use the same class names, or limit the model to certain classes."
        )
