"""Generate the detections in this folder, and the tracks that the ByteTrack authors' code returns for them.

make .rivals
PYTHONPATH=containers/tracker:tests/benchmarks .venv/bin/python tests/bytetrack/tracking/parity/generate.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tracker_speed import authors_tracker

from bytetrack import mot

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1920, 1080

Detection = tuple[float, float, float, float, float]  # left, top, width and height in pixels, and the score


class Settings(NamedTuple):
    """Arguments of the authors' tracker."""

    track_thresh: float = 0.5
    match_thresh: float = 0.8
    track_buffer: int = 30
    frame_rate: int = 30
    mot20: bool = False


SETTINGS = {
    "default": Settings(),
    "mot17": Settings(track_thresh=0.6, match_thresh=0.9),
    "mot20": Settings(track_thresh=0.6, match_thresh=0.9, mot20=True),
    "slow": Settings(track_buffer=20, frame_rate=14),  # lost tracks are kept for 9 frames
    "strict": Settings(track_thresh=0.7, match_thresh=0.6, track_buffer=5),
    "lenient": Settings(track_thresh=0.3, match_thresh=0.99, track_buffer=60, frame_rate=25),
}


@dataclass
class Walker:
    """A pedestrian that walks in a straight line; it is hidden in some frames, and hardly seen in others."""

    left: float
    top: float
    width: float
    height: float
    speed: tuple[float, float]
    born: int = 0
    dies: int = 10_000
    score: float = 0.9
    hidden: set[int] = field(default_factory=set)
    occluded: set[int] = field(default_factory=set)

    def box(self, frame: int) -> tuple[float, float, float, float]:
        age = frame - self.born
        return self.left + self.speed[0] * age, self.top + self.speed[1] * age, self.width, self.height

    def is_visible(self, frame: int) -> bool:
        return self.born <= frame < self.dies and frame not in self.hidden


def detect(
    walkers: list[Walker], frame: int, random: np.random.Generator, noise: float, score_noise: float
) -> list[Detection]:
    """Detect the visible walkers in a random order, as a detector sorts by score and not by object."""
    detections = []
    for walker in walkers:
        if not walker.is_visible(frame):
            continue
        left, top, width, height = np.array(walker.box(frame)) + random.normal(0, noise, 4) * [1, 1, 0.5, 1]
        score = random.uniform(0.12, 0.45) if frame in walker.occluded else walker.score
        score = float(np.clip(score + random.normal(0, score_noise), 0.02, 1))
        detections.append((left, top, width, height, score))
    return [detections[k] for k in random.permutation(len(detections))]


def walkers_in_view(count: int, random: np.random.Generator) -> list[Walker]:
    """Place pedestrians as MOT17 shows them: the lower they stand in the frame, the nearer and the larger."""
    walkers = []
    for _ in range(count):
        depth = random.uniform(0.2, 1)
        height = 80 + 320 * depth
        walkers.append(
            Walker(
                left=random.uniform(0, WIDTH - 150),
                top=HEIGHT * (0.25 + 0.4 * depth) - height / 3,
                width=height * random.uniform(0.35, 0.45),
                height=height,
                speed=(random.normal(0, 6 * depth), random.normal(0, 1)),
                score=random.uniform(0.62, 0.97),
            )
        )
    return walkers


