"""Make sample videos with exact labels from a synthetic street."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from backend.jobs.results import SampleResult
from backend.labels.label_statistics import count_boxes
from backend.progress import Progress, part
from backend.steps.sample_scene import CLASSES, Box, Scene
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter, probe

FPS = 12.0


def make(
    workspace: Workspace,
    progress: Progress,
    *,
    scenes: int = 16,
    frames: int = 36,
    size: tuple[int, int] = (480, 352),
    seed: int = 0,
) -> SampleResult:
    """Add sample videos “sample 1”, … and their labels.

    A box encloses the part of an object that is within the frame, also where another object hides it. An object has no
    box in frames in which two thirds of it are hidden, or in which it has hardly entered.

    Args:
        workspace: Workspace that gets the videos and labels.
        progress: Called with the progress.
        scenes: Number of videos.
        frames: Number of frames of each video.
        size: Width and height in pixels, even.
        seed: Seed of the traffic; the street does not depend on it.
    """
    videos, labels = [], []
    for number in range(scenes):
        rng = np.random.default_rng([seed, number])
        scene = Scene((size[0], size[1]), frames, camera=number % 2, rng=rng)
        scene_progress = part(progress, number / scenes, (number + 1) / scenes)
        video_id, labels_id = _add_scene(workspace, scene_progress, scene, frames, f"sample {number + 1}")
        videos.append(video_id)
        labels.append(labels_id)
    return {"videos": videos, "labels": labels}


def _add_scene(workspace: Workspace, progress: Progress, scene: Scene, frames: int, name: str) -> tuple[str, str]:
    """Add the video and the labels of a scene, and return their ids."""
    video = Video(
        name=name,
        path="",
        width=scene.width,
        height=scene.height,
        fps=FPS,
        frames=frames,
        seconds=frames / FPS,
        codec="h264",
        size=0,
    )
    boxes: list[tuple[int, Box]] = []
    with tempfile.TemporaryDirectory() as temporary:
        unfinished = Path(temporary) / "sample.mp4"
        with VideoWriter(unfinished, FPS, (scene.width, scene.height)) as writer:
            for frame in range(frames):
                picture, frame_boxes = scene.render(frame)
                writer.write(picture)
                boxes += [(frame, box) for box in frame_boxes]
                progress((frame + 1) / frames, name)
        video.path = str(shutil.move(unfinished, workspace.folder(video) / "sample.mp4"))
    video.size = probe(video.path).size
    tracks = Tracks(
        frame=np.array([frame for frame, _ in boxes]),
        id=np.array([box.object_id for _, box in boxes]),
        xyxy=np.array([box.xyxy for _, box in boxes]),
        score=np.ones(len(boxes)),
        class_id=np.array([box.class_id for _, box in boxes]),
        classes=CLASSES,
    )
    labels = Labels(
        name=name,
        video=video.id,
        source="sample",
        classes=list(CLASSES),
        labeled_frames=list(range(frames)),
        boxes=len(tracks),
        objects=len(np.unique(tracks.id)),
        statistics=count_boxes(tracks, video),
    )
    tracks.save(workspace.folder(labels) / TRACKS_JSON)
    workspace.add(video)
    workspace.add(labels)
    print(f"{video.name}: {frames} frames, {labels.objects} objects, {labels.boxes} boxes", flush=True)
    return video.id, labels.id
