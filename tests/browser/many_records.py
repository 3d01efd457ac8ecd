"""A workspace with many finished records, which is made in seconds: for page times and for tests of every page."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from backend.labels.label_statistics import count_boxes
from backend.workspace import Workspace
from backend.workspace.paths import ANNOTATIONS, DATABASE, DETECTIONS, TRACKS_CSV, TRACKS_JSON, TRACKS_MOT
from backend.workspace.records import (
    Comparison,
    ComparisonRow,
    Dataset,
    Endpoint,
    Job,
    Labels,
    Model,
    Record,
    Run,
    Score,
    TrackerSearch,
    Video,
    stored_kind,
)
from bytetrack.detection.artifact import ModelConfig, write_config
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter

FRAMES, WIDTH, HEIGHT, FPS = 120, 640, 360, 25
OBJECTS = 6
CLASSES = ["person", "car"]
METRICS = {"HOTA": 61.2, "DetA": 60.0, "AssA": 63.1, "LocA": 82.0, "MOTA": 70.4, "MOTP": 81.0, "IDF1": 74.9}
METRICS |= {"IDP": 75.0, "IDR": 74.8, "IDSW": 3, "FP": 20, "FN": 40, "FRAG": 4, "MT": 4, "ML": 1}
HOUR = 3600.0


def make_workspace(root: Path, count: int, few: int = 20) -> Workspace:
    """Fill a new workspace.

    Args:
        root: Its folder.
        count: Number of videos, and of labels, datasets, models, runs and jobs.
        few: Number of endpoints, scores, searches and comparisons.
    """
    workspace = Workspace(root)
    shared = root / "shared"
    shared.mkdir()
    write_video(shared / "video.mp4")
    tracks = moving_objects()
    tracks.save(shared / TRACKS_JSON)
    records: list[Record] = []
    videos = [_video(shared / "video.mp4", number) for number in range(count)]
    labels = [_labels(video, tracks) for video in videos]
    models = [_model(number) for number in range(count)]
    endpoints = [
        Endpoint(name=f"{model.name} batch", model=model.id, mode="batch", platform="local") for model in models[:few]
    ]
    runs = [_run(video, endpoints[number % len(endpoints)], tracks) for number, video in enumerate(videos)]
    records += [*videos, *labels, *models, *endpoints, *runs]
    datasets = [_dataset(number, labels) for number in range(count)]
    records += datasets
    records += [_job(number, runs[number]) for number in range(count)]
    records += [
        Score(name=run.name, run=run.id, labels=own.id, metrics=METRICS, per_class={"person": METRICS, "car": METRICS})
        for run, own in zip(runs[:few], labels)
    ]
    records += [_search(run, own) for run, own in zip(runs[: max(1, few // 4)], labels)]
    records += [
        Comparison(name=f"{video.name} comparison", video=video.id, rows=[_row(endpoint) for endpoint in endpoints[:3]])
        for video in videos[:few]
    ]
    for age, record in enumerate(reversed(records)):
        record.created = time.time() - HOUR - 60 * age
    _store(workspace, records)
    _write_files(workspace, [*labels, *runs], models, shared)
    _write_annotations(workspace, datasets, shared)
    return workspace


def write_video(path: Path) -> None:
    """Write a short video of moving squares."""
    with VideoWriter(path, FPS, (WIDTH, HEIGHT)) as writer:
        for number in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            for left, top, right, bottom in _boxes(number).astype(int):
                image[top:bottom, left:right] = (200, 160, 90)
            writer.write(image)


def moving_objects() -> Tracks:
    """Return the tracks of the squares."""
    frame = np.repeat(np.arange(FRAMES), OBJECTS)
    identity = np.tile(np.arange(1, OBJECTS + 1), FRAMES)
    xyxy = np.concatenate([_boxes(number) for number in range(FRAMES)])
    return Tracks(frame, identity, xyxy, np.full(len(frame), 0.9), (identity - 1) % 2, tuple(CLASSES))


def _boxes(frame: int) -> np.ndarray:
    """Return the boxes of the squares in a frame, `(OBJECTS, 4)` in pixels."""
    number = np.arange(OBJECTS)
    left = 20 + 90 * number + 0.4 * frame
    top = 40 + 40 * number % 200 + 0.2 * frame
    return np.stack([left, top, left + 40, top + 60], axis=1)


def _video(path: Path, number: int) -> Video:
    return Video(
        name=f"camera {number % 12} {number}",
        path=str(path),
        width=WIDTH,
        height=HEIGHT,
        fps=FPS,
        frames=FRAMES,
        seconds=FRAMES / FPS,
        codec="h264",
        size=path.stat().st_size,
        tags=[f"site {number % 7}"] if number % 3 == 0 else [],
        description="Rain from the middle on." if number % 10 == 0 else "",
    )


def _labels(video: Video, tracks: Tracks) -> Labels:
    frames = list(range(video.frames))
    return Labels(
        name=video.name,
        video=video.id,
        source="MOTChallenge",
        classes=CLASSES,
        labeled_frames=frames,
        boxes=len(tracks),
        objects=OBJECTS,
        statistics=count_boxes(tracks, video),
    )


def _model(number: int) -> Model:
    metrics = {"AP": 0.4, "AP50": 0.7, "HOTA": 60.0}
    shape = {"size": "nano", "classes": CLASSES, "input_size": [416, 416], "source": "trained"}
    return Model(name=f"streets nano {number}", metrics=metrics, **shape)


def _run(video: Video, endpoint: Endpoint, tracks: Tracks) -> Run:
    return Run(
        name=f"{video.name} - {endpoint.name}",
        video=video.id,
        endpoint=endpoint.id,
        endpoint_name=endpoint.name,
        mode="batch",
        model=endpoint.model,
        frames=video.frames,
        objects=OBJECTS,
        seconds=4.0,
        fps=video.frames / 4,
    )


def _dataset(number: int, labels: Sequence[Labels]) -> Dataset:
    splits = {
        split: [labels[(number + shift) % len(labels)].id for shift in shifts]
        for split, shifts in {"train": range(6), "val": (6,), "test": (7,)}.items()
    }
    frames = {split: FRAMES * len(ids) for split, ids in splits.items()}
    boxes = {split: {name: amount * OBJECTS // 2 for name in CLASSES} for split, amount in frames.items()}
    return Dataset(name=f"streets {number}", splits=splits, classes=CLASSES, frames=frames, boxes=boxes)


def _job(number: int, run: Run) -> Job:
    now = time.time() - HOUR
    params = {"video": run.video, "endpoint": run.endpoint}
    times = {"started": now, "ended": now + 4, "progress": 1.0}
    return Job(name=f"Track {number}", verb="track", params=params, status="done", result={"run": run.id}, **times)


def _search(run: Run, labels: Labels) -> TrackerSearch:
    trials = [{"HOTA": 50.0 + number / 10, "track_thresh": number / 100, "match_thresh": 0.8} for number in range(100)]
    return TrackerSearch(
        name=run.name,
        run=run.id,
        labels=labels.id,
        settings={"track_thresh": 0.6},
        before=METRICS,
        metrics=METRICS | {"HOTA": 64.0},
        importances={"track_thresh": 0.8, "match_thresh": 0.2},
        trials=trials,
    )


def _row(endpoint: Endpoint) -> ComparisonRow:
    return {
        "endpoint": endpoint.name,
        "mode": "realtime",
        "model": "streets nano",
        "frames": FRAMES,
        "seconds": 4.0,
        "fps": 30.0,
        "requests": 120,
        "bytes_sent": 120 * 30_000,
        "client_ms": {"p50": 2.0, "p90": 3.0, "p99": 4.0},
        "network_ms": {"p50": 2.0, "p90": 3.0, "p99": 4.0},
        "model_ms": {"p50": 25.0, "p90": 30.0, "p99": 40.0},
        "total_ms": {"p50": 29.0, "p90": 36.0, "p99": 48.0},
        "latency": [29.0 + number / 10 for number in range(120)],
        "cost_per_hour": 0.0,
        "cost_per_1000_frames": 0.0,
        "error": "",
    }


def _store(workspace: Workspace, records: Sequence[Record]) -> None:
    """Store records in one transaction, which is much faster than one after another."""

    def rows() -> Iterator[tuple[str, str, str, float, str]]:
        for record in records:
            yield record.id, stored_kind(type(record)), record.name, record.created, json.dumps(asdict(record))

    with sqlite3.connect(workspace.root / DATABASE) as connection:
        connection.create_function("casefold", 1, str.casefold, deterministic=True)
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows())


def _write_files(
    workspace: Workspace, with_tracks: Sequence[Labels | Run], models: Sequence[Model], shared: Path
) -> None:
    """Give records the files that pages read; equal files are hard links to one."""
    (shared / TRACKS_MOT).write_text("1,1,20,40,40,60,1,1,1\n")
    (shared / TRACKS_CSV).write_text("frame,id\n0,1\n")
    tracks = moving_objects()
    size = {"width": WIDTH, "height": HEIGHT, "fps": FPS, "frames": FRAMES}
    VideoDetections(tracks.frame, tracks.xyxy, tracks.score, tracks.class_id, tuple(CLASSES), **size).save(
        shared / DETECTIONS
    )
    save_file({"weight": np.zeros((3, 4), np.float32)}, shared / "model.safetensors")
    (shared / "model.onnx").write_bytes(b"")
    write_config(shared, ModelConfig(depth=0.33, width=0.25, depthwise=True, classes=CLASSES, input_size=[416, 416]))
    for record in with_tracks:
        folder = workspace.folder(record)
        names = [TRACKS_JSON, TRACKS_MOT, TRACKS_CSV, *([DETECTIONS] if isinstance(record, Run) else [])]
        for name in names:
            os.link(shared / name, folder / name)
    for model in models:
        folder = workspace.folder(model)
        for name in ("model.safetensors", "model.onnx", "model.json"):
            os.link(shared / name, folder / name)


def _write_annotations(workspace: Workspace, datasets: Sequence[Dataset], shared: Path) -> None:
    """Give datasets the annotations from which hyperparameters are suggested."""
    annotations = [
        {"id": index + 1, "image_id": 1, "category_id": index % 2 + 1, "bbox": [left, top, right - left, bottom - top]}
        | {"area": (right - left) * (bottom - top), "iscrowd": 0}
        for index, (left, top, right, bottom) in enumerate(_boxes(0).tolist())
    ]
    document = {
        "images": [{"id": 1, "file_name": "0.jpg", "width": WIDTH, "height": HEIGHT}],
        "annotations": annotations,
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(CLASSES)],
    }
    (shared / ANNOTATIONS).write_text(json.dumps(document))
    for dataset in datasets:
        for split in dataset.splits:
            folder = workspace.folder(dataset) / split
            folder.mkdir()
            os.link(shared / ANNOTATIONS, folder / ANNOTATIONS)
