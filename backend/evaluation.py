"""Scores of tracks against labels, and what the tracker makes of the same detections with other thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.errors import UserError
from backend.progress import Progress
from backend.records import Labels, Run, Score, Video
from backend.workspace import Workspace
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.metrics import Evaluation

Metrics = dict[str, float]  # see `bytetrack.metrics.Evaluation.metrics`


def evaluate(workspace: Workspace, progress: Progress, *, run: str, labels: str) -> dict:
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
    tracks = Tracks.load(workspace.folder(tracked) / "tracks.json")
    metrics, per_class = score_tracks(workspace, tracks, truth.id)
    score = workspace.add(
        Score(name=tracked.name, run=tracked.id, labels=truth.id, metrics=metrics, per_class=per_class)
    )
    print(f"HOTA: {metrics['HOTA']:.2f} MOTA: {metrics['MOTA']:.2f} IDF1: {metrics['IDF1']:.2f}", flush=True)
    progress(1.0, "Scored")
    return {"score": score.id}


def score_tracks(workspace: Workspace, tracks: Tracks, labels: str) -> tuple[Metrics, dict[str, Metrics]]:
    """The metrics over all classes, and per class, on the frames that a person labelled.

    Raises:
        UserError: if no frame was labelled, or labels and tracks have no class in common.
    """
    from bytetrack import metrics  # brings SciPy and pycocotools along

    record = workspace.get(Labels, labels)
    if not record.labelled_frames:
        raise UserError(f"The labels “{record.name}” cover no frame, so there is nothing to compare with.")
    truth = Tracks.load(workspace.folder(record) / "tracks.json")
    _check_classes(record.name, truth.classes, tracks.classes)
    frames = workspace.get(Video, record.video).frames
    per_class: dict[str, Evaluation] = metrics.evaluate(truth, tracks, frames, record.labelled_frames)
    overall = metrics.combine(per_class.values()).metrics()
    return overall, {name: each.metrics() for name, each in per_class.items()}


def retrack(workspace: Workspace, run: str, settings: dict[str, float]) -> Tracks:
    """Track a run's detections again; takes about a millisecond a frame.

    Args:
        settings: names of `bytetrack.tracker.TrackerConfig`; the frame rate is the video's unless named.

    Raises:
        UserError: if the run kept no detections (only batch runs do), or a setting is wrong.
    """
    from bytetrack.config import TrackerConfig
    from bytetrack.pipeline import VideoDetections, track_detections  # brings OpenCV along

    record = workspace.get(Run, run)
    path = workspace.folder(record) / "detections.npz"
    if not path.exists():
        raise UserError(
            f"The run “{record.name}” kept no detections to track again. Track the video with a batch deployment first."
        )
    try:
        detections = VideoDetections.load(path)
        config = TrackerConfig.parse({"frame_rate": detections.fps, **settings})
    except ValueError as error:
        raise UserError(str(error)) from error
    return track_detections(detections, config)


def _check_classes(name: str, labelled: tuple[str, ...], tracked: tuple[str, ...]) -> None:
    """Different names are no obstacle where there is one class on either side: see `bytetrack.metrics.evaluate`."""
    same = {each.casefold() for each in labelled} & {each.casefold() for each in tracked}
    if not same and not len(labelled) == len(tracked) == 1:
        raise UserError(
            f"The labels “{name}” have the classes {', '.join(labelled)} and the tracks {', '.join(tracked)}: none is "
            "in both. Give the classes the same names, or choose the model's classes to report."
        )
