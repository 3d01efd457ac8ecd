from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from deployment_helpers import add_model

from backend.steps.rare_classes import rarity_warnings
from backend.workspace import Workspace
from backend.workspace.records import Model, Run
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks

FRAMES = 100


@pytest.fixture
def model(workspace: Workspace) -> Model:
    return add_model(workspace)  # blue and red, with a high-score threshold of 0.5


def new_run(model: Model, classes: list[str]) -> Run:
    counts = {"frames": FRAMES, "objects": 0, "seconds": 1, "fps": 100}
    origin = {"video": "v", "endpoint": "e", "endpoint_name": "e", "mode": "batch", "model": model.id}
    return Run(name="run", classes=classes, **origin, **counts)


def tracks(frames: int, *, classes: tuple[str, ...] = ("blue", "red"), class_id: int = 0) -> Tracks:
    """Return a track with a box in so many frames."""
    frame = np.arange(frames)
    xyxy = np.tile([1, 1, 9, 9], (frames, 1))
    return Tracks(frame, np.ones(frames), xyxy, np.full(frames, 0.9), np.full(frames, class_id), classes)


def warnings(workspace: Workspace, model: Model, classes: list[str], tracked: Tracks, path: Path = Path("none")) -> str:
    return " ".join(rarity_warnings(workspace, new_run(model, classes), tracked, path))


def test_classes_in_enough_frames_are_not_warned_about(workspace: Workspace, model: Model) -> None:
    assert not warnings(workspace, model, ["blue"], tracks(5))
    assert not warnings(workspace, model, [], tracks(5))
    assert not warnings(workspace, model, [], tracks(5, class_id=1)), "any class will do if none was asked for"


def test_a_class_in_almost_no_frame_is_counted(workspace: Workspace, model: Model) -> None:
    sentence = warnings(workspace, model, ["blue"], tracks(4))
    assert "of 100 frames, blue in 4." in sentence
    assert "normalization" in sentence and "score thresholds" in sentence and "few of them" in sentence
    assert "objects in 0" in warnings(workspace, model, [], tracks(0))


def test_where_other_classes_occur_the_input_is_not_suspected(workspace: Workspace, model: Model) -> None:
    sentence = warnings(workspace, model, ["blue", "red"], tracks(50))
    assert "red in 0" in sentence and "blue" not in sentence and "normalization" not in sentence


@pytest.mark.parametrize(("score", "class_id", "is_reason"), [(0.3, 0, True), (0.3, 1, False), (0.9, 0, False)])
def test_weak_detections_point_to_the_threshold(
    workspace: Workspace, model: Model, tmp_path: Path, score: float, class_id: int, is_reason: bool
) -> None:
    detections = VideoDetections(
        frame=np.arange(40),
        xyxy=np.tile([1.0, 1, 9, 9], (40, 1)),
        scores=np.full(40, score),
        class_ids=np.full(40, class_id),
        classes=("blue", "red"),
        width=20,
        height=20,
        fps=10,
        frames=FRAMES,
    )
    detections.save(tmp_path / "detections.npz")
    sentence = warnings(workspace, model, ["blue"], tracks(0), tmp_path / "detections.npz")
    assert ("40 frames have detections with a score below the high-score threshold of 0.5" in sentence) == is_reason
