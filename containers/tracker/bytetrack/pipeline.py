"""From a video to its tracks: decode, detect, track and refine. Detections can be saved and tracked again later."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bytetrack import video
from bytetrack.arrays import FloatArray, ImageArray, IntArray
from bytetrack.detection.detector import Detections, Detector
from bytetrack.files import atomic_path
from bytetrack.tracking.config import SETTING_NAMES, TrackerConfig
from bytetrack.tracking.refinement import refine
from bytetrack.tracking.tracker import ByteTracker
from bytetrack.tracks import Tracks

T = TypeVar("T")
OnFrame = Callable[[int], None]  # called with the number of frames done so far; an exception from it ends the work
OnTracks = Callable[[Tracks], None]  # called with the tracks of one frame, which are not refined yet


def detect_frames(frames: Iterable[ImageArray], detector: Detector) -> Iterator[Detections]:
    """Yield the detections of each BGR frame, while a thread decodes and prepares the next frames."""
    for prepared in prefetch(map(detector.prepare, frames)):
        yield detector.infer(prepared)


def track_frames(
    detections: Iterable[Detections],
    tracker: ByteTracker,
    classes: tuple[str, ...],
    first_frame: int = 0,
    on_frame: OnFrame | None = None,
    on_tracks: OnTracks | None = None,
) -> Tracks:
    """Track the detections of consecutive frames.

    Args:
        detections: The detections of each frame.
        tracker: Continues from its current state. Modified in place.
        classes: The class names that `class_ids` index.
        first_frame: Number of the first of these frames in the tracks.
        on_frame: Called after each frame.
        on_tracks: Called after each frame with its tracks.
    """
    columns: list[tuple[NDArray[Any], ...]] = []
    for number, frame_detections in enumerate(detections):
        xyxy, ids, scores, class_ids = tracker.update(
            frame_detections.xyxy, frame_detections.scores, frame_detections.class_ids
        )
        columns.append((np.full(len(ids), first_frame + number), ids, xyxy, scores, class_ids))
        if on_tracks:
            frame = np.full(len(ids), first_frame + number)
            on_tracks(Tracks(frame, ids, xyxy, scores, class_ids, classes))
        if on_frame:
            on_frame(number + 1)
    if not columns:
        return Tracks.empty(classes)
    frame, ids, xyxy, scores, class_ids = (np.concatenate(column) for column in zip(*columns))
    return Tracks(frame, ids, xyxy, scores, class_ids, classes)


@dataclass(frozen=True)
class VideoDetections:
    """All detections of one video, with which it can be tracked again with other settings.

    Attributes:
        frame: `(N,)` int64, number of the frame from 0, ascending.
        xyxy: `(N, 4)` float64, left, top, right, bottom in pixels of the frame.
        scores: `(N,)` float64 in 0..1.
        class_ids: `(N,)` int64, index into `classes`.
        classes: Class names.
        width: Width of the video in pixels.
        height: Height of the video in pixels.
        fps: Frames per second.
        frames: Number of decoded frames.
    """

    frame: IntArray
    xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray
    classes: tuple[str, ...]
    width: int
    height: int
    fps: float
    frames: int

    def __iter__(self) -> Iterator[Detections]:
        """Yield the detections of each frame, including frames without any."""
        ends = np.searchsorted(self.frame, np.arange(self.frames + 1))
        for first, last in zip(ends, ends[1:]):
            yield Detections(self.xyxy[first:last], self.scores[first:last], self.class_ids[first:last])

    def save(self, path: Path) -> None:
        """Write a compressed `.npz` file of plain arrays."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> VideoDetections:
        """Read a file that `save` wrote.

        Raises:
            ValueError: If it is not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls._from_values({name: arrays[name].tolist() for name in arrays.files})
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{Path(path).name} does not contain the detections of a video: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """Return all fields as lists, strings and numbers."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> VideoDetections:
        """Read what `to_json` returned.

        Raises:
            ValueError: If a field is missing or malformed.
        """
        try:
            return cls._from_values(document)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"The document does not contain the detections of a video: {error}") from error

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> VideoDetections:
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
    """Detect objects in all frames of a video.

    Args:
        path: The video.
        detector: The detector.
        on_frame: Called after each frame.

    Raises:
        ValueError: If it is not a video with frames.
    """
    info = video.probe(path)
    frames: list[Detections] = []
    for detections in detect_frames(video.read_frames(path), detector):
        frames.append(detections)
        if on_frame:
            on_frame(len(frames))
    return _combine(frames, detector, info)


