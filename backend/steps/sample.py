"""Sample videos with exact labels, made here: people and cars in a street that a fixed camera looks at.

Everything stands on a ground plane: the lower in the picture, the nearer and larger. Each object is painted at several
times its size and scaled down, far ones first, so that a frame is at once the picture and the truth of what hides what.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from backend.jobs.results import SampleResult
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter, probe

CLASSES = ("person", "car")
FPS = 12.0
HORIZON = 0.20  # of the frame's height
ROAD = (0.50, 0.70)  # of the frame's height
FINE = 3  # objects are painted this many times larger
MIN_VISIBLE = 0.35  # of an object's area within the frame, below which it has no label
MIN_INSIDE = 0.2  # of an object's area that must be within the frame for a label

SKIN = [(150, 185, 225), (120, 160, 205), (90, 125, 175), (60, 85, 130), (45, 65, 100)]
CLOTHES = [
    (40, 40, 190), (170, 90, 40), (60, 130, 50), (50, 190, 220), (200, 200, 205), (45, 45, 50),
    (140, 60, 120), (190, 150, 70), (60, 110, 200), (110, 110, 115), (120, 160, 60), (90, 60, 40),
]  # fmt: skip
PAINTS = [(40, 40, 175), (150, 80, 35), (215, 215, 218), (60, 60, 65), (150, 150, 150), (45, 110, 60), (40, 165, 215)]


@dataclass(frozen=True)
class Mover:
    """One object: where its foot point is at a time, and what it looks like."""

    class_id: int
    x: float  # pixels at time 0
    y: float
    vx: float  # pixels per frame
    vy: float
    phase: float  # of the stride, radians
    build: float  # its size relative to its kind's
    colors: tuple[tuple[int, int, int], ...]
    style: int


def make(
    workspace: Workspace,
    progress: Progress,
    *,
    scenes: int = 16,
    frames: int = 36,
    size: tuple[int, int] = (480, 352),
    seed: int = 0,
) -> SampleResult:
    """Add sample videos "sample 1", … and their labels: {"videos": [ids], "labels": [ids]}.

    A box is what of an object lies in the frame, whether or not something hides a part of it. In frames where two
    thirds of it are hidden, or it has hardly entered, an object has none. All seeds give other scenes before
    the same two cameras.

    Args:
        size: width and height in pixels, even.
    """
    videos, labels = [], []
    width, height = size
    for number in range(scenes):
        video = Video(
            name=f"sample {number + 1}", path="", width=width, height=height, fps=FPS, frames=frames,
            seconds=frames / FPS, codec="h264", size=0,
        )  # fmt: skip
        scene = Scene((width, height), frames, camera=number % 2, rng=np.random.default_rng([seed, number]))
        rows = []
        with tempfile.TemporaryDirectory() as temporary:
            made = Path(temporary) / "sample.mp4"
            with VideoWriter(made, FPS, (width, height)) as writer:
                for k in range(frames):
                    picture, boxes = scene.render(k)
                    writer.write(picture)
                    rows += [(k, *box) for box in boxes]
                    progress((number + (k + 1) / frames) / scenes, f"scene {number + 1} of {scenes}")
            video.path = str(shutil.move(made, workspace.folder(video) / "sample.mp4"))
        video.size = probe(video.path).size
        tracks = _tracks(rows)
        label = Labels(
            name=f"sample {number + 1}", video=video.id, source="sample", classes=list(CLASSES),
            labeled_frames=list(range(frames)), boxes=len(tracks), objects=len(np.unique(tracks.id)),
        )  # fmt: skip
        tracks.save(workspace.folder(label) / TRACKS_JSON)
        workspace.add(video)
        workspace.add(label)
        print(f"{video.name}: {frames} frames, {label.objects} objects, {label.boxes} boxes", flush=True)
        videos.append(video.id)
        labels.append(label.id)
    return {"videos": videos, "labels": labels}


def _tracks(rows: list[tuple[int, int, int, np.ndarray]]) -> Tracks:
    """Rows of (frame, id, class, xyxy)."""
    return Tracks(
        frame=np.array([row[0] for row in rows]),
        id=np.array([row[1] for row in rows]),
        xyxy=np.array([row[3] for row in rows]),
        score=np.ones(len(rows)),
        class_id=np.array([row[2] for row in rows]),
        classes=CLASSES,
    )


class Scene:
    """A street with its traffic, to be rendered frame by frame."""

    def __init__(self, size: tuple[int, int], frames: int, camera: int, rng: np.random.Generator) -> None:
        self.width, self.height = size
        self.background = _background(size, camera)
        self.post_x = (0.30, 0.66)[camera] * self.width
        self.movers = [*self._people(frames, rng), *self._cars(frames, rng)]
        self.grain = rng.normal(0, 3.0, (8, self.height, self.width, 1)).astype(np.float32)

    def _tall(self, y: float) -> float:
        """Height in pixels of a person who stands at y."""
        return 0.5 * (y - HORIZON * self.height)

    def _people(self, frames: int, rng: np.random.Generator) -> list[Mover]:
        people = []
        for k in range(10):
            y = self.height * (rng.uniform(0.44, 0.50) if k % 4 == 0 else rng.uniform(0.73, 0.97))
            tall, way = self._tall(y), rng.choice([-1, 1])
            vx = way * tall * rng.uniform(0.045, 0.085)
            # Everyone passes some point of the picture at some time of the scene.
            x = self.width * rng.uniform(0.05, 0.95) - vx * frames * rng.uniform(0.0, 1.0)
            colors = tuple(pool[rng.integers(len(pool))] for pool in (SKIN, CLOTHES, CLOTHES, CLOTHES))
            people.append(
                Mover(0, x, y, vx, rng.uniform(-0.06, 0.06), rng.uniform(0, 6.3), rng.uniform(0.9, 1.08), colors, k)
            )
        return people

    def _cars(self, frames: int, rng: np.random.Generator) -> list[Mover]:
        cars = []
        for lane, way in ((0.565, -1), (0.675, 1)):
            y = self.height * lane
            speed = self._tall(y) * rng.uniform(0.10, 0.16)
            start = self.width * rng.uniform(0.2, 0.9)
            for k in range(3):  # one after the other, so that they do not run through each other
                x = start - k * self._tall(y) * rng.uniform(4.2, 5.5)
                colors = (PAINTS[rng.integers(len(PAINTS))],)
                cars.append(
                    Mover(1, x if way > 0 else self.width - x, y, way * speed, 0, 0, rng.uniform(0.95, 1.08), colors,
                          int(rng.integers(3)))
                )  # fmt: skip
        return cars

    def render(self, k: int) -> tuple[np.ndarray, list[tuple[int, int, np.ndarray]]]:
        """Frame k as `(H, W, 3)` uint8 BGR, and (id, class, xyxy) for each object that has a label in it."""
        picture = self.background.copy()
        owner = np.zeros((self.height, self.width), np.int16)
        masks: dict[int, tuple[tuple[slice, slice], np.ndarray, float]] = {}
        standing: list[tuple[float, int]] = [(m.y + m.vy * k, n) for n, m in enumerate(self.movers, 1)]
        post_y = 0.735 * self.height
        for y, number in sorted([*standing, (post_y, -1)]):
            if number == -1:
                self._paste(picture, owner, number, _post(self._tall(post_y)), self.post_x, post_y)
                continue
            mover = self.movers[number - 1]
            x = mover.x + mover.vx * k
            tall = self._tall(y) * mover.build
            if not -2 * tall < x < self.width + 2 * tall:
                continue
            patch = _person(mover, tall, k) if mover.class_id == 0 else _car(mover, tall, x)
            self._shade(picture, x, y, tall * (0.28 if mover.class_id == 0 else 1.25), tall * 0.07)
            if (pasted := self._paste(picture, owner, number, patch, x, y)) is not None:
                masks[number] = pasted
        boxes = []
        for number, (where, mask, whole) in masks.items():
            inside = mask.sum()
            if inside < MIN_INSIDE * whole or (mask & (owner[where] == number)).sum() < MIN_VISIBLE * inside:
                continue
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            top, left = where[0].start, where[1].start
            box = np.array([left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1], np.float64)
            boxes.append((number, self.movers[number - 1].class_id, box))
        picture = cv2.GaussianBlur(picture, (0, 0), 0.5) + self.grain[k % len(self.grain)]
        return picture.clip(0, 255).astype(np.uint8), boxes

    def _paste(
        self, picture: np.ndarray, owner: np.ndarray, number: int, patch: np.ndarray, x: float, y: float
    ) -> tuple[tuple[slice, slice], np.ndarray, float] | None:
        """Put a premultiplied `(h, w, 4)` patch with its foot point at the middle of its lower edge at (x, y).

        Returns where it is in the frame, its mask there, and its whole area; None if it is outside.
        """
        high, wide = patch.shape[:2]
        corner = np.array([[1, 0, (x - wide / 2) % 1], [0, 1, (y - high) % 1]], np.float32)
        patch = cv2.warpAffine(patch, corner, (wide + 1, high + 1))
        left, top = math.floor(x - wide / 2), math.floor(y - high)
        whole = float((patch[..., 3] > 0.5).sum())
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide + 1, self.width), min(top + high + 1, self.height)
        if x0 >= x1 or y0 >= y1:
            return None
        where = (slice(y0, y1), slice(x0, x1))
        part = patch[y0 - top : y1 - top, x0 - left : x1 - left]
        picture[where] = picture[where] * (1 - part[..., 3:]) + part[..., :3]
        mask = part[..., 3] > 0.5
        owner[where][mask] = number
        return (where, mask, whole) if mask.any() else None

    def _shade(self, picture: np.ndarray, x: float, y: float, radius_x: float, radius_y: float) -> None:
        """A soft shadow on the ground, away from a sun on the left."""
        margin = 4
        left, top = int(x - radius_x * 1.2) - margin, int(y - radius_y) - margin
        right, bottom = int(x + radius_x * 1.9) + margin, int(y + radius_y * 1.4) + margin
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        shadow = np.zeros((bottom - top, right - left), np.float32)
        center = (int(x + radius_x * 0.35) - left, int(y) - top)
        cv2.ellipse(
            shadow, center, (max(1, int(radius_x * 1.35)), max(1, int(radius_y))), 0, 0, 360, 0.5, -1, cv2.LINE_AA
        )
        soft = cv2.GaussianBlur(shadow, (0, 0), max(0.8, radius_y * 0.3))
        picture[y0:y1, x0:x1] *= 1 - soft[y0 - top : y1 - top, x0 - left : x1 - left, None]


class Brush:
    """Paints shapes in units of an object's height, x from its middle, y up from its foot, onto a transparent patch."""

    def __init__(self, wide: float, high: float, tall: float) -> None:
        self.unit = tall * FINE
        shape = (max(2, math.ceil(high * tall)), max(2, math.ceil(wide * tall)))
        self.canvas = np.zeros((shape[0] * FINE, shape[1] * FINE, 4), np.uint8)

    def at(self, x: float, y: float) -> tuple[int, int]:
        return round(self.canvas.shape[1] / 2 + x * self.unit), round(self.canvas.shape[0] - 1 - y * self.unit)

    def limb(self, points: list[tuple[float, float]], width: float, color: tuple[int, int, int]) -> None:
        for start, end in pairwise(points):
            cv2.line(self.canvas, self.at(*start), self.at(*end), (*color, 255), max(1, round(width * self.unit)))

    def shape(self, points: list[tuple[float, float]], color: tuple[int, int, int]) -> None:
        cv2.fillPoly(self.canvas, [np.array([self.at(*point) for point in points])], (*color, 255))

    def disc(self, x: float, y: float, rx: float, ry: float, color: tuple[int, int, int]) -> None:
        axes = (max(1, round(rx * self.unit)), max(1, round(ry * self.unit)))
        cv2.ellipse(self.canvas, self.at(x, y), axes, 0, 0, 360, (*color, 255), -1)

    def patch(self) -> np.ndarray:
        """`(h, w, 4)` float32, BGR in 0..255 premultiplied by alpha in 0..1, lit from the left and from above."""
        size = (self.canvas.shape[1] // FINE, self.canvas.shape[0] // FINE)
        patch = cv2.resize(self.canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        light = np.linspace(1.12, 0.84, size[0])[None, :] * np.linspace(1.06, 0.92, size[1])[:, None]
        patch[..., :3] = (patch[..., :3] * light[..., None]).clip(0, 255)
        patch[..., 3] /= 255
        return patch


def _dark(color: tuple[int, int, int], by: float) -> tuple[int, int, int]:
    return tuple(int(min(255, channel * by)) for channel in color)  # type: ignore[return-value]


def _person(mover: Mover, tall: float, k: int) -> np.ndarray:
    """Someone walking, from the side."""
    skin, shirt, trousers, extra = mover.colors
    brush = Brush(0.75, 1.04, tall)
    way = 1 if mover.vx > 0 else -1
    stride = mover.phase + abs(mover.vx) * k / tall * 7.5
    swing, bob = math.sin(stride), 0.012 * math.cos(2 * stride)
    hip, shoulder = (0.0, 0.50 + bob), (0.015 * way, 0.81 + bob)
    skirt = mover.style % 4 == 1
    leg_color = skin if skirt else trousers

    def leg(side: float, shade: float) -> None:
        reach = 0.11 * side * swing
        lift = max(0.0, 0.06 * math.cos(stride) * side)
        knee = (reach * 0.55 + 0.035 * way, 0.27 + lift * 0.6)
        foot = (reach - (0.05 * way if lift else 0), 0.035 + lift)
        brush.limb([hip, knee, foot], 0.085 if not skirt else 0.06, _dark(leg_color, shade))
        brush.limb([foot, (foot[0] + 0.07 * way, foot[1] - 0.008)], 0.05, (35, 35, 40))

    def arm(side: float, shade: float) -> None:
        reach = -0.1 * side * swing
        elbow = (shoulder[0] + reach * 0.5 - 0.02 * way, 0.65 + bob)
        hand = (shoulder[0] + reach + 0.03 * way, 0.52 + bob)
        brush.limb([(shoulder[0], 0.79 + bob), elbow, hand], 0.058, _dark(shirt, shade))
        brush.disc(*hand, 0.03, 0.03, _dark(skin, shade))

    arm(-1, 0.62)
    leg(-1, 0.68)
    leg(1, 1.0)
    if mover.style % 3 == 0:  # a backpack
        brush.disc(-0.12 * way, 0.69 + bob, 0.075, 0.125, _dark(extra, 0.8))
    brush.shape(
        [(-0.085, 0.47), (0.085, 0.47), (0.105, 0.66), (0.095, 0.81),
         (0.04, 0.845), (-0.04, 0.845), (-0.095, 0.81), (-0.10, 0.66)],
        shirt,
    )  # fmt: skip
    if skirt:
        brush.shape([(-0.085, 0.52), (0.085, 0.52), (0.14, 0.27), (-0.14, 0.27)], trousers)
    else:
        brush.shape([(-0.088, 0.52), (0.088, 0.52), (0.08, 0.44), (-0.08, 0.44)], trousers)
    brush.limb([(0.01 * way, 0.83 + bob), (0.015 * way, 0.88 + bob)], 0.06, _dark(skin, 0.85))
    brush.disc(0.02 * way, 0.935 + bob, 0.062, 0.075, skin)
    hair = (35, 45, 60) if mover.style % 2 else (60, 95, 130)
    brush.disc(0.0, 0.965 + bob, 0.064, 0.048, hair if mover.style % 5 else extra)
    brush.disc(-0.035 * way, 0.94 + bob, 0.04, 0.06, hair)
    arm(1, 1.0)
    return brush.patch()


def _car(mover: Mover, tall: float, x: float) -> np.ndarray:
    """A hatchback, saloon or van, from the side. Heights are in those of a person."""
    (paint,) = mover.colors
    brush = Brush(2.75, 1.2, tall)
    way = 1 if mover.vx > 0 else -1
    roof = {0: (0.86, -0.95, 0.30), 1: (0.84, -0.70, 0.35), 2: (1.10, -1.15, 0.62)}[mover.style]
    high, back, front = roof

    def facing(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(way * px, py) for px, py in points]

    glass = (95, 80, 65)
    brush.shape(
        facing(
            [(-1.25, 0.16), (1.25, 0.16), (1.27, 0.34), (1.2, 0.46), (front + 0.5, 0.56), (-1.2, 0.58), (-1.28, 0.4)]
        ),
        paint,
    )
    brush.shape(
        facing(
            [
                (back - 0.22, 0.56),
                (back, high - 0.03),
                (back + 0.12, high),
                (front - 0.1, high),
                (front, high - 0.03),
                (front + 0.5, 0.54),
            ]
        ),
        _dark(paint, 0.92),
    )
    brush.shape(facing([(back - 0.1, 0.57), (back + 0.08, high - 0.06), (-0.32, high - 0.06), (-0.32, 0.57)]), glass)
    brush.shape(facing([(-0.26, 0.57), (-0.26, high - 0.06), (front - 0.06, high - 0.06), (front + 0.36, 0.57)]), glass)
    brush.shape(facing([(0.05, high - 0.08), (0.18, high - 0.08), (0.02, 0.58), (-0.12, 0.58)]), (150, 135, 120))
    brush.disc(way * 0.12, 0.60, 0.07, 0.08, (50, 55, 70))
    brush.shape(facing([(-1.26, 0.14), (1.26, 0.14), (1.26, 0.22), (-1.26, 0.22)]), _dark(paint, 0.5))
    brush.limb(facing([(-1.2, 0.46), (1.15, 0.44)]), 0.02, _dark(paint, 1.25))
    brush.limb(facing([(-0.29, 0.22), (-0.29, 0.55)]), 0.015, _dark(paint, 0.6))
    brush.disc(way * 1.2, 0.41, 0.07, 0.045, (190, 235, 245))
    brush.disc(way * -1.23, 0.45, 0.05, 0.055, (40, 40, 200))
    for axle in (-0.80, 0.80):
        brush.disc(axle, 0.185, 0.215, 0.215, (22, 22, 24))
        brush.disc(axle, 0.185, 0.12, 0.12, (150, 150, 155))
        for spoke in range(3):
            angle = x / tall / 0.2 + spoke * math.tau / 3
            brush.limb(
                [(axle, 0.185), (axle + 0.11 * math.cos(angle), 0.185 - 0.11 * math.sin(angle))], 0.03, (70, 70, 75)
            )
    return brush.patch()


def _post(tall: float) -> np.ndarray:
    """A street lamp with a bin at its foot, which hides what passes behind it."""
    brush = Brush(0.6, 2.6, tall)
    brush.limb([(0, 0), (0, 2.5)], 0.085, (70, 72, 70))
    brush.limb([(0, 0), (0, 0.3)], 0.15, (55, 57, 55))
    brush.shape([(-0.24, 2.44), (0.24, 2.44), (0.18, 2.56), (-0.18, 2.56)], (60, 62, 60))
    brush.shape([(-0.19, 2.41), (0.19, 2.41), (0.19, 2.44), (-0.19, 2.44)], (190, 225, 235))
    brush.shape([(0.08, 0), (0.27, 0), (0.29, 0.52), (0.06, 0.52)], (60, 85, 55))
    brush.shape([(0.05, 0.5), (0.3, 0.5), (0.3, 0.56), (0.05, 0.56)], (40, 55, 38))
    return brush.patch()


def _background(size: tuple[int, int], camera: int) -> np.ndarray:
    """`(H, W, 3)` float32: house fronts, pavements, a road and trees, as camera 0 or 1 sees them."""
    width, height = size
    rng = np.random.default_rng(1000 + camera)
    picture = np.zeros((height, width, 3), np.float32)
    facade, curb_far, curb_near = round(0.40 * height), round(ROAD[0] * height), round(ROAD[1] * height)
    picture[:facade] = (175, 165, 150)
    left = -int(rng.integers(0, width // 6))
    while left < width:
        wide = int(width * rng.uniform(0.2, 0.34))
        _house(picture, left, wide, facade, rng)
        left += wide
    picture[facade:curb_far] = (150, 156, 160)
    picture[curb_far:curb_near] = (92, 90, 88)
    picture[curb_near:] = (146, 152, 158)
    middle = round(width * (0.45, 0.6)[camera])
    for far_x in range(-6 * width, 7 * width, max(8, width // 7)):  # paving stones run to the vanishing point
        start = (middle + (far_x - middle) // 4, round(HORIZON * height))
        cv2.line(
            picture[curb_near:],
            (start[0], start[1] - curb_near),
            (far_x, height - curb_near),
            (126, 132, 138),
            1,
            cv2.LINE_AA,
        )
    y = float(curb_near)
    while y < height:
        cv2.line(picture, (0, round(y)), (width, round(y)), (128, 134, 140), 1)
        y += max(3.0, (y - HORIZON * height) * 0.085)
    for edge, thick in ((curb_far, 2), (curb_near, 4)):
        cv2.line(picture, (0, edge), (width, edge), (178, 182, 186), thick)
        cv2.line(picture, (0, edge + thick), (width, edge + thick), (70, 70, 70), 1)
    lane = round((ROAD[0] + ROAD[1]) / 2 * height) - 2
    for x in range(-20 + camera * 25, width, max(8, width // 9)):
        cv2.line(picture, (x, lane), (x + width // 18, lane), (205, 208, 210), 2, cv2.LINE_AA)
    for place in (rng.uniform(0.02, 0.2), rng.uniform(0.45, 0.6), rng.uniform(0.8, 0.95)):
        _tree(picture, round(place * width), facade + 4, height, rng)
    blotches = np.zeros((height, width), np.float32)
    for cell, power in ((1, 5), (3, 4), (12, 5), (60, 7)):
        coarse = rng.normal(0, power, (max(2, height // cell), max(2, width // cell)))
        blotches += cv2.resize(coarse.astype(np.float32), size)
    light = np.linspace(1.06, 0.9, width)[None, :] * np.linspace(0.94, 1.04, height)[:, None]
    return ((picture + blotches[..., None]) * light[..., None]).clip(0, 255).astype(np.float32)


def _house(picture: np.ndarray, left: int, wide: int, base: int, rng: np.random.Generator) -> None:
    walls = [(120, 145, 175), (105, 120, 160), (150, 165, 175), (135, 140, 145), (110, 135, 150)]
    wall = walls[rng.integers(len(walls))]
    cv2.rectangle(picture, (left, 0), (left + wide - 1, base), wall, -1)
    cv2.rectangle(picture, (left, base - base // 12), (left + wide - 1, base), _dark(wall, 0.7), -1)
    cv2.line(picture, (left, 0), (left, base), _dark(wall, 0.6), 2)
    columns, pane_w, pane_h = max(2, wide // 34), wide // (max(2, wide // 34) * 2), base // 5
    for row in range(3):
        for column in range(columns):
            x = left + round((column + 0.28) * wide / columns)
            y = round(base * (0.02 + row * 0.33))
            door = row == 2 and column == columns // 2
            tone = (60, 62, 75) if door else _dark((125, 110, 90), float(rng.uniform(0.6, 1.2)))
            bottom = base - 1 if door else y + pane_h
            cv2.rectangle(picture, (x - 2, y - 2), (x + pane_w + 2, bottom + 2), _dark(wall, 1.25), -1)
            cv2.rectangle(picture, (x, y), (x + pane_w, bottom), tone, -1)
            cv2.line(picture, (x + pane_w // 2, y), (x + pane_w // 2, bottom), _dark(wall, 1.2), 1)


def _tree(picture: np.ndarray, x: int, base: int, height: int, rng: np.random.Generator) -> None:
    trunk = height // 45
    cv2.rectangle(picture, (x - trunk // 2, base - height // 6), (x + trunk // 2, base), (55, 75, 95), -1)
    for _ in range(90):
        angle, reach = rng.uniform(0, math.tau), math.sqrt(rng.uniform(0, 1))
        leaf_x = x + round(reach * math.cos(angle) * height * 0.11)
        leaf_y = base - height // 4 + round(reach * math.sin(angle) * height * 0.12)
        tone = rng.uniform(0.6, 1.15) * (1.1 - 0.3 * math.sin(angle) * reach)
        cv2.circle(picture, (leaf_x, leaf_y), max(2, height // 40), _dark((60, 115, 75), tone), -1, cv2.LINE_AA)