def crossings(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Pairs walk towards each other; around the moment when they meet, the farther one scores low or is hidden."""
    walkers = []
    for pair in range(4):
        meeting, x, y = int(random.integers(25, 65)), random.uniform(400, 1500), 150 + 200 * pair
        speed = random.uniform(4, 9)
        near = Walker(x - speed * meeting, y, 90, 220, (speed, 0.2))
        far = Walker(x + speed * meeting, y - 12, 84, 205, (-speed, 0), score=0.8)
        far.occluded = set(range(meeting - 7, meeting + 8))
        far.hidden = set(range(meeting - pair, meeting + pair))
        walkers += [near, far]
    for frame in range(90):
        yield detect(walkers, frame, random, noise=1.5, score_noise=0.03)


def ties(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Boxes on a grid of ten pixels and scores that are often equal, or right on a threshold; some boxes twice."""
    walkers = [
        Walker(100 + 60 * k, 100 + 40 * (k % 3), 60, 120, speed, score=score)
        for k, (speed, score) in enumerate(
            zip([(10, 0), (-10, 0), (0, 10), (10, 10), (0, 0), (-10, 0), (0, 0), (10, 0)], [0.9, 0.9, 0.7, 0.6] * 2)
        )
    ]
    thresholds = [0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9]
    for frame in range(80):
        detections = []
        for walker in walkers:
            left, top, width, height = walker.box(frame % 40 if (frame // 40) % 2 == 0 else 40 - frame % 40)
            score = walker.score if random.random() < 0.7 else float(random.choice(thresholds))
            detections += [(left, top, width, height, score)] * int(random.choice([0, 1, 1, 1, 1, 1, 1, 2]))
            if random.random() < 0.1:  # a second detection as far on one side as the first is on the other
                detections[-1:] = [(left + dx, top, width, height, score) for dx in (-10, 10)]
        yield detections


def symmetry(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Rows of equal boxes, and then boxes halfway between them, so that several assignments have the minimum cost."""
    for episode in range(24):
        count, left, top = int(random.integers(2, 6)), 100 + 16 * episode, 112 * (episode % 9)
        on_grid = [left + 16 * k for k in range(count)]
        halfway = [left + 16 * k + int(random.choice([-8, 8])) for k in range(count)]
        between = [left + 16 * k + 8 for k in range(count - 1)]
        later = [[on_grid, halfway, between][k] for k in random.integers(0, 3, 3)]
        for lefts in (on_grid, between if episode % 2 else halfway, *later):
            score = float(random.choice([0.9, 0.9, 0.75, 0.3])) if lefts is not on_grid else 0.9
            yield [(x, top, 64, 128, score) for x in random.permutation(lefts)]


def gaps(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Objects vanish for 1 to 32 frames and come back where they were expected; some frames are empty."""
    walkers = walkers_in_view(5, random)
    for k, walker in enumerate(walkers):
        walker.speed = (walker.speed[0] / 4, walker.speed[1] / 4)
        frame = 8 + k
        for length in random.permutation([1, 2, 5, 6, 8, 9, 10, 11, 29, 30, 31, 32])[:7]:
            walker.hidden |= set(range(frame, frame + int(length)))
            frame += int(length) + int(random.integers(4, 9))
    for frame in range(180):
        empty = 60 <= frame < 64 or frame in (0, 100, 179)
        yield [] if empty else detect(walkers, frame, random, noise=0.8, score_noise=0.05)


def births(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Objects enter and leave all the time; others flicker for a frame or two, also with low scores."""
    walkers = []
    for _ in range(26):
        from_left, born = bool(random.random() < 0.5), int(random.integers(0, 80))
        height = random.uniform(60, 300)
        walkers.append(
            Walker(
                left=-40 if from_left else WIDTH - 60,  # partly outside the frame
                top=random.uniform(-30, HEIGHT - 200),
                width=0.4 * height,
                height=height,
                speed=(random.uniform(3, 14) * (1 if from_left else -1), random.normal(0, 1)),
                born=born,
                dies=born + int(random.integers(1, 50)),
                score=random.uniform(0.3, 0.95),
            )
        )
    for frame in range(90):
        detections = detect(walkers, frame, random, noise=2, score_noise=0.15)
        for _ in range(random.poisson(0.7)):
            height = random.uniform(40, 200)
            place = random.uniform(0, WIDTH - 100), random.uniform(0, HEIGHT - 200)
            detections.append((*place, 0.45 * height, height, random.uniform(0.05, 0.8)))
        yield detections


def crowd(random: np.random.Generator) -> Iterator[list[Detection]]:
    """Thirty people in a narrow place, whose boxes mostly overlap those of others; a quarter of them score low."""
    walkers = walkers_in_view(30, random)
    for walker in walkers:
        walker.left = 600 + 0.3 * walker.left
        walker.occluded = set(np.flatnonzero(random.random(60) < 0.25).tolist())
        walker.hidden = set(np.flatnonzero(random.random(60) < 0.1).tolist())
    for frame in range(60):
        yield detect(walkers, frame, random, noise=2.5, score_noise=0.05)


def certain(random: np.random.Generator) -> Iterator[list[Detection]]:
    """A crowd in which every confident detection scores 1: then `mot20`, which ignores scores, makes no difference."""
    for detections in crowd(random):
        yield [(*box, 1.0 if score > 0.5 else score) for *box, score in detections[:18]]


SEQUENCES = {
    crossings: ("default", "strict"),
    ties: ("default", "strict", "lenient"),
    symmetry: ("default", "strict", "lenient"),
    gaps: ("default", "slow", "strict"),
    births: ("mot17", "lenient"),
    crowd: ("default", "strict"),
    certain: ("mot17", "mot20"),
}


def write_detections(path: Path, frames: list[list[Detection]]) -> None:
    """Write MOTChallenge text: `frame,-1,left,top,width,height,score`."""
    path.write_text(
        "".join(
            f"{number},-1,{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.3f}\n"
            for number, detections in enumerate(frames, 1)
            for left, top, width, height, score in detections
        )
    )


def write_tracks(path: Path, detections: Path, frames: int, settings: Settings, rivals: Path) -> None:
    """Write the settings, the number of frames and `frame,id,left,top,width,height` per box of the authors' tracker."""
    file = mot.read_detections(detections)
    tracker = authors_tracker(rivals / "ByteTrack", **settings._asdict())
    lines = ["# " + " ".join(f"{name}={value:g}" for name, value in settings._asdict().items()) + f" frames={frames}"]
    for number in range(frames):
        rows = file.frame == number
        detected = np.column_stack([file.xyxy[rows], file.scores[rows]])
        for track in tracker.update(detected, (HEIGHT, WIDTH), (HEIGHT, WIDTH)):
            left, top, width, height = track.tlwh
            lines.append(f"{number + 1},{track.track_id},{left:.3f},{top:.3f},{width:.3f},{height:.3f}")
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", type=Path, default=Path(".rivals"), help="folder that `make .rivals` fills")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to")
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    for scene, names in SEQUENCES.items():
        frames = list(scene(np.random.default_rng(options.seed)))
        detections = options.out / f"{scene.__name__}.det.txt"
        write_detections(detections, frames)
        for name in names:
            tracks = options.out / f"{scene.__name__}.{name}.txt"
            write_tracks(tracks, detections, len(frames), SETTINGS[name], options.rivals)


if __name__ == "__main__":
    main()
