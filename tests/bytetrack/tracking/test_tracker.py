"""The tracker on synthetic detections, on arbitrary input, and on MOT15."""

from __future__ import annotations

from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import mot
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.tracker import ByteTracker

MOT15_SEQUENCES = [
    "ADL-Rundle-6",
    "ADL-Rundle-8",
    "ETH-Bahnhof",
    "ETH-Pedcross2",
    "ETH-Sunnyday",
    "KITTI-13",
    "KITTI-17",
    "PETS09-S2L1",
    "TUD-Campus",
    "TUD-Stadtmitte",
    "Venice-2",
]


def update(tracker: ByteTracker, *boxes: tuple[float, float, float], class_id: int = 0) -> dict[int, float]:
    """Track boxes of 40x80 pixels, given as (left, top, score). Returns the left edge of each object by its id."""
    xyxy = [[left, top, left + 40, top + 80] for left, top, _ in boxes]
    tracked, ids, _, _ = tracker.update(xyxy, [box[2] for box in boxes], [class_id] * len(boxes))
    return dict(zip(ids.tolist(), tracked[:, 0].tolist()))


def test_an_object_keeps_its_id_while_it_moves() -> None:
    tracker = ByteTracker()
    assert [list(update(tracker, (5 * step, 10, 0.9))) for step in range(20)] == [[1]] * 20


def test_a_low_score_continues_a_track_but_does_not_start_one() -> None:
    tracker = ByteTracker()
    update(tracker, (100, 10, 0.9))
    assert list(update(tracker, (102, 10, 0.3), (400, 10, 0.3))) == [1]
    assert list(update(tracker, (104, 10, 0.2), (400, 10, 0.3))) == [1]


def test_scores_below_the_minimum_are_ignored() -> None:
    tracker = ByteTracker()
    update(tracker, (100, 10, 0.9))
    assert update(tracker, (100, 10, 0.05)) == {}


def test_a_new_track_is_returned_once_a_second_detection_confirms_it() -> None:
    tracker = ByteTracker()
    update(tracker, (100, 10, 0.9))
    assert list(update(tracker, (100, 10, 0.9), (400, 10, 0.9))) == [1]
    assert list(update(tracker, (100, 10, 0.9), (400, 10, 0.9))) == [1, 2]


def test_an_unconfirmed_track_is_removed_after_one_frame_without_a_match() -> None:
    tracker = ByteTracker()
    update(tracker)
    update(tracker, (400, 10, 0.9))
    update(tracker)
    assert update(tracker, (400, 10, 0.9)) == {}


@pytest.mark.parametrize(("gap", "keeps_id"), [(1, True), (10, True), (11, True), (12, False)])
def test_a_lost_track_is_kept_for_the_buffer(gap: int, keeps_id: bool) -> None:
    tracker = ByteTracker(TrackerConfig(track_buffer=10))
    for _ in range(5):
        update(tracker, (100, 10, 0.9))
    for _ in range(gap):
        assert update(tracker) == {}
    update(tracker, (100, 10, 0.9))
    assert list(update(tracker, (100, 10, 0.9))) == [1 if keeps_id else 2]


def test_the_buffer_is_in_seconds() -> None:
    assert TrackerConfig(track_buffer=30, frame_rate=7).max_lost_frames == 7
    assert TrackerConfig(track_buffer=0).max_lost_frames == 1


def test_different_classes_do_not_match_and_ids_are_unique_across_classes() -> None:
    tracker = ByteTracker()
    box = np.array([[100.0, 10.0, 140.0, 90.0]])
    for _ in range(3):
        _, ids, _, classes = tracker.update(np.repeat(box, 2, 0), np.array([0.9, 0.8]), np.array([0, 3]))
    assert dict(zip(ids.tolist(), classes.tolist())) == {1: 0, 2: 3}
    _, ids, _, _ = tracker.update(box, np.array([0.9]), np.array([1]))
    assert len(ids) == 0


def test_crossing_objects_keep_their_ids() -> None:
    tracker = ByteTracker()
    for step in range(41):
        lefts = update(tracker, (10 * step, 10, 0.9), (400 - 10 * step, 40, 0.9))
    assert lefts == pytest.approx({1: 400, 2: 0}, abs=5)


