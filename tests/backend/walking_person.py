"""A person who walks through a video: tracks of the person, and labels and runs with such tracks."""

from __future__ import annotations

import numpy as np

from backend.workspace import Workspace
from backend.workspace.records import Labels, Run, Video
from bytetrack.tracks import Tracks

FRAMES = 10


def walk(step: int = 1, classes: tuple[str, ...] = ("person",), frames: int = FRAMES) -> Tracks:
    """Return the tracks of an object that moves to the right, in every `step`-th frame."""
    frame = np.arange(0, frames, step)
    xyxy = np.stack([5.0 * frame, 0.0 * frame, 5.0 * frame + 40, 0.0 * frame + 80], axis=1)
    return Tracks(frame, np.ones(len(frame)), xyxy, np.ones(len(frame)), np.zeros(len(frame)), classes)


def add_video(workspace: Workspace, frames: int = FRAMES) -> Video:
    return workspace.add(
        Video(
            name="yard",
            path="yard.mp4",
            width=640,
            height=480,
            fps=7.0,
            frames=frames,
            seconds=frames / 7,
            codec="h264",
            size=1,
        )
    )


def add_labels(workspace: Workspace, video: Video, truth: Tracks, labeled: list[int]) -> Labels:
    labels = workspace.add(
        Labels(
            name="by hand",
            video=video.id,
            source="sample",
            classes=list(truth.classes),
            labeled_frames=labeled,
            boxes=len(truth),
            objects=1,
        )
    )
    truth.save(workspace.folder(labels) / "tracks.json")
    return labels


def add_run(workspace: Workspace, video: Video, tracks: Tracks) -> Run:
    run = workspace.add(
        Run(
            name="first",
            video=video.id,
            endpoint="endpoint-0",
            endpoint_name="batch",
            mode="batch",
            model="model-0",
            frames=video.frames,
            objects=1,
            seconds=1.0,
            fps=10.0,
        )
    )
    tracks.save(workspace.folder(run) / "tracks.json")
    return run
