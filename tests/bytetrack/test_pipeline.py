from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from moving_squares import FPS, FRAMES, HEIGHT, SIDE, WIDTH, centers, render_frame, save_model, save_video
from waiting import until

from bytetrack import video
from bytetrack.detection.detector import Detector
from bytetrack.pipeline import (
    VideoDetections,
    detect_frames,
    detect_video,
    prefetch,
    track_detections,
    track_file,
    track_frames,
    tracker_config,
)
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.refinement import refine
from bytetrack.tracking.tracker import ByteTracker
from bytetrack.tracks import Tracks


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(save_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")


def test_each_square_keeps_its_id_through_the_video(detector: Detector, scene: Path) -> None:
    tracks = track_file(scene, detector, {}).tracks
    assert tracks.classes == ("blue", "red")
    assert set(tracks.id.tolist()) == {1, 2}
    assert len(set(zip(tracks.id.tolist(), tracks.class_id.tolist()))) == 2
    assert len(tracks) == 2 * FRAMES
    for frame, class_id, box in zip(tracks.frame.tolist(), tracks.class_id.tolist(), tracks.xyxy):
        x, y = centers(frame)[tracks.classes[class_id]]
        assert box == pytest.approx([x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2], abs=2)


def test_the_document_describes_the_video(detector: Detector, scene: Path) -> None:
    document = track_file(scene, detector, {}).document()
    properties = {"frames": FRAMES, "fps": FPS, "width": WIDTH, "height": HEIGHT}
    assert {name: document[name] for name in properties} == properties
    assert document["model_seconds"] > 0


def test_saved_detections_give_the_same_tracks(detector: Detector, scene: Path, tmp_path: Path) -> None:
    config = TrackerConfig(frame_rate=FPS)
    direct = refine(tracked(video.read_frames(scene), detector, ByteTracker(config)), config)
    detections = detect_video(scene, detector)
    detections.save(tmp_path / "scene.npz")
    for loaded in (VideoDetections.load(tmp_path / "scene.npz"), VideoDetections.from_json(detections.to_json())):
        again = track_detections(loaded, config)
        assert list(again.rows()) == list(direct.rows())
        assert np.array_equal(again.xyxy, direct.xyxy)


def tracked(frames: Iterable[np.ndarray], detector: Detector, tracker: ByteTracker) -> Tracks:
    return track_frames(detect_frames(frames, detector), tracker, detector.classes)


def test_parts_of_a_video_give_the_same_tracks(detector: Detector, scene: Path) -> None:
    config = tracker_config(detector, {}, FPS)
    whole = track_file(scene, detector, {}).tracks
    tracker = ByteTracker(config)
    rows: list[dict] = []
    for first in range(0, FRAMES, 7):
        part = detect_frames(video.read_frames(scene, first, first + 7), detector)
        rows += track_frames(part, tracker, detector.classes, first).rows()
    in_parts = Tracks.from_json({"classes": detector.classes, "tracks": rows})
    assert list(refine(in_parts, config).rows()) == list(whole.rows())


def test_frames_without_detections(detector: Detector) -> None:
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frames = [render_frame(0), render_frame(1), black, black, render_frame(4)]
    tracks = tracked(frames, detector, ByteTracker())
    assert tracks.frame.tolist() == [0, 0, 1, 1, 4, 4]
    assert len(tracked([black] * 3, detector, ByteTracker())) == 0
    assert len(tracked([], detector, ByteTracker())) == 0


def test_settings_take_precedence_over_those_of_the_model(detector: Detector) -> None:
    config = tracker_config(detector, {"track_thresh": "0.7"}, frame_rate=25)
    assert (config.track_thresh, config.match_thresh, config.frame_rate) == (0.7, 0.8, 25)
    assert tracker_config(detector, {"frame_rate": 7}, frame_rate=25).frame_rate == 7
    with pytest.raises(ValueError, match="no setting 'track_tresh'"):
        tracker_config(detector, {"track_tresh": 0.7})
    with pytest.raises(ValueError, match="track_thresh is 7"):
        tracker_config(detector, {"track_thresh": 7})


def test_a_file_without_detections_is_reported(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(ValueError, match="text.npz does not contain the detections"):
        VideoDetections.load(tmp_path / "text.npz")
    with pytest.raises(ValueError, match="does not contain the detections"):
        VideoDetections.from_json({"frame": []})


def test_prefetch_yields_all_items_in_order_and_then_the_error() -> None:
    def numbers() -> Iterator[int]:
        yield from range(10)
        raise ValueError("cannot produce ten")

    received = []
    with pytest.raises(ValueError, match="ten"):
        for number in prefetch(numbers()):
            received.append(number)
    assert received == list(range(10))


def test_prefetch_keeps_its_limit_and_ends_with_the_iteration() -> None:
    produced = []

    def numbers() -> Iterator[int]:
        for number in range(10**6):
            produced.append(number)
            yield number

    items = prefetch(numbers(), ahead=3)
    assert next(items) == 0
    until(lambda: len(produced) >= 5)  # one is taken, three are ready, and one waits for room
    assert len(produced) == 5
    assert next(items) == 1
    until(lambda: len(produced) >= 6)
    assert len(produced) == 6
    items.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())


def test_tracks_are_reported_frame_by_frame(detector: Detector, scene: Path) -> None:
    frames: list[Tracks] = []
    tracked = track_file(scene, detector, {"smooth": 0, "min_length": 0}, on_tracks=frames.append)
    assert [row for tracks in frames for row in tracks.rows()] == list(tracked.tracks.rows())
