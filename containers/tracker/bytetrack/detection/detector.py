"""From frames to detections: letterbox, network, thresholds, non-maximum suppression."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bytetrack.detection.artifact import ModelConfig, read_config
from bytetrack.detection.engine import Engine, load_engine

PADDING = 114  # the gray around a frame that YOLOX is trained with
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)
MAX_CANDIDATES = 5000  # boxes that enter suppression, best first: an untrained network fires everywhere


@dataclass(frozen=True)
class Detections:
    """What was found in one frame, best first.

    Attributes:
        xyxy: `(N, 4)` float64, left, top, right, bottom in pixels of the frame, within it.
        scores: `(N,)` float64 in 0..1.
        class_ids: `(N,)` int64, index into the detector's `classes`.
    """

    xyxy: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Prepared:
    """A frame as the network takes it: `image` `(3, H, W)` float32, `scale` input pixels per frame pixel."""

    image: np.ndarray
    scale: float
    width: int
    height: int


class Detector:
    """A YOLOX artifact that finds objects in frames.

    Frames go through the network one by one: the result for a frame must not depend on which frames come with it,
    or a video would give other tracks as a whole than in pieces; on a CPU a batch is no faster either.

    Attributes:
        config: the artifact's configuration.
        classes: names of the classes that are reported, in the model's order; `class_ids` index these.

    Raises:
        ValueError: if the artifact is not whole or its files do not belong together.
    """

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self.config: ModelConfig = read_config(folder)
        self.engine = engine or load_engine(folder)
        keep = self.config.keep_classes
        self.classes = tuple(name for name in self.config.classes if keep is None or name in keep)
        # From the model's class to the reported one; -1 where it is not reported.
        numbers = {name: number for number, name in enumerate(self.classes)}
        self._reported = np.array([numbers.get(name, -1) for name in self.config.classes])
        self._one_at_a_time = threading.Lock()  # each call uses every core: side by side they would only be in the way
        self._check(folder)

    def detect(self, frames: list[np.ndarray]) -> list[Detections]:
        """Find objects in BGR `(H, W, 3)` uint8 frames of any size."""
        return [self.infer(self.prepare(frame)) for frame in frames]

    def prepare(self, frame: np.ndarray) -> Prepared:
        """Letterbox a BGR frame into the top left corner of the input and normalize it (no lock, for any thread)."""
        input_height, input_width = self.engine.input_size
        height, width = frame.shape[:2]
        scale = min(input_height / height, input_width / width)
        size = max(1, int(width * scale)), max(1, int(height * scale))
        canvas = np.full((input_height, input_width, 3), PADDING, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
        if self.config.normalization == "imagenet":
            pixels = (canvas[:, :, ::-1].astype(np.float32) / 255 - IMAGENET_MEAN) / IMAGENET_STD
        else:
            pixels = canvas.astype(np.float32)
        return Prepared(np.ascontiguousarray(pixels.transpose(2, 0, 1)), scale, width, height)

    def infer(self, prepared: Prepared) -> Detections:
        """Run the network on a prepared frame and keep what it is sure enough of."""
        with self._one_at_a_time:
            output = self.engine(prepared.image[None])[0]
        return self._select(output, prepared)

    def _select(self, output: np.ndarray, prepared: Prepared) -> Detections:
        thresholds = self.config.thresholds
        best_class = output[:, 5:].argmax(1)
        scores = output[:, 4] * output[np.arange(len(output)), 5 + best_class]
        class_ids = self._reported[best_class]
        candidates = np.flatnonzero((scores >= thresholds["test_conf"]) & (class_ids >= 0))
        candidates = candidates[np.argsort(-scores[candidates], kind="stable")[:MAX_CANDIDATES]]
        center_x, center_y, width, height = output[candidates, :4].astype(np.float64).T / prepared.scale
        xyxy = np.stack(
            [center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2], axis=1
        )
        xyxy = np.clip(xyxy, 0, [prepared.width, prepared.height] * 2)
        real = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])  # within the frame, and no NaN
        candidates, xyxy = candidates[real], xyxy[real]
        kept = suppress(xyxy, scores[candidates], class_ids[candidates], thresholds["nmsthre"])
        return Detections(
            xyxy[kept], scores[candidates][kept].astype(np.float64), class_ids[candidates][kept].astype(np.int64)
        )

    def _check(self, folder: Path) -> None:
        """One call on an empty frame: the first is slow, and a file of another model shows now and not in use."""
        if tuple(self.config.input_size) != tuple(self.engine.input_size):
            raise ValueError(
                f"model.json in {folder} says an input of {self.config.input_size} and the network takes "
                f"{list(self.engine.input_size)}: they are files of different models."
            )
        channels = self.engine(np.zeros((1, 3, *self.engine.input_size), np.float32)).shape[-1]
        if channels != 5 + len(self.config.classes):
            raise ValueError(
                f"model.json in {folder} names {len(self.config.classes)} classes and the network has "
                f"{channels - 5}: they are files of different models."
            )


def suppress(xyxy: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, threshold: float) -> np.ndarray:
    """Non-maximum suppression within each class.

    Args:
        xyxy: `(N, 4)` boxes.
        scores: `(N,)`; the earlier of two equal ones goes first.
        class_ids: `(N,)` int.
        threshold: the intersection over union above which the weaker of two boxes is dropped.

    Returns:
        Indices of the boxes that stay, best first.
    """
    if not len(xyxy):
        return np.empty(0, np.int64)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    # Its type stubs ask for lists; arrays do as well, without a copy for each number.
    kept = cv2.dnn.NMSBoxesBatched(xywh, scores.astype(np.float32), class_ids, -1.0, threshold)  # type: ignore[arg-type]
    return np.asarray(kept, np.int64).reshape(-1)
