"""Scores of tracks against labels, and what the tracker makes of the same detections with other thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

Metrics = dict[str, float]  # see `bytetrack.scoring.metrics.Evaluation.metrics`


def evaluate(workspace: Workspace, progress: Progress, *, run: str, labels: str) -> ScoreResult:
    """Score a run's tracks against labels of the same video and keep the result.

    Raises:
        UserError: if the labels are of another video, label no frame, or name no class that the tracks have.
    """
    tracked = workspace.get(Run, run)
    truth = workspace.get(Labels, labels)
    if truth.video != tracked.video:
        raise UserError(
            f"The labels “{truth.name}” are of another video than the run “{tracked.name}”. "
            "Choose labels of the video that was tracked."
        )
    progress(0.0, "Comparing tracks with labels")
    tracks = Tracks.load(workspace.folder(tracked) / TRACKS_JSON)
    metrics, per_class = score_tracks(load_truth(workspace, truth.id), tracks)
    score = workspace.add(
        Score(name=tracked.name, run=tracked.id, labels=truth.id, metrics=metrics, per_class=per_class)
    )
    print(f"HOTA: {metrics['HOTA']:.2f} MOTA: {metrics['MOTA']:.2f} IDF1: {metrics['IDF1']:.2f}", flush=True)
    progress(1.0, "Scored")
    return {"score": score.id}


@dataclass(frozen=True)
class Truth:
    """Labels as scores need them: `frames` is how many the video has, `labeled_frames` are those to count."""

    name: str
    tracks: Tracks
    frames: int
    labeled_frames: list[int]


def load_truth(workspace: Workspace, labels: str) -> Truth:
    """Raises UserError if no frame was labeled."""
    record = workspace.get(Labels, labels)
    if not record.labeled_frames:
        raise UserError(f"The labels “{record.name}” cover no frame, so there is nothing to compare with.")
    tracks = Tracks.load(workspace.folder(record) / TRACKS_JSON)
    return Truth(record.name, tracks, workspace.get(Video, record.video).frames, record.labeled_frames)


def score_tracks(truth: Truth, tracks: Tracks) -> tuple[Metrics, dict[str, Metrics]]:
    """The metrics over all classes, and per class, on the frames that a person labeled.

    Raises:
        UserError: if labels and tracks have no class in common.
    """
    from bytetrack.scoring import metrics  # brings SciPy and pycocotools along

    _check_classes(truth.name, truth.tracks.classes, tracks.classes)
    per_class: dict[str, Evaluation] = metrics.evaluate(truth.tracks, tracks, truth.frames, truth.labeled_frames)
    overall = metrics.combine(per_class.values()).metrics()
    return overall, {name: each.metrics() for name, each in per_class.items()}


def load_detections(workspace: Workspace, run: str) -> VideoDetections:
    """The detections that a run kept.

    Raises:
        UserError: if it kept none (real-time runs do not), or they cannot be read.
    """
    from bytetrack.pipeline import VideoDetections  # brings OpenCV along

    record = workspace.get(Run, run)
    path = workspace.folder(record) / DETECTIONS
    if not path.exists():
        raise UserError(
            f"The run “{record.name}” kept no detections to track again. Track the video with a batch or an "
            "asynchronous deployment first."
        )
    try:
        return VideoDetections.load(path)
    except ValueError as error:
        raise UserError(str(error)) from error


def retrack(detections: VideoDetections, settings: Mapping[str, float]) -> Tracks:
    """Track detections again; a thousand frames take well under a tenth of a second.

    Args:
        settings: names of `bytetrack.tracking.config.TrackerConfig`; the frame rate is the video's unless named.

    Raises:
        UserError: if a setting is wrong.
    """
    from bytetrack.pipeline import track_detections

    try:
        config = TrackerConfig.parse({"frame_rate": detections.fps, **settings})
    except ValueError as error:
        raise UserError(str(error)) from error
    return track_detections(detections, config)


def _check_classes(name: str, labeled: tuple[str, ...], tracked: tuple[str, ...]) -> None:
    """Check that labels and tracks share a class, or have one class each: see `bytetrack.scoring.metrics.evaluate`."""
    same = {each.casefold() for each in labeled} & {each.casefold() for each in tracked}
    if not same and not len(labeled) == len(tracked) == 1:
        raise UserError(
            f"The labels “{name}” have the classes {', '.join(labeled)} and the tracks {', '.join(tracked)}: none is "
            "in both. Give the classes the same names, or choose the model's classes to report."
        )