def test_empty_frames_are_accepted_and_invalid_boxes_are_ignored() -> None:
    tracker = ByteTracker()
    assert all(len(column) == 0 for column in tracker.update(np.empty((0, 4)), np.empty(0), np.empty(0)))
    assert all(len(column) == 0 for column in tracker.update([], [], []))
    invalid_boxes: list[list[float]] = [
        [np.nan, 0, 10, 10],
        [0, 0, np.inf, 10],
        [0, 0, 1e200, 10],
        [10, 10, 10, 20],
        [10, 10, 5, 20],
        [10, 10, 20, 10],
    ]
    for _ in range(3):
        assert len(tracker.update(invalid_boxes, [0.9] * 6, [0] * 6)[1]) == 0
    assert len(tracker.update([[0, 0, 10, 10]], [np.nan], [0])[1]) == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((np.zeros((2, 4)), np.zeros(3), np.zeros(3)), "xyxy"),
        ((np.zeros((3, 5)), np.zeros(3), np.zeros(3)), "xyxy"),
        ((np.zeros((3, 4)), np.zeros((3, 1)), np.zeros(3)), "scores"),
        ((np.zeros((3, 4)), np.zeros(3), np.zeros(2)), "class_ids"),
    ],
)
def test_errors_name_the_argument_with_the_wrong_shape(
    arguments: tuple[np.ndarray, np.ndarray, np.ndarray], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        ByteTracker().update(*arguments)


def test_reset_removes_all_tracks() -> None:
    tracker = ByteTracker()
    first = update(tracker, (100, 10, 0.9))
    tracker.reset()
    assert update(tracker, (100, 10, 0.9)) == first


def test_a_restored_tracker_continues_with_the_same_ids() -> None:
    config = TrackerConfig(frame_rate=7, class_votes=True)
    uninterrupted, restored = ByteTracker(config), ByteTracker(config)
    for step in range(12):
        boxes = [(5 * step, 10, 0.9), (400 - 5 * step, 200, 0.8)][: 1 if step in (4, 5) else 2]
        assert update(uninterrupted, *boxes) == update(restored, *boxes)
        restored = ByteTracker.restore(restored.save())
    assert restored.config == config and restored.last_id == 2


@pytest.mark.parametrize("damage", [lambda saved: b"", lambda saved: saved[: len(saved) // 2], lambda saved: b"x" * 99])
def test_a_damaged_state_is_rejected(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="not the saved state of a tracker"):
        ByteTracker.restore(damage(ByteTracker().save()))


def track_classes(tracker: ByteTracker, detected_class_ids: list[int]) -> list[tuple[int, int]]:
    """Track a moving object that is detected with these classes. Returns its id and class in each frame."""
    tracked = []
    for step, class_id in enumerate(detected_class_ids):
        _, ids, _, class_ids = tracker.update([[5 * step, 10, 40 + 5 * step, 90]], [0.9], [class_id])
        tracked += list(zip(ids.tolist(), class_ids.tolist()))
    return tracked


def test_class_votes_keep_the_id_of_an_object_whose_class_varies() -> None:
    class_ids = [0, 0, 1, 0, 1, 1, 0, 0]
    assert track_classes(ByteTracker(TrackerConfig(class_votes=True)), class_ids) == [(1, 0)] * len(class_ids)
    assert track_classes(ByteTracker(), class_ids) != [(1, 0)] * len(class_ids)


def test_class_votes_can_change_the_class() -> None:
    tracked = track_classes(ByteTracker(TrackerConfig(class_votes=True)), [0, 1, 1, 1, 0])
    assert [track_id for track_id, _ in tracked] == [1] * 5
    assert [class_id for _, class_id in tracked] == [0, 0, 1, 1, 1]


def test_class_votes_merge_detections_of_two_classes() -> None:
    for class_votes in (False, True):
        tracker = ByteTracker(TrackerConfig(class_votes=class_votes))
        for step in range(6):
            box = [5.0 * step, 10, 40 + 5 * step, 90]
            _, ids, _, class_ids = tracker.update([box, box], [0.9, 0.8] if step % 3 else [0.7, 0.8], [0, 1])
        assert len(ids) == (1 if class_votes else 2)
    assert class_ids.tolist() == [0]


@pytest.mark.parametrize("class_votes", [False, True])
def test_crossing_objects_of_two_classes_keep_their_classes(class_votes: bool) -> None:
    tracker = ByteTracker(TrackerConfig(class_votes=class_votes))
    for step in range(41):
        right, left = 10 * step, 400 - 10 * step  # left edges of the objects that move right and left
        xyxy = [[right, 10, right + 40, 90], [left, 14, left + 40, 94]]
        visible = slice(0, 1) if 18 <= step <= 22 else slice(0, 2)  # The second object is hidden.
        _, ids, _, class_ids = tracker.update(xyxy[visible], [0.9, 0.8][visible], [0, 1][visible])
        if step > 0:
            assert dict(zip(ids.tolist(), class_ids.tolist())).items() <= {1: 0, 2: 1}.items()
    assert ids.tolist() == [1, 2]


def test_boxes_below_the_minimum_area_are_not_returned() -> None:
    tracker = ByteTracker(TrackerConfig(min_box_area=40 * 80 + 1))
    assert update(tracker, (100, 10, 0.9)) == {}


def test_settings_are_read_from_text_and_numbers() -> None:
    config = TrackerConfig.parse({"frame_rate": "7", "track_thresh": 0.6, "track_buffer": "20.0"})
    assert config == TrackerConfig(frame_rate=7, track_thresh=0.6, track_buffer=20)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"track_tresh": 0.5}, "no setting 'track_tresh'. Its settings are track_thresh"),
        ({"match_thresh": "high"}, "match_thresh is 'high'"),
        ({"track_thresh": 1.5}, "track_thresh is 1.5, but must be a number from 0 to 1"),
        ({"frame_rate": 0}, "frame_rate is 0"),
        ({"frame_rate": float("nan")}, "frame_rate is nan"),
        ({"track_buffer": float("inf")}, "track_buffer is inf"),
    ],
)
def test_errors_name_the_setting(setting: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackerConfig.parse(setting)


extremes = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e6, -1e6, 1e300, -1e300, 5e-324, 1e-9])
numbers = st.floats(-50, 500) | extremes
scores = st.floats(0, 1) | st.sampled_from([0.1, 0.3, 0.4, 0.5]) | extremes
# Coordinates on a grid of ten pixels make equal boxes, and assignments of equal cost.
tens = st.tuples(*[st.integers(0, 9)] * 2, *[st.integers(1, 6)] * 2).map(
    lambda box: (10 * box[0], 10 * box[1], 10 * (box[0] + box[2]), 10 * (box[1] + box[3]))
)
boxes = st.tuples(numbers, numbers, numbers, numbers) | tens
detections = st.lists(st.tuples(boxes, scores, st.integers(0, 2)), max_size=6)
configs = st.builds(
    TrackerConfig,
    track_thresh=st.floats(0, 1),
    match_thresh=st.floats(0, 1) | st.just(1.0),
    track_buffer=st.integers(0, 5),
    frame_rate=st.sampled_from([1.0, 30.0, 90.0]),
    min_box_area=st.sampled_from([0.0, 500.0]),
    class_votes=st.booleans(),
)


