from __future__ import annotations

import numpy as np

from bytetrack.tracks import Tracks
from bytetrack.video.overlay import Overlay


def at(x: float, number: int = 3) -> Tracks:
    return Tracks([0], [number], [[x, 40, x + 40, 140]], [0.9], [1], ("car", "person"))


def test_boxes_are_drawn_on_a_copy() -> None:
    for ground in (0, 128, 255):
        frame = np.full((240, 320, 3), ground, np.uint8)
        drawn = Overlay(("car", "person"), (320, 240)).draw(frame, at(100))
        assert (frame == ground).all()
        assert drawn.shape == frame.shape
        changed = (drawn != ground).any(axis=2)
        assert changed[90, 95:105].any()
        assert changed[90, 135:145].any()
        assert not changed[90, 110:130].any()


def test_each_track_has_its_color() -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    one, two = (Overlay(("car", "person"), (320, 240)).draw(blank, at(100, number)) for number in (1, 2))
    assert not np.array_equal(one, two)


def test_a_trail_follows() -> None:
    overlay = Overlay(("car", "person"), (320, 240))
    blank = np.zeros((240, 320, 3), np.uint8)
    for x in range(20, 200, 20):
        drawn = overlay.draw(blank, at(x))
    assert drawn[130:150, 60:150].any()


def test_a_frame_without_tracks() -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    overlay = Overlay(("car",), (320, 240))
    assert not overlay.draw(blank, Tracks.empty(("car",))).any()
    assert overlay.draw(blank, Tracks([0], [1], [[1, 1, 50, 50]], [1], [0], ("car",))).any()
