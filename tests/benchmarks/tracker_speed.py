"""Frames per second of this tracker and of those that one would use instead, side by side: `make benchmark`.

The detections are those of MOT15, where `--mot15` says where they lie, and made crowds. Every tracker gets the same
frames in the form that it takes; making that form is not timed.
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

SECONDS = 4.0  # for each tracker and each set of frames, at least
ROUNDS = 3  # the best counts: whatever else the machine does only ever slows it down


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rivals", type=Path, required=True, help="folder with their packages and ByteTrack's checkout"
    )
    parser.add_argument("--mot15", type=Path, help="folder of sequences with det.txt")
    options = parser.parse_args()
    rivals = load(options.rivals)
    others = [name for name in rivals if not name.startswith("this one")]
    print(f"{'frames/s':24s}" + "".join(f"{name:>20s}" for name in rivals) + f"{'ratio to fastest':>20s}")
    for title, frames in scenes(options.mot15):
        speed = {name: measure(start, prepare, frames) for name, (start, prepare) in rivals.items()}
        ratio = speed["this one"] / max(speed[name] for name in others) if others else float("nan")
        print(f"{title:24s}" + "".join(f"{speed[name]:20,.0f}" for name in rivals) + f"{ratio:20.1f}", flush=True)


def scenes(mot15: Path | None) -> Iterator[tuple[str, list[Frame]]]:
    if mot15:
        frames = [frame for folder in sorted(mot15.iterdir()) if folder.is_dir() for frame in read(folder / "det.txt")]
        yield f"MOT15, {np.mean([len(frame[1]) for frame in frames]):.0f} a frame", frames
    for size in (6, 50, 200, 1000):
        yield f"crowd, {size} a frame", crowd(size, frames=max(40, 3000 // size))


def read(path: Path) -> list[Frame]:
    frame, xyxy, scores, _ = mot.read_detections(path)
    ends = np.searchsorted(frame, np.arange(frame[-1] + 2))
    return [(xyxy[a:b], scores[a:b]) for a, b in zip(ends, ends[1:])]


def crowd(size: int, frames: int) -> list[Frame]:
    """People of 20 to 60 by 60 to 150 pixels who walk about in 1920x1080, a tenth of them unseen at a time."""
    random = np.random.default_rng(size)
    center, speed = random.uniform(0, 1, (size, 2)) * [1920, 1080], random.normal(0, 2, (size, 2))
    half = np.column_stack([random.uniform(20, 60, size), random.uniform(60, 150, size)]) / 2
    made = []
    for number in range(frames):
        seen = random.random(size) < 0.9
        at = (center + speed * number + random.normal(0, 1, (size, 2)))[seen]
        made.append((np.hstack([at - half[seen], at + half[seen]]), random.uniform(0.2, 1, size)[seen]))
    return made


def measure(start: Callable[[], Update], prepare: Callable[[Frame], Any], frames: list[Frame]) -> float:
    """Frames per second of the best round."""
    inputs = [prepare(frame) for frame in frames]
    best = 0.0
    until = time.perf_counter() + SECONDS
    rounds = 0
    while rounds < ROUNDS or time.perf_counter() < until:
        update = start()
        started = time.perf_counter()
        for each in inputs:
            update(each)
        best = max(best, len(inputs) / (time.perf_counter() - started))
        rounds += 1
    return best


def load(folder: Path) -> dict[str, tuple[Callable[[], Update], Callable[[Frame], Any]]]:
    """How to start each tracker, and what it takes for a frame; those that are not there are left out, and said so."""
    sys.path.append(str(folder))  # last: what they need besides is what this project has
    found: dict[str, tuple[Callable[[], Update], Callable[[Frame], Any]]] = {
        "this one": (this_one, lambda frame: (*frame, np.zeros(len(frame[1]), int))),
        "this one (sv)": (this_one_for_supervision, to_supervision),
    }
    for name, (start, prepare) in {
        "authors": (authors(folder / "ByteTrack"), lambda frame: np.column_stack(frame)),
        "trackers": (roboflow, to_supervision),
        "boxmot": (boxmot, lambda frame: np.column_stack([*frame, np.zeros(len(frame[1]))])),
    }.items():
        try:
            start()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            found[name] = (start, prepare)
    return found


def to_supervision(frame: Frame) -> sv.Detections:
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

    Only its package `yolox.tracker` is imported: the rest of `yolox` is that of the installed detector.

    Raises:
        ImportError: If it, or a package it needs, is missing.
    """
    if not (checkout / "yolox" / "tracker").is_dir():
        raise ImportError(f"there is no {checkout}/yolox/tracker")
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
    tracker, picture = ByteTrack(), np.zeros((8, 8, 3), np.uint8)
    return lambda detections: tracker.update(detections, picture)


if __name__ == "__main__":
    main()
