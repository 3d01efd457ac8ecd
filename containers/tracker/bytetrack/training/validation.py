"""How good a network is on a labeled split: COCO's average precision, and its tracks against the labels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from yolox.models import YoloxModule

from bytetrack.detection.artifact import ModelConfig, write_config
from bytetrack.detection.detector import Detector
from bytetrack.pipeline import detect_frames, track_frames, tracker_config
from bytetrack.scoring.metrics import Evaluation, combine, evaluate
from bytetrack.tracking.tracker import ByteTracker
from bytetrack.training.dataset import Image, Split, read_image

LOWEST_SCORE = 0.01  # average precision also asks how good the weak detections are
TRACK_THRESHOLDS = (0.5, 0.6, 0.4, 0.3)  # the first is ByteTrack's own, and wins where others are no better


class ModelEngine:
    """A network in training as an engine of `Detector`; see `bytetrack.detection.engine.Engine`."""

    def __init__(self, model: YoloxModule, input_size: tuple[int, int]) -> None:
        self.input_size = input_size
        self._model = model
        self._device = next(model.parameters()).device

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            return self._model(batch).float().cpu().numpy()


def detect(model: YoloxModule, config: ModelConfig, split: Split, images: Iterable[Image]) -> list[dict[str, Any]]:
    """What `model` (in evaluation mode) finds in `images`, as COCO results."""
    height, width = config.input_size
    with tempfile.TemporaryDirectory() as folder:
        write_config(Path(folder), replace(config, thresholds={**config.thresholds, "test_conf": LOWEST_SCORE}))
        detector = Detector(Path(folder), ModelEngine(model, (height, width)))
    results = []
    for image in images:
        found = detector.detect([read_image(image)])[0]
        for (left, top, right, bottom), score, class_id in zip(
            found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist()
        ):
            results.append(
                {
                    "image_id": image.id,
                    "category_id": split.category_ids[class_id],
                    "bbox": [left, top, right - left, bottom - top],
                    "score": score,
                }
            )
    return results


def tune_tracker(folder: Path, split: Split) -> tuple[float, dict[str, float]]:
    """Track each of the split's videos at its labeled frames with the artifact in `folder`.

    How sure a network is of what it sees depends on how long it was trained; the tracker's `track_thresh` has to match.

    Returns:
        The `TRACK_THRESHOLDS` with the best HOTA, and the HOTA, MOTA and IDF1 that it gives, in percent; no scores
        where no label has a track id, as nothing is known of tracks then.
    """
    detector = Detector(folder)
    videos = [images for images in split.videos if len(split.truth(images))]
    if not videos:
        return tracker_config(detector, {}).track_thresh, {}
    found = [list(detect_frames(map(read_image, images), detector)) for images in videos]
    scores = {}
    for threshold in TRACK_THRESHOLDS:
        evaluations: list[Evaluation] = []
        for images, detections in zip(videos, found):
            tracker = ByteTracker(tracker_config(detector, {"track_thresh": threshold}))
            tracks = track_frames(detections, tracker, detector.classes)
            evaluations += evaluate(split.truth(images), tracks, len(images)).values()
        metrics = combine(evaluations).metrics()
        scores[threshold] = {name: metrics[name] for name in ("HOTA", "MOTA", "IDF1")}
    best = max(scores, key=lambda threshold: scores[threshold]["HOTA"])
    return best, scores[best]
