from __future__ import annotations

import numpy as np
import pytest
from walking_person import FRAMES, walk

from backend.steps.evaluation import Truth
from backend.steps.unlabeled_tracks import UnlabeledTrack, find_unlabeled, unlabeled_warning
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks


def truth(tracks: Tracks | None = None, labeled: range = range(FRAMES)) -> Truth:
    return Truth("by hand", walk() if tracks is None else tracks, FRAMES, list(labeled))


def detections(*shifts: float, score: float = 0.9, frames: range = range(FRAMES), class_id: int = 0) -> VideoDetections:
    """Return detections of the labeled person, once per shift, each moved to the right by so many pixels."""
    boxes = [(frame, walk().xyxy[frame] + [shift, 0, shift, 0]) for frame in frames for shift in shifts]
    return VideoDetections(
        frame=np.array([frame for frame, _ in boxes]),
        xyxy=np.array([box for _, box in boxes]),
        scores=np.full(len(boxes), score),
        class_ids=np.full(len(boxes), class_id),
        classes=("person", "dog"),
        width=640,
        height=480,
        fps=7.0,
        frames=FRAMES,
    )


def test_labeled_tracks_are_not_reported() -> None:
    assert find_unlabeled(truth(), detections(0), {}) == []
    assert find_unlabeled(truth(), detections(12), {}) == []  # badly placed, at an IoU of 0.54
    assert find_unlabeled(truth(), detections(20), {}) == []  # a false positive, at an IoU of 0.33


def test_unlabeled_tracks_are_reported() -> None:
    assert find_unlabeled(truth(), detections(0, 200, 400), {}) == [UnlabeledTrack(2, 0, 9), UnlabeledTrack(3, 0, 9)]
    assert find_unlabeled(truth(Tracks.empty(("person",))), detections(0), {}) == [UnlabeledTrack(1, 0, 9)]


@pytest.mark.parametrize(("frames", "expected"), [(range(5), []), (range(6), [UnlabeledTrack(1, 0, 5)])])
def test_tracks_on_half_of_the_labeled_frames_are_not_reported(frames: range, expected: list[UnlabeledTrack]) -> None:
    assert find_unlabeled(truth(), detections(200, frames=frames), {}) == expected


def test_unlabeled_frames_do_not_count() -> None:
    assert find_unlabeled(truth(labeled=range(8, 10)), detections(200, frames=range(8)), {}) == []
    assert find_unlabeled(truth(labeled=range(4, 6)), detections(200, frames=range(8)), {}) == [UnlabeledTrack(1, 4, 5)]


def test_classes_that_are_not_scored_do_not_count() -> None:
    assert find_unlabeled(truth(), detections(200, class_id=1), {}) == []


def test_tracks_are_reported_although_settings_hide_them() -> None:
    assert find_unlabeled(truth(), detections(200), {"track_thresh": 0.95}) == [UnlabeledTrack(1, 0, 9)]
    assert find_unlabeled(truth(), detections(200, score=0.4), {}) == []
    assert find_unlabeled(truth(), detections(200, score=0.4), {"track_thresh": 0.2}) == [UnlabeledTrack(1, 0, 9)]


def test_the_warning_lists_tracks_and_what_to_do() -> None:
    assert unlabeled_warning([]) == ""
    one = unlabeled_warning([UnlabeledTrack(3, 0, 9)])
    assert one.startswith("1 track has no label") and "ID 3 (frames 0 to 9)." in one and "label these" in one
    many = unlabeled_warning([UnlabeledTrack(number, 0, 9) for number in range(1, 9)])
    assert many.startswith("8 tracks have no label") and "5 (frames 0 to 9) and 3 more." in many and "6 (" not in many