def _combine(frames: list[Detections], detector: Detector, info: video.VideoInfo) -> VideoDetections:
    return VideoDetections(
        frame=np.repeat(np.arange(len(frames)), [len(detections) for detections in frames]),
        xyxy=np.concatenate([detections.xyxy for detections in frames]),
        scores=np.concatenate([detections.scores for detections in frames]),
        class_ids=np.concatenate([detections.class_ids for detections in frames]),
        classes=detector.classes,
        width=info.width,
        height=info.height,
        fps=info.fps,
        frames=len(frames),
    )


def track_detections(detections: VideoDetections, config: TrackerConfig) -> Tracks:
    """Track the detections of a whole video, and refine the tracks."""
    return refine(track_frames(detections, ByteTracker(config), detections.classes), config)


def tracker_config(detector: Detector, settings: Mapping[str, Any], frame_rate: float = 30.0) -> TrackerConfig:
    """Combine the model's settings of the tracker with those that the user asks for.

    Args:
        detector: Its artifact contains the model's settings.
        settings: The user's settings, which take precedence, see `TrackerConfig.parse`.
        frame_rate: Frame rate of the video. `settings` can name another one.

    Raises:
        ValueError: If a setting is unknown or invalid.
    """
    model_settings = {name: value for name, value in detector.config.thresholds.items() if name in SETTING_NAMES}
    return TrackerConfig.parse({**model_settings, "frame_rate": frame_rate, **settings})


@dataclass(frozen=True)
class TrackedVideo:
    """A video's detections and tracks.

    Attributes:
        detections: Detections of all frames.
        tracks: Refined tracks.
        model_seconds: Seconds that decoding, detection and tracking took.
    """

    detections: VideoDetections
    tracks: Tracks
    model_seconds: float

    def document(self) -> dict[str, Any]:
        """Return the JSON document that batch jobs write and endpoints answer."""
        return {
            **self.tracks.to_json(),
            "frames": self.detections.frames,
            "fps": self.detections.fps,
            "width": self.detections.width,
            "height": self.detections.height,
            "model_seconds": round(self.model_seconds, 4),
        }


def track_file(
    path: Path,
    detector: Detector,
    settings: Mapping[str, Any],
    on_frame: OnFrame | None = None,
    on_tracks: OnTracks | None = None,
) -> TrackedVideo:
    """Detect and track the objects in a video. The programs `process` and `serve` both use this function.

    Args:
        path: The video.
        detector: The detector.
        settings: The user's settings of the tracker, see `tracker_config`.
        on_frame: Called after each frame.
        on_tracks: Called after each frame with its tracks, before the tracks of the whole video are refined.

    Raises:
        ValueError: If the video cannot be read, or a setting is invalid.
    """
    started = time.perf_counter()
    tracker_config(detector, settings)  # reports an invalid setting before a damaged video
    info = video.probe(path)
    config = tracker_config(detector, settings, info.fps)
    frames: list[Detections] = []

    def detect() -> Iterator[Detections]:
        for detections in detect_frames(video.read_frames(path), detector):
            frames.append(detections)
            yield detections

    tracks = track_frames(detect(), ByteTracker(config), detector.classes, on_frame=on_frame, on_tracks=on_tracks)
    return TrackedVideo(_combine(frames, detector, info), refine(tracks, config), time.perf_counter() - started)


def prefetch(items: Iterable[T], ahead: int = 4) -> Iterator[T]:
    """Yield the same items, which a thread produces in advance. The thread ends with the iteration.

    Args:
        items: The items. If producing one raises an exception, the iteration raises it at that item.
        ahead: Maximum number of items that wait to be taken.
    """
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
        except BaseException as error:  # raised again in the consumer's thread
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
