from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moving_squares import HEIGHT, WIDTH, render_frame
from numpy.typing import NDArray

from bytetrack.tracks import Tracks
from bytetrack.video import VideoWriter, frame_times, probe
from bytetrack.video.overlay import Overlay, write_overlay
from bytetrack.video.palette import track_color

CLASSES = ("car", "person")
SIZE = (320, 240)


def box_at(x: float, track_id: int = 3) -> Tracks:
    return Tracks([0], [track_id], [[x, 40, x + 40, 140]], [0.9], [1], CLASSES)


def black() -> NDArray[np.uint8]:
    return np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


@pytest.mark.parametrize("background", [0, 128, 255])
def test_boxes_are_drawn_on_a_copy(background: int) -> None:
    frame = np.full((240, 320, 3), background, np.uint8)
    drawn = Overlay(CLASSES, SIZE).draw(frame, box_at(100))
    assert (frame == background).all()
    assert drawn.shape == frame.shape
    changed = (drawn != background).any(axis=2)
    assert changed[90, 95:105].any()
    assert changed[90, 135:145].any()
    assert not changed[90, 110:130].any()


@pytest.mark.parametrize("track_id", [1, 2, 15])
def test_a_box_has_the_color_of_its_track(track_id: int) -> None:
    drawn = Overlay(CLASSES, SIZE).draw(black(), box_at(100, track_id))
    assert drawn[90, 100].tolist() == list(reversed(track_color(track_id)))  # BGR


def test_a_trail_follows_the_track() -> None:
    overlay = Overlay(CLASSES, SIZE)
    for x in range(20, 200, 20):
        drawn = overlay.draw(black(), box_at(x))
    assert drawn[130:150, 60:150].any()


def test_a_frame_without_tracks_is_not_changed() -> None:
    overlay = Overlay(CLASSES, SIZE)
    assert not overlay.draw(black(), Tracks.empty(CLASSES)).any()
    assert overlay.draw(black(), box_at(1)).any()


def test_an_overlay_keeps_the_times_of_a_variable_rate_video(tmp_path: Path) -> None:
    times = np.array([0, 0.1, 0.2, 0.5, 0.6, 1.0])
    with VideoWriter(tmp_path / "variable.mp4", 10, (WIDTH, HEIGHT), times=times) as writer:
        for number in range(len(times)):
            writer.write(render_frame(number))
    assert probe(tmp_path / "variable.mp4").variable_rate
    written: list[int] = []
    write_overlay(tmp_path / "variable.mp4", Tracks.empty(CLASSES), tmp_path / "overlay.mp4", written.append)
    assert written == [1, 2, 3, 4, 5, 6]
    assert frame_times(tmp_path / "overlay.mp4") == pytest.approx(times, abs=1e-4)
