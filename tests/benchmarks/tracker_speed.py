"""Measure the speed of this tracker and of others in frames per second: `make benchmark`.

The detections are synthetic crowds and, with `--mot15`, those of MOT15. All trackers get the same frames. Converting
them to the format of a tracker is not timed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from bytetrack import mot
from bytetrack.tracking.supervision_adapter import update_with_detections
from bytetrack.tracking.tracker import ByteTracker

Frame = tuple[np.ndarray, np.ndarray]  # `(N, 4)` xyxy and `(N,)` scores
Update = Callable[[Any], Any]

MIN_SECONDS = 4.0  # Minimum time for each tracker and scene.
MIN_ROUNDS = 3  # The fastest round counts, because other programs can only slow a round down.


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rivals",
        type=Path,
        required=True,
        help="folder with the packages of other trackers and a checkout of ByteTrack",
    )
    parser.add_argument("--mot15", type=Path, help="folder of MOT15 sequences, each with a det.txt")
    options = parser.parse_args()
    trackers = load_trackers(options.rivals)
    others = [name for name in trackers if not name.startswith("this one")]
    print(f"{'frames/s':24s}" + "".join(f"{name:>20s}" for name in trackers) + f"{'ratio to fastest':>20s}")
    for title, frames in scenes(options.mot15):
        speed = {name: measure(start, convert, frames) for name, (start, convert) in trackers.items()}
        ratio = speed["this one"] / max(speed[name] for name in others) if others else float("nan")
        print(f"{title:24s}" + "".join(f"{speed[name]:20,.0f}" for name in trackers) + f"{ratio:20.1f}", flush=True)


def scenes(mot15: Path | None) -> Iterator[tuple[str, list[Frame]]]:
    """Yield the title and the frames of each scene."""
    if mot15:
        frames = [
            frame for folder in sorted(mot15.iterdir()) if folder.is_dir() for frame in read_frames(folder / "det.txt")
        ]
        yield f"MOT15, {np.mean([len(frame[1]) for frame in frames]):.0f} a frame", frames
    for size in (6, 50, 200, 1000):
        yield f"crowd, {size} a frame", crowd(size, frames=max(40, 3000 // size))


def read_frames(path: Path) -> list[Frame]:
    """Read MOTChallenge detections."""
    detections = mot.read_detections(path)
    ends = np.searchsorted(detections.frame, np.arange(detections.frame[-1] + 2))
    return [(detections.xyxy[first:end], detections.scores[first:end]) for first, end in zip(ends, ends[1:])]


def crowd(size: int, frames: int) -> list[Frame]:
    """Simulate people of 20x60 to 60x150 pixels who walk in a frame of 1920x1080, and of whom 90% are detected."""
    random = np.random.default_rng(size)
    center, speed = random.uniform(0, 1, (size, 2)) * [1920, 1080], random.normal(0, 2, (size, 2))
    half = np.column_stack([random.uniform(20, 60, size), random.uniform(60, 150, size)]) / 2
    detections = []
    for number in range(frames):
        detected = random.random(size) < 0.9
        position = (center + speed * number + random.normal(0, 1, (size, 2)))[detected]
        xyxy = np.hstack([position - half[detected], position + half[detected]])
        detections.append((xyxy, random.uniform(0.2, 1, size)[detected]))
    return detections


def measure(start: Callable[[], Update], convert: Callable[[Frame], Any], frames: list[Frame]) -> float:
    """Return the frames per second of the fastest round."""
    inputs = [convert(frame) for frame in frames]
    best = 0.0
    until = time.perf_counter() + MIN_SECONDS
    rounds = 0
    while rounds < MIN_ROUNDS or time.perf_counter() < until:
        update = start()
        started = time.perf_counter()
        for detections in inputs:
            update(detections)
        best = max(best, len(inputs) / (time.perf_counter() - started))
        rounds += 1
    return best


def load_trackers(folder: Path) -> dict[str, tuple[Callable[[], Update], Callable[[Frame], Any]]]:
    """Return, for each installed tracker, how to start it and how to convert a frame for it.

    Trackers that are not installed are reported on stderr.
    """
    sys.path.append(str(folder))  # At the end, so that their dependencies are the packages of this project.
    trackers: dict[str, tuple[Callable[[], Update], Callable[[Frame], Any]]] = {
        "this one": (this_one, lambda frame: (*frame, np.zeros(len(frame[1]), int))),
        "this one (sv)": (this_one_for_supervision, to_supervision),
    }
    for name, (start, convert) in {
        "authors": (authors(folder / "ByteTrack"), lambda frame: np.column_stack(frame)),
        "trackers": (roboflow, to_supervision),
        "boxmot": (boxmot, lambda frame: np.column_stack([*frame, np.zeros(len(frame[1]))])),
    }.items():
        try:
            start()
        except ImportError as error:
            print(f"{name} is not measured: {error}", file=sys.stderr)
        else:
            trackers[name] = (start, convert)
    return trackers


def to_supervision(frame: Frame) -> sv.Detections:
    """Convert a frame to the detections of the supervision package."""
    xyxy, scores = frame
    return sv.Detections(xyxy=xyxy, confidence=scores, class_id=np.zeros(len(scores), int))


def this_one() -> Update:
    tracker = ByteTracker()
    return lambda frame: tracker.update(*frame)


def this_one_for_supervision() -> Update:
    tracker = ByteTracker()
    return lambda detections: update_with_detections(tracker, detections)


def authors(checkout: Path) -> Callable[[], Update]:
    def start() -> Update:
        tracker = authors_tracker(checkout)
        return lambda detections: tracker.update(detections, (1, 1), (1, 1))

    return start


def authors_tracker(
    checkout: Path,
    track_thresh: float = 0.5,
    match_thresh: float = 0.8,
    track_buffer: int = 30,
    frame_rate: float = 30,
    mot20: bool = False,
) -> Any:
    """Return a new tracker from a checkout of https://github.com/ifzhang/ByteTrack, whose ids start from 1.

    Only the package `yolox.tracker` is imported from it. The rest of `yolox` is the installed package of the detector.

    Raises:
        ImportError: If the checkout, or a package that it needs, is missing.
    """
    if not (checkout / "yolox" / "tracker").is_dir():
        raise ImportError(f"{checkout}/yolox/tracker does not exist")
    import yolox

    if "yolox.tracker" not in sys.modules:
        numpy: Any = np
        numpy.float = float  # an alias that NumPy 1.24 removed
        package = types.ModuleType("yolox.tracker")
        package.__path__ = [str(checkout / "yolox" / "tracker")]
        sys.modules["yolox.tracker"] = yolox.tracker = package
    from yolox.tracker.basetrack import BaseTrack
    from yolox.tracker.byte_tracker import BYTETracker

    BaseTrack._count = 0  # ids are counted over all trackers of the process
    settings = argparse.Namespace(
        track_thresh=track_thresh, match_thresh=match_thresh, track_buffer=track_buffer, mot20=mot20
    )
    return BYTETracker(settings, frame_rate=frame_rate)


def roboflow() -> Update:
    from trackers import ByteTrackTracker

    return ByteTrackTracker().update


def boxmot() -> Update:
    from boxmot import ByteTrack

    logging.getLogger("boxmot").setLevel(logging.WARNING)
    tracker, image = ByteTrack(), np.zeros((8, 8, 3), np.uint8)
    return lambda detections: tracker.update(detections, image)


if __name__ == "__main__":
    main()
