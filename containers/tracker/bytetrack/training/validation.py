"""Scores of a network on a labeled split: average precision, and its tracks against the labels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import torch
from yolox.models import YoloxModule

from bytetrack.arrays import Float32Array
from bytetrack.detection.artifact import ModelConfig, write_config
from bytetrack.detection.detector import Detector
from bytetrack.pipeline import detect_frames, track_frames, tracker_config
from bytetrack.scoring.metrics import Evaluation, combine, evaluate
from bytetrack.tracking.tracker import ByteTracker
from bytetrack.training.dataset import Image, Split, read_image

MIN_SCORE = 0.01  # average precision also rates weak detections
TRACK_THRESHOLDS = (0.5, 0.6, 0.4, 0.3)  # the first is ByteTrack's own, and wins if others are no better


class CocoResult(TypedDict):
    """One detection in COCO's result format; `bbox` is left, top, width, height in pixels."""

    image_id: int
    category_id: int
    bbox: list[float]
    score: float


class ModelEngine:
    """A network in training as an engine of `Detector`, see `bytetrack.detection.engine.Engine`."""

    def __init__(self, model: YoloxModule, input_size: tuple[int, int]) -> None:
        self.input_size = input_size
        self._model = model
        self._device = next(model.parameters()).device

    def __call__(self, images: Float32Array) -> Float32Array:
        """Run the network, see `Engine`."""
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            output: Float32Array = self._model(batch).float().cpu().numpy()
            return output


def detect_images(model: YoloxModule, config: ModelConfig, split: Split, images: Iterable[Image]) -> list[CocoResult]:
    """Detect objects in images, for the computation of the average precision.

    Args:
        model: The network, in evaluation mode.
        config: Configuration of the network.
        split: The split that the images belong to.
        images: The images.
    """
    height, width = config.input_size
    with tempfile.TemporaryDirectory() as folder:
        write_config(Path(folder), replace(config, thresholds={**config.thresholds, "test_conf": MIN_SCORE}))
        detector = Detector(Path(folder), ModelEngine(model, (height, width)))
    results: list[CocoResult] = []
    for image in images:
        [detections] = detector.detect([read_image(image)])
        rows = zip(detections.xyxy.tolist(), detections.scores.tolist(), detections.class_ids.tolist())
        results += [
            {
                "image_id": image.id,
                "category_id": split.category_ids[class_id],
                "bbox": [left, top, right - left, bottom - top],
                "score": score,
            }
            for (left, top, right, bottom), score, class_id in rows
        ]
    return results


def choose_track_threshold(folder: Path, split: Split) -> tuple[float, dict[str, float]]:
    """Choose the tracker's `track_thresh` by tracking the split's videos with the artifact in `folder`.

    The scores that a network gives grow with the length of its training, so the threshold has to match the network.

    Returns:
        The one of `TRACK_THRESHOLDS` with the highest HOTA; and the HOTA, MOTA and IDF1 at this threshold in percent.
        If no label has a track id, the model's own threshold and no scores.
    """
    detector = Detector(folder)
    videos = [images for images in split.videos if len(split.labeled_tracks(images))]
    if not videos:
        return tracker_config(detector, {}).track_thresh, {}
    detections_of_videos = [list(detect_frames(map(read_image, images), detector)) for images in videos]
    scores: dict[float, dict[str, float]] = {}
    for threshold in TRACK_THRESHOLDS:
        evaluations: list[Evaluation] = []
        for images, detections in zip(videos, detections_of_videos):
            tracker = ByteTracker(tracker_config(detector, {"track_thresh": threshold}))
            tracks = track_frames(detections, tracker, detector.classes)
            evaluations += evaluate(split.labeled_tracks(images), tracks, len(images)).values()
        metrics = combine(evaluations).metrics()
        scores[threshold] = {name: metrics[name] for name in ("HOTA", "MOTA", "IDF1")}
    best = max(scores, key=lambda threshold: scores[threshold]["HOTA"])
    return best, scores[best]
