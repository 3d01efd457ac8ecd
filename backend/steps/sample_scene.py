"""A synthetic street seen by a fixed camera, with people, cars and exact boxes.

All objects stand on a ground plane: the lower an object is in the frame, the nearer and larger it is. Objects are
painted from far to near at several times their size and scaled down, so the frame and the map of visible pixels agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]  # BGR
Point = tuple[float, float]
Image = NDArray[np.float32]

CLASSES = ("person", "car")
HORIZON = 0.20  # height of the horizon, as a fraction of the frame's height from its top
ROAD = (0.50, 0.70)  # upper and lower edge of the road, as fractions of the frame's height
SUPERSAMPLING = 3  # factor by which objects are painted larger
MIN_VISIBLE = 0.35  # fraction of an object's area within the frame that must be visible for a label
MIN_INSIDE = 0.2  # fraction of an object's area that must be within the frame for a label
GRAIN_FRAMES = 8  # number of noise patterns, which repeat

SKIN: list[Color] = [(150, 185, 225), (120, 160, 205), (90, 125, 175), (60, 85, 130), (45, 65, 100)]
CLOTHES: list[Color] = [
    (40, 40, 190),
    (170, 90, 40),
    (60, 130, 50),
    (50, 190, 220),
    (200, 200, 205),
    (45, 45, 50),
    (140, 60, 120),
    (190, 150, 70),
    (60, 110, 200),
    (110, 110, 115),
    (120, 160, 60),
    (90, 60, 40),
]
PAINTS: list[Color] = [
    (40, 40, 175),
    (150, 80, 35),
    (215, 215, 218),
    (60, 60, 65),
    (150, 150, 150),
    (45, 110, 60),
    (40, 165, 215),
]


class Box(NamedTuple):
    """A labeled object in a frame."""

    object_id: int
    class_id: int
    xyxy: NDArray[np.float64]  # `(4,)`, pixels


@dataclass(frozen=True)
class Mover:
    """A moving object: the path of its foot point, and its looks."""

    class_id: int
    x: float  # pixels, at frame 0
    y: float
    vx: float  # pixels per frame
    vy: float
    phase: float  # of a person's stride, in radians
    build: float  # size relative to others of its class
    colors: tuple[Color, ...]
    style: int  # selects details such as clothes, or the kind of car


class _Pasted(NamedTuple):
    """Where an object was painted."""

    window: tuple[slice, slice]  # rows and columns of the frame
    mask: NDArray[np.bool_]  # pixels of the object within the window
    area: float  # of the whole object in pixels, also outside the frame


class Scene:
    """A street with its traffic, rendered frame by frame."""

    def __init__(self, size: tuple[int, int], frames: int, camera: int, rng: np.random.Generator) -> None:
        """Draw the street and its traffic at random.

        Args:
            size: Width and height of the frames in pixels.
            frames: Number of frames, within which everybody crosses the view.
            camera: 0 or 1, one of two views.
            rng: Source of the traffic and the noise. The street depends on the camera only.
        """
        self.width, self.height = size
        self.background = _background(size, camera)
        self.post_x = (0.30, 0.66)[camera] * self.width
        self.movers = [*self._people(frames, rng), *self._cars(frames, rng)]
        self.grain = rng.normal(0, 3.0, (GRAIN_FRAMES, self.height, self.width, 1)).astype(np.float32)

    def _person_height(self, y: float) -> float:
        """Return the height in pixels of a person whose feet are at `y`."""
        return 0.5 * (y - HORIZON * self.height)

    def _people(self, frames: int, rng: np.random.Generator) -> list[Mover]:
        people = []
        for number in range(10):
            # A few people walk on the far sidewalk, the others on the near one.
            y = self.height * (rng.uniform(0.44, 0.50) if number % 4 == 0 else rng.uniform(0.73, 0.97))
            height, direction = self._person_height(y), rng.choice([-1, 1])
            vx = direction * height * rng.uniform(0.045, 0.085)
            # The path is placed such that the person is in view in at least one frame.
            x = self.width * rng.uniform(0.05, 0.95) - vx * frames * rng.uniform(0.0, 1.0)
            colors = tuple(pool[rng.integers(len(pool))] for pool in (SKIN, CLOTHES, CLOTHES, CLOTHES))
            vy, phase, build = rng.uniform(-0.06, 0.06), rng.uniform(0, 6.3), rng.uniform(0.9, 1.08)
            people.append(Mover(0, x, y, vx, vy, phase, build, colors, style=number))
        return people

    def _cars(self, frames: int, rng: np.random.Generator) -> list[Mover]:
        cars = []
        for lane, direction in ((0.565, -1), (0.675, 1)):
            y = self.height * lane
            height = self._person_height(y)
            speed = height * rng.uniform(0.10, 0.16)
            start = self.width * rng.uniform(0.2, 0.9)
            for number in range(3):  # one behind the other at the same speed, so that they do not overlap
                distance = start - number * height * rng.uniform(4.2, 5.5)
                colors = (PAINTS[rng.integers(len(PAINTS))],)
                x = distance if direction > 0 else self.width - distance
                build, style = rng.uniform(0.95, 1.08), int(rng.integers(3))
                cars.append(Mover(1, x, y, direction * speed, 0, 0, build, colors, style))
        return cars

    def render(self, frame: int) -> tuple[NDArray[np.uint8], list[Box]]:
        """Render one frame as BGR, `(H, W, 3)` uint8, with the boxes of the objects that are visible enough."""
        picture = self.background.copy()
        owner = np.zeros((self.height, self.width), np.int16)  # number of the object that each pixel shows
        pasted_movers: dict[int, _Pasted] = {}
        post_number, post_y = -1, 0.735 * self.height
        far_to_near = [(mover.y + mover.vy * frame, number) for number, mover in enumerate(self.movers, 1)]
        for y, number in sorted([*far_to_near, (post_y, post_number)]):
            if number == post_number:
                self._paste(picture, owner, number, _post(self._person_height(post_y)), self.post_x, post_y)
                continue
            mover = self.movers[number - 1]
            x = mover.x + mover.vx * frame
            height = self._person_height(y) * mover.build
            if not -2 * height < x < self.width + 2 * height:
                continue
            patch = _person(mover, height, frame) if mover.class_id == 0 else _car(mover, height, x)
            self._shade(picture, x, y, height * (0.28 if mover.class_id == 0 else 1.25), height * 0.07)
            if (pasted := self._paste(picture, owner, number, patch, x, y)) is not None:
                pasted_movers[number] = pasted
        boxes = [
            Box(number, self.movers[number - 1].class_id, _enclosing_box(pasted))
            for number, pasted in pasted_movers.items()
            if _is_visible(pasted, owner, number)
        ]
        picture = cv2.GaussianBlur(picture, (0, 0), 0.5) + self.grain[frame % GRAIN_FRAMES]
        return picture.clip(0, 255).astype(np.uint8), boxes

    def _paste(
        self, picture: Image, owner: NDArray[np.int16], number: int, patch: Image, x: float, y: float
    ) -> _Pasted | None:
        """Blend a patch into the picture, with the middle of its lower edge at (x, y).

        Args:
            picture: Frame as BGR, `(H, W, 3)`. Modified in place.
            owner: Number of the object that each pixel shows, `(H, W)`. Modified in place.
            number: Number of the object.
            patch: BGR, premultiplied by alpha, and alpha, `(h, w, 4)`.
            x: Foot point in pixels.
            y: Foot point in pixels.

        Returns:
            Where it was painted; None if it is outside the frame.
        """
        high, wide = patch.shape[:2]
        subpixel_shift = np.array([[1, 0, (x - wide / 2) % 1], [0, 1, (y - high) % 1]], np.float32)
        patch = np.asarray(cv2.warpAffine(patch, subpixel_shift, (wide + 1, high + 1)), np.float32)
        left, top = math.floor(x - wide / 2), math.floor(y - high)
        area = float((patch[..., 3] > 0.5).sum())
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide + 1, self.width), min(top + high + 1, self.height)
        if x0 >= x1 or y0 >= y1:
            return None
        window = (slice(y0, y1), slice(x0, x1))
        part = patch[y0 - top : y1 - top, x0 - left : x1 - left]
        picture[window] = picture[window] * (1 - part[..., 3:]) + part[..., :3]
        mask = part[..., 3] > 0.5
        owner[window][mask] = number
        return _Pasted(window, mask, area) if mask.any() else None

    def _shade(self, picture: Image, x: float, y: float, radius_x: float, radius_y: float) -> None:
        """Paint a soft shadow on the ground; the sun is on the left."""
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


def _is_visible(pasted: _Pasted, owner: NDArray[np.int16], number: int) -> bool:
    inside = pasted.mask.sum()
    visible = (pasted.mask & (owner[pasted.window] == number)).sum()
    return bool(inside >= MIN_INSIDE * pasted.area and visible >= MIN_VISIBLE * inside)


def _enclosing_box(pasted: _Pasted) -> NDArray[np.float64]:
    rows, columns = np.flatnonzero(pasted.mask.any(1)), np.flatnonzero(pasted.mask.any(0))
    top, left = pasted.window[0].start, pasted.window[1].start
    return np.array([left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1], np.float64)


class Brush:
    """Paints shapes onto a transparent patch.

    Coordinates are in units of a person's height: x from the middle of the patch, y upward from its lower edge.
    """

    def __init__(self, wide: float, high: float, unit: float) -> None:
        """Start with an empty patch.

        Args:
            wide: Width of the patch.
            high: Height of the patch.
            unit: Height of a person in pixels.
        """
        self.unit = unit * SUPERSAMPLING
        shape = (max(2, math.ceil(high * unit)), max(2, math.ceil(wide * unit)))
        self.canvas = np.zeros((shape[0] * SUPERSAMPLING, shape[1] * SUPERSAMPLING, 4), np.uint8)

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        """Return the pixel of the canvas at a point."""
        return round(self.canvas.shape[1] / 2 + x * self.unit), round(self.canvas.shape[0] - 1 - y * self.unit)

    def limb(self, points: list[Point], width: float, color: Color) -> None:
        """Paint a line through points."""
        for start, end in pairwise(points):
            thickness = max(1, round(width * self.unit))
            cv2.line(self.canvas, self.pixel(*start), self.pixel(*end), (*color, 255), thickness)

    def shape(self, points: list[Point], color: Color) -> None:
        """Paint a filled polygon."""
        cv2.fillPoly(self.canvas, [np.array([self.pixel(*point) for point in points])], (*color, 255))

    def disc(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        """Paint a filled ellipse with radii `rx` and `ry`."""
        axes = (max(1, round(rx * self.unit)), max(1, round(ry * self.unit)))
        cv2.ellipse(self.canvas, self.pixel(x, y), axes, 0, 0, 360, (*color, 255), -1)

    def patch(self) -> Image:
        """Return the patch, scaled down and lit from above left: BGR 0..255 premultiplied by alpha, and alpha 0..1.

        Its shape is `(h, w, 4)`.
        """
        size = (self.canvas.shape[1] // SUPERSAMPLING, self.canvas.shape[0] // SUPERSAMPLING)
        patch = cv2.resize(self.canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        light = np.linspace(1.12, 0.84, size[0])[None, :] * np.linspace(1.06, 0.92, size[1])[:, None]
        patch[..., :3] = (patch[..., :3] * light[..., None]).clip(0, 255)
        patch[..., 3] /= 255
        return patch


def _scale(color: Color, factor: float) -> Color:
    """Return a darker or brighter color."""
    blue, green, red = (int(min(255, channel * factor)) for channel in color)
    return blue, green, red


def _person(mover: Mover, height: float, frame: int) -> Image:
    """Paint a walking person from the side."""
    skin, shirt, trousers, extra = mover.colors
    brush = Brush(0.75, 1.04, height)
    direction = 1 if mover.vx > 0 else -1
    stride = mover.phase + abs(mover.vx) * frame / height * 7.5
    swing, bob = math.sin(stride), 0.012 * math.cos(2 * stride)
    hip, shoulder = (0.0, 0.50 + bob), (0.015 * direction, 0.81 + bob)
    skirt = mover.style % 4 == 1
    leg_color = skin if skirt else trousers

    def paint_leg(side: float, shade: float) -> None:
        reach = 0.11 * side * swing
        lift = max(0.0, 0.06 * math.cos(stride) * side)
        knee = (reach * 0.55 + 0.035 * direction, 0.27 + lift * 0.6)
        foot = (reach - (0.05 * direction if lift else 0), 0.035 + lift)
        brush.limb([hip, knee, foot], 0.085 if not skirt else 0.06, _scale(leg_color, shade))
        brush.limb([foot, (foot[0] + 0.07 * direction, foot[1] - 0.008)], 0.05, (35, 35, 40))

    def paint_arm(side: float, shade: float) -> None:
        reach = -0.1 * side * swing
        elbow = (shoulder[0] + reach * 0.5 - 0.02 * direction, 0.65 + bob)
        hand = (shoulder[0] + reach + 0.03 * direction, 0.52 + bob)
        brush.limb([(shoulder[0], 0.79 + bob), elbow, hand], 0.058, _scale(shirt, shade))
        brush.disc(*hand, 0.03, 0.03, _scale(skin, shade))

    paint_arm(-1, 0.62)
    paint_leg(-1, 0.68)
    paint_leg(1, 1.0)
    if mover.style % 3 == 0:  # a backpack
        brush.disc(-0.12 * direction, 0.69 + bob, 0.075, 0.125, _scale(extra, 0.8))
    torso_right = [(0.085, 0.47), (0.105, 0.66), (0.095, 0.81), (0.04, 0.845)]
    torso_left = [(-0.04, 0.845), (-0.095, 0.81), (-0.10, 0.66)]
    brush.shape([(-0.085, 0.47), *torso_right, *torso_left], shirt)
    if skirt:
        brush.shape([(-0.085, 0.52), (0.085, 0.52), (0.14, 0.27), (-0.14, 0.27)], trousers)
    else:
        brush.shape([(-0.088, 0.52), (0.088, 0.52), (0.08, 0.44), (-0.08, 0.44)], trousers)
    brush.limb([(0.01 * direction, 0.83 + bob), (0.015 * direction, 0.88 + bob)], 0.06, _scale(skin, 0.85))
    brush.disc(0.02 * direction, 0.935 + bob, 0.062, 0.075, skin)
    hair = (35, 45, 60) if mover.style % 2 else (60, 95, 130)
    brush.disc(0.0, 0.965 + bob, 0.064, 0.048, hair if mover.style % 5 else extra)
    brush.disc(-0.035 * direction, 0.94 + bob, 0.04, 0.06, hair)
    paint_arm(1, 1.0)
    return brush.patch()


def _car(mover: Mover, height: float, x: float) -> Image:
    """Paint a hatchback, sedan or van from the side. `height` is that of a person next to it, in pixels."""
    (paint,) = mover.colors
    brush = Brush(2.75, 1.2, height)
    direction = 1 if mover.vx > 0 else -1
    # Height, back end and front end of the roof
    high, back, front = [(0.86, -0.95, 0.30), (0.84, -0.70, 0.35), (1.10, -1.15, 0.62)][mover.style]

    def facing(points: list[Point]) -> list[Point]:
        """Mirror points of a car that drives to the left."""
        return [(direction * px, py) for px, py in points]

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
        _scale(paint, 0.92),
    )
    brush.shape(facing([(back - 0.1, 0.57), (back + 0.08, high - 0.06), (-0.32, high - 0.06), (-0.32, 0.57)]), glass)
    brush.shape(facing([(-0.26, 0.57), (-0.26, high - 0.06), (front - 0.06, high - 0.06), (front + 0.36, 0.57)]), glass)
    brush.shape(facing([(0.05, high - 0.08), (0.18, high - 0.08), (0.02, 0.58), (-0.12, 0.58)]), (150, 135, 120))
    brush.disc(direction * 0.12, 0.60, 0.07, 0.08, (50, 55, 70))
    brush.shape(facing([(-1.26, 0.14), (1.26, 0.14), (1.26, 0.22), (-1.26, 0.22)]), _scale(paint, 0.5))
    brush.limb(facing([(-1.2, 0.46), (1.15, 0.44)]), 0.02, _scale(paint, 1.25))
    brush.limb(facing([(-0.29, 0.22), (-0.29, 0.55)]), 0.015, _scale(paint, 0.6))
    brush.disc(direction * 1.2, 0.41, 0.07, 0.045, (190, 235, 245))
    brush.disc(direction * -1.23, 0.45, 0.05, 0.055, (40, 40, 200))
    for axle in (-0.80, 0.80):
        brush.disc(axle, 0.185, 0.215, 0.215, (22, 22, 24))
        brush.disc(axle, 0.185, 0.12, 0.12, (150, 150, 155))
        for spoke in range(3):
            angle = x / height / 0.2 + spoke * math.tau / 3
            brush.limb(
                [(axle, 0.185), (axle + 0.11 * math.cos(angle), 0.185 - 0.11 * math.sin(angle))], 0.03, (70, 70, 75)
            )
    return brush.patch()


def _post(height: float) -> Image:
    """Paint a street lamp with a bin at its foot, which hides objects behind it. `height` is that of a person."""
    brush = Brush(0.6, 2.6, height)
    brush.limb([(0, 0), (0, 2.5)], 0.085, (70, 72, 70))
    brush.limb([(0, 0), (0, 0.3)], 0.15, (55, 57, 55))
    brush.shape([(-0.24, 2.44), (0.24, 2.44), (0.18, 2.56), (-0.18, 2.56)], (60, 62, 60))
    brush.shape([(-0.19, 2.41), (0.19, 2.41), (0.19, 2.44), (-0.19, 2.44)], (190, 225, 235))
    brush.shape([(0.08, 0), (0.27, 0), (0.29, 0.52), (0.06, 0.52)], (60, 85, 55))
    brush.shape([(0.05, 0.5), (0.3, 0.5), (0.3, 0.56), (0.05, 0.56)], (40, 55, 38))
    return brush.patch()


def _background(size: tuple[int, int], camera: int) -> Image:
    """Paint house fronts, sidewalks, a road and trees as camera 0 or 1 sees them: BGR, `(H, W, 3)`."""
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
    for far_x in range(-6 * width, 7 * width, max(8, width // 7)):  # joints of the paving run to the vanishing point
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


def _house(picture: Image, left: int, wide: int, base: int, rng: np.random.Generator) -> None:
    walls = [(120, 145, 175), (105, 120, 160), (150, 165, 175), (135, 140, 145), (110, 135, 150)]
    wall = walls[rng.integers(len(walls))]
    cv2.rectangle(picture, (left, 0), (left + wide - 1, base), wall, -1)
    cv2.rectangle(picture, (left, base - base // 12), (left + wide - 1, base), _scale(wall, 0.7), -1)
    cv2.line(picture, (left, 0), (left, base), _scale(wall, 0.6), 2)
    columns, pane_w, pane_h = max(2, wide // 34), wide // (max(2, wide // 34) * 2), base // 5
    for row in range(3):
        for column in range(columns):
            x = left + round((column + 0.28) * wide / columns)
            y = round(base * (0.02 + row * 0.33))
            door = row == 2 and column == columns // 2
            tone = (60, 62, 75) if door else _scale((125, 110, 90), float(rng.uniform(0.6, 1.2)))
            bottom = base - 1 if door else y + pane_h
            cv2.rectangle(picture, (x - 2, y - 2), (x + pane_w + 2, bottom + 2), _scale(wall, 1.25), -1)
            cv2.rectangle(picture, (x, y), (x + pane_w, bottom), tone, -1)
            cv2.line(picture, (x + pane_w // 2, y), (x + pane_w // 2, bottom), _scale(wall, 1.2), 1)


def _tree(picture: Image, x: int, base: int, height: int, rng: np.random.Generator) -> None:
    trunk = height // 45
    cv2.rectangle(picture, (x - trunk // 2, base - height // 6), (x + trunk // 2, base), (55, 75, 95), -1)
    for _ in range(90):
        angle, reach = rng.uniform(0, math.tau), math.sqrt(rng.uniform(0, 1))
        leaf_x = x + round(reach * math.cos(angle) * height * 0.11)
        leaf_y = base - height // 4 + round(reach * math.sin(angle) * height * 0.12)
        tone = rng.uniform(0.6, 1.15) * (1.1 - 0.3 * math.sin(angle) * reach)
        cv2.circle(picture, (leaf_x, leaf_y), max(2, height // 40), _scale((60, 115, 75), tone), -1, cv2.LINE_AA)
