"""The detector: from frames to bounding boxes by letterboxing, the network, a score threshold and NMS."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytetrack.arrays import Float32Array, FloatArray, ImageArray, IntArray
from bytetrack.detection.artifact import ModelConfig, read_config
from bytetrack.detection.engine import Engine, load_engine
from bytetrack.detection.letterbox import letterbox
from bytetrack.detection.nms import nms
from bytetrack.detection.normalization import normalize_image

MAX_NMS_CANDIDATES = 5000  # boxes that enter NMS, best first; an untrained network reports every anchor


@dataclass(frozen=True)
class Detections:
    """The objects detected in one frame, highest score first.

    Attributes:
        xyxy: `(N, 4)` float64, left, top, right, bottom in pixels of the frame, clipped to the frame.
        scores: `(N,)` float64 in 0..1.
        class_ids: `(N,)` int64, index into the detector's `classes`.
    """

    xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class PreparedFrame:
    """A letterboxed and normalized frame.

    Attributes:
        image: `(3, input height, input width)` float32, what the network takes.
        scale: Input pixels per frame pixel.
        width: Width of the original frame in pixels.
        height: Height of the original frame in pixels.
    """

    image: Float32Array
    scale: float
    width: int
    height: int


class Detector:
    """A YOLOX model that detects objects in frames.

    The network runs on one frame at a time. The result for a frame must not depend on the frames that are sent with it:
    a video tracked in pieces has to give the same tracks as the whole video. On a CPU, batches are no faster either.

    Attributes:
        config: Configuration of the artifact.
        classes: Names of the reported classes in the order of the model. `class_ids` index this tuple.

    Raises:
        ValueError: If the artifact is incomplete or its files belong to different models.
    """

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self.config: ModelConfig = read_config(folder)
        self.engine = engine or load_engine(folder)
        self._report(self.config.classes if self.config.keep_classes is None else self.config.keep_classes)
        # One call of the network uses every core, so calls that run side by side would only slow each other down.
        self._inference_lock = threading.Lock()
        self._check_artifact(folder)

    def limited_to(self, classes: Collection[str]) -> Detector:
        """Return a detector on the same network that reports only these of its classes.

        Objects of the other classes are dropped before NMS and tracking, as if the model did not know them. Both
        detectors can be used side by side.

        Raises:
            ValueError: If `classes` is empty, or names a class that this detector does not report.
        """
        if not classes:
            raise ValueError(f"Name at least one of the model's classes: {', '.join(self.classes)}.")
        if unknown := [name for name in classes if name not in self.classes]:
            raise ValueError(
                f"The model has no class {', '.join(map(repr, unknown))}. Its classes are {', '.join(self.classes)}."
            )
        limited = copy.copy(self)
        limited._report(classes)
        return limited

    def detect(self, frames: list[ImageArray]) -> list[Detections]:
        """Detect objects in BGR `(H, W, 3)` uint8 frames of any size."""
        return [self.infer(self.prepare(frame)) for frame in frames]

    def prepare(self, frame: ImageArray) -> PreparedFrame:
        """Letterbox and normalize a BGR `(H, W, 3)` uint8 frame. Safe to call from any thread."""
        height, width = frame.shape[:2]
        padded, scale = letterbox(frame, self.engine.input_size)
        return PreparedFrame(normalize_image(padded, self.config.normalization), scale, width, height)

    def infer(self, prepared: PreparedFrame) -> Detections:
        """Run the network on a prepared frame and select its detections."""
        with self._inference_lock:
            output = self.engine(prepared.image[None])[0]
        return self._select(output, prepared)

    def _report(self, classes: Collection[str]) -> None:
        """Set which of the model's classes are reported."""
        self.classes = tuple(name for name in self.config.classes if name in classes)
        reported_ids = {name: class_id for class_id, name in enumerate(self.classes)}
        # Maps a class of the model to a reported class; -1 stands for a class that is not reported.
        self._reported_class_ids = np.array([reported_ids.get(name, -1) for name in self.config.classes])

    def _select(self, output: Float32Array, prepared: PreparedFrame) -> Detections:
        """Apply the score threshold and NMS to the network's `(anchors, 5 + classes)` output for one frame."""
        thresholds = self.config.thresholds
        best_class = output[:, 5:].argmax(1)
        scores = output[:, 4] * output[np.arange(len(output)), 5 + best_class]
        class_ids = self._reported_class_ids[best_class]
        candidates = np.flatnonzero((scores >= thresholds["test_conf"]) & (class_ids >= 0))
        candidates = candidates[np.argsort(-scores[candidates], kind="stable")[:MAX_NMS_CANDIDATES]]
        center_x, center_y, width, height = output[candidates, :4].astype(np.float64).T / prepared.scale
        xyxy = np.stack(
            [center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2], axis=1
        )
        xyxy = np.clip(xyxy, 0, [prepared.width, prepared.height] * 2)
        # Drops boxes outside the frame, and boxes with a NaN, for which every comparison is false.
        has_area = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        candidates, xyxy = candidates[has_area], xyxy[has_area]
        selected = nms(xyxy, scores[candidates], class_ids[candidates], thresholds["nmsthre"])
        return Detections(
            xyxy[selected],
            scores[candidates][selected].astype(np.float64),
            class_ids[candidates][selected].astype(np.int64),
        )

    def _check_artifact(self, folder: Path) -> None:
        """Run the network on an empty frame: this warms it up, and finds files of different models at the start."""
        if tuple(self.config.input_size) != tuple(self.engine.input_size):
            raise ValueError(
                f"model.json in {folder} has the input size {self.config.input_size}, but the network takes "
                f"{list(self.engine.input_size)}: the files belong to different models."
            )
        channels = self.engine(np.zeros((1, 3, *self.engine.input_size), np.float32)).shape[-1]
        if channels != 5 + len(self.config.classes):
            raise ValueError(
                f"model.json in {folder} has {len(self.config.classes)} classes, but the network has "
                f"{channels - 5}: the files belong to different models."
            )