def track(frames: list, config: TrackerConfig) -> list[tuple[np.ndarray, ...]]:
    tracker = ByteTracker(config)
    return [
        tracker.update(
            [box for box, _, _ in frame], [score for _, score, _ in frame], [class_id for _, _, class_id in frame]
        )
        for frame in frames
    ]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(detections, max_size=10), configs)
def test_ids_are_unique_boxes_are_valid_and_results_are_reproducible(frames: list, config: TrackerConfig) -> None:
    class_of: dict[int, int] = {}
    tracked = track(frames, config)
    for frame, (xyxy, ids, scores, class_ids) in zip(frames, tracked):
        assert len(xyxy) == len(ids) == len(scores) == len(class_ids) <= len(frame)
        assert (np.diff(ids) > 0).all() and (ids > 0).all()
        assert np.isfinite(xyxy).all() and (xyxy[:, 2:] > xyxy[:, :2]).all()
        assert ((scores > 0) & (scores <= 1)).all()
        assert set(class_ids.tolist()) <= {class_id for _, _, class_id in sum(frames, [])}
        for track_id, class_id in zip(ids.tolist(), class_ids.tolist()):
            assert config.class_votes or class_of.setdefault(track_id, class_id) == class_id
    for columns, columns_again in zip(tracked, track(frames, config)):
        for a, b in zip(columns, columns_again):
            np.testing.assert_array_equal(a, b)


