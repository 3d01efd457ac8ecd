"""From a video to its tracks: decode ahead, detect, track; detections can be kept, to be tracked again later."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bytetrack import video
from bytetrack.detection.detector import Detections, Detector
from bytetrack.files import atomic_path
from bytetrack.tracking.config import SETTING_NAMES, TrackerConfig
from bytetrack.tracking.refinement import refine
from bytetrack.tracking.tracker import ByteTracker
from bytetrack.tracks import Tracks

T = TypeVar("T")
OnFrame = Callable[[int], None]  # called with the number of frames done; what it raises ends the work


def detect_frames(frames: Iterable[np.ndarray], detector: Detector) -> Iterator[Detections]:
    """The detections of each BGR frame in turn; the next frames are decoded and prepared meanwhile."""
    for prepared in prefetch(map(detector.prepare, frames)):
        yield detector.infer(prepared)


def track_frames(
    detections: Iterable[Detections],
    tracker: ByteTracker,
    classes: tuple[str, ...],
    first_frame: int = 0,
    on_frame: OnFrame | None = None,
) -> Tracks:
    """Hand the detections of consecutive frames to `tracker`, which goes on from where it stands.

    Args:
        classes: what the detections' `class_ids` index.
        first_frame: the number that the first of these frames has in the tracks.
    """
    columns: list[tuple[np.ndarray, ...]] = []
    for done, found in enumerate(detections):
        xyxy, ids, scores, class_ids = tracker.update(found.xyxy, found.scores, found.class_ids)
        columns.append((np.full(len(ids), first_frame + done), ids, xyxy, scores, class_ids))
        if on_frame:
            on_frame(done + 1)
    if not columns:
        return Tracks.empty(classes)
    frame, ids, xyxy, scores, class_ids = (np.concatenate(column) for column in zip(*columns))
    return Tracks(frame, ids, xyxy, scores, class_ids, classes)


@dataclass(frozen=True)
class VideoDetections:
    """All detections of one video, so that it can be tracked again with other thresholds.

    Attributes:
        frame: `(N,)` int64, ascending, from 0.
        xyxy: `(N, 4)` float64, pixels of the frame.
        scores: `(N,)` float64.
        class_ids: `(N,)` int64, index into `classes`.
        frames: how many frames the decoder gave.
        fps: the video's frames per second.
    """

    frame: np.ndarray
    xyxy: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    classes: tuple[str, ...]
    width: int
    height: int
    fps: float
    frames: int

    def __iter__(self) -> Iterator[Detections]:
        """The detections of each frame, empty ones too."""
        ends = np.searchsorted(self.frame, np.arange(self.frames + 1))
        for first, last in zip(ends, ends[1:]):
            yield Detections(self.xyxy[first:last], self.scores[first:last], self.class_ids[first:last])

    def save(self, path: Path) -> None:
        """Write a compressed `.npz` of plain arrays."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> VideoDetections:
        """Read what `save` wrote.

        Raises:
            ValueError: if it is not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls._of({name: arrays[name].tolist() for name in arrays.files})
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{Path(path).name} does not hold the detections of a video: {error}") from error

    def to_json(self) -> dict[str, Any]:
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> VideoDetections:
        """Read what `to_json` gave.

        Raises:
            ValueError: if a field is missing or malformed.
        """
        try:
            return cls._of(document)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"Not the detections of a video: {error}") from error

    @classmethod
    def _of(cls, values: dict[str, Any]) -> VideoDetections:
        return cls(
            frame=np.array(values["frame"], np.int64),
            xyxy=np.array(values["xyxy"], np.float64).reshape(-1, 4),
            scores=np.array(values["scores"], np.float64),
            class_ids=np.array(values["class_ids"], np.int64),
            classes=tuple(values["classes"]),
            width=int(values["width"]),
            height=int(values["height"]),
            fps=float(values["fps"]),
            frames=int(values["frames"]),
        )


def detect_video(path: Path, detector: Detector, on_frame: OnFrame | None = None) -> VideoDetections:
    """All detections of the video at `path`.

    Raises:
        ValueError: in one sentence, if it is not a video with frames.
    """
    info = video.probe(path)
    found: list[Detections] = []
    for detections in detect_frames(video.read_frames(path), detector):
        found.append(detections)
        if on_frame:
            on_frame(len(found))
    return VideoDetections(
        frame=np.repeat(np.arange(len(found)), [len(detections) for detections in found]),
        xyxy=np.concatenate([detections.xyxy for detections in found]),
        scores=np.concatenate([detections.scores for detections in found]),
        class_ids=np.concatenate([detections.class_ids for detections in found]),
        classes=detector.classes,
        width=info.width,
        height=info.height,
        fps=info.fps,
        frames=len(found),
    )


def track_detections(detections: VideoDetections, config: TrackerConfig) -> Tracks:
    """The refined tracks of a video whose detections are known."""
    return refine(track_frames(detections, ByteTracker(config), detections.classes), config)


def tracker_config(detector: Detector, settings: Mapping[str, Any], frame_rate: float = 30.0) -> TrackerConfig:
    """The tracker's configuration: the artifact's thresholds, then what a person asks for.

    Args:
        settings: see `TrackerConfig.parse`, which raises ValueError for a wrong one.
        frame_rate: of the video, where `settings` does not name one.
    """
    own = {name: value for name, value in detector.config.thresholds.items() if name in SETTING_NAMES}
    return TrackerConfig.parse({**own, "frame_rate": frame_rate, **settings})


@dataclass(frozen=True)
class TrackedVideo:
    """A video's detections and tracks, and the seconds that decoding, detecting and tracking took."""

    detections: VideoDetections
    tracks: Tracks
    model_seconds: float

    def document(self) -> dict[str, Any]:
        """What batch and endpoints answer, as JSON."""
        return {
            **self.tracks.to_json(),
            "frames": self.detections.frames,
            "fps": self.detections.fps,
            "width": self.detections.width,
            "height": self.detections.height,
            "model_seconds": round(self.model_seconds, 4),
        }


def track_file(
    path: Path, detector: Detector, settings: Mapping[str, Any], on_frame: OnFrame | None = None
) -> TrackedVideo:
    """Detect and track the video at `path`, as `process` and `serve` both do.

    Raises:
        ValueError: in one sentence, about the video or the settings.
    """
    started = time.perf_counter()
    tracker_config(detector, settings)  # a wrong setting shows before the work, not after it
    detections = detect_video(path, detector, on_frame)
    tracks = track_detections(detections, tracker_config(detector, settings, detections.fps))
    return TrackedVideo(detections, tracks, time.perf_counter() - started)


def prefetch(items: Iterable[T], ahead: int = 4) -> Iterator[T]:
    """The same items, produced by a thread that stays at most `ahead` of who takes them and ends with them."""
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(ahead)
    abandoned = threading.Event()

    def put(entry: tuple[bool, Any]) -> None:
        while not abandoned.is_set():
            try:
                return ready.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def produce() -> None:
        try:
            for item in items:
                put((True, item))
                if abandoned.is_set():
                    return
            put((False, None))
        except BaseException as error:  # raised again where the items are taken
            put((False, error))

    producer = threading.Thread(target=produce, name="prefetch", daemon=True)
    producer.start()
    try:
        while True:
            is_item, value = ready.get()
            if is_item:
                yield value
            elif value is None:
                return
            else:
                raise value
    finally:
        abandoned.set()
        producer.join()