junk = st.none() | st.text(max_size=3) | st.integers() | st.floats() | st.booleans() | st.just(object())
arrays = st.recursive(junk, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(arrays, arrays, arrays)
def test_invalid_arguments_raise_only_value_errors_that_name_them(xyxy: Any, scores: Any, class_ids: Any) -> None:
    tracker = ByteTracker()
    try:
        tracker.update(xyxy, scores, class_ids)
    except ValueError as error:
        assert str(error).startswith(("xyxy ", "scores ", "class_ids "))
        assert tracker.frame == 0


def test_ten_thousand_detections_are_tracked() -> None:
    random = np.random.default_rng(0)
    corner = random.uniform(0, 4000, (10_000, 2))
    xyxy, tracker = np.hstack([corner, corner + random.uniform(10, 60, (10_000, 2))]), ByteTracker()
    for _ in range(3):
        _, ids, _, _ = tracker.update(xyxy + random.normal(0, 1, (1, 4)), np.full(10_000, 0.9), np.zeros(10_000))
    assert len(ids) > 9_900


@pytest.mark.slow
def test_a_thousand_equal_boxes_get_different_ids() -> None:
    tracker = ByteTracker()
    for _ in range(3):
        _, ids, _, _ = tracker.update(np.tile([10.0, 10, 50, 90], (1000, 1)), np.full(1000, 0.9), np.zeros(1000))
    assert ids.tolist() == list(range(1, 1001))


def test_the_number_of_tracks_in_memory_is_bounded() -> None:
    tracker, random = ByteTracker(), np.random.default_rng(0)
    numbers_of_tracks = []
    for _ in range(2000):
        corner = random.uniform(0, 1000, (5, 2))  # Every object is detected only once.
        tracker.update(np.hstack([corner, corner + 40]), np.full(5, 0.9), np.zeros(5))
        numbers_of_tracks.append(len(tracker.tracks))
    assert tracker.last_id > 9_000 and max(numbers_of_tracks[1000:]) <= max(numbers_of_tracks[:1000]) < 200


@pytest.mark.parametrize("name", MOT15_SEQUENCES)
def test_tracks_of_mot15_equal_those_of_the_authors_code(shared_data: Path, name: str) -> None:
    folder = shared_data / "mot15" / name
    info = ConfigParser()
    info.read(folder / "seqinfo.ini")
    detections = np.loadtxt(folder / "det.txt", delimiter=",")
    expected = mot.read(folder / "reference.txt")

    tracker = ByteTracker(TrackerConfig(frame_rate=info.getfloat("Sequence", "frameRate")))
    boxes, keys = [], []
    for frame in range(info.getint("Sequence", "seqLength")):
        rows = detections[detections[:, 0] == frame + 1]
        left_top, size = rows[:, 2:4], rows[:, 4:6]
        xyxy = np.concatenate([left_top, left_top + size], axis=1)
        tracked, ids, _, _ = tracker.update(xyxy, rows[:, 6].clip(0, 1), np.zeros(len(rows)))
        boxes.append(tracked)
        keys += [(frame, track_id) for track_id in ids.tolist()]
    assert keys == list(zip(expected.frame.tolist(), expected.id.tolist()))
    assert (
        np.abs(np.concatenate(boxes) - expected.xyxy).max() < 0.011
    )  # Left and width are both rounded to 0.01 pixels.
