from __future__ import annotations

import numpy as np
import pytest
from walking_person import FRAMES, walk

from backend.steps.evaluation import Truth
from backend.steps.unlabeled_tracks import LabelCoverage, UnlabeledTrack, find_unlabeled, unlabeled_warning
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


def unlabeled(truth: Truth, detections: VideoDetections, own: dict[str, float]) -> list[UnlabeledTrack]:
    return find_unlabeled(truth, detections, own).unlabeled


def test_labeled_tracks_are_not_reported() -> None:
    assert unlabeled(truth(), detections(0), {}) == []
    assert unlabeled(truth(), detections(12), {}) == []  # badly placed, at an IoU of 0.54
    assert unlabeled(truth(), detections(20), {}) == []  # a false positive, at an IoU of 0.33


def test_unlabeled_tracks_are_reported() -> None:
    assert unlabeled(truth(), detections(0, 200, 400), {}) == [UnlabeledTrack(2, 0, 9), UnlabeledTrack(3, 0, 9)]
    assert unlabeled(truth(Tracks.empty(("person",))), detections(0), {}) == [UnlabeledTrack(1, 0, 9)]


@pytest.mark.parametrize(("frames", "expected"), [(range(5), []), (range(6), [UnlabeledTrack(1, 0, 5)])])
def test_tracks_on_half_of_the_labeled_frames_are_not_reported(frames: range, expected: list[UnlabeledTrack]) -> None:
    assert unlabeled(truth(), detections(200, frames=frames), {}) == expected


def test_unlabeled_frames_do_not_count() -> None:
    assert unlabeled(truth(labeled=range(8, 10)), detections(200, frames=range(8)), {}) == []
    assert unlabeled(truth(labeled=range(4, 6)), detections(200, frames=range(8)), {}) == [UnlabeledTrack(1, 4, 5)]


def test_classes_that_are_not_scored_do_not_count() -> None:
    assert unlabeled(truth(), detections(200, class_id=1), {}) == []


def test_tracks_are_reported_although_settings_hide_them() -> None:
    assert unlabeled(truth(), detections(200), {"track_thresh": 0.95}) == [UnlabeledTrack(1, 0, 9)]
    assert unlabeled(truth(), detections(200, score=0.4), {}) == []
    assert unlabeled(truth(), detections(200, score=0.4), {"track_thresh": 0.2}) == [UnlabeledTrack(1, 0, 9)]


def crossing(first: int, frames: int, score: float = 0.9) -> VideoDetections:
    """Return detections of the labeled person on 100 frames, and of another one who is visible for some of them."""
    person, other = walk(frames=100), np.arange(first, first + frames)
    frame = np.concatenate([person.frame, other])
    boxes = np.concatenate([person.xyxy, np.stack([400 - other, 300 + 0 * other, 440 - other, 380 + 0 * other], 1)])
    scores = np.concatenate([np.full(100, 0.9), np.full(frames, score)])
    order = np.argsort(frame, kind="stable")
    return VideoDetections(frame[order], boxes[order], scores[order], 0 * frame, ("person", "dog"), 640, 480, 7.0, 100)


@pytest.mark.parametrize(
    ("frames", "score", "expected"),
    [(12, 0.9, [UnlabeledTrack(2, 41, 51)]), (9, 0.9, []), (12, 0.4, [])],  # confirmed on its second frame
)
def test_who_crosses_the_picture_in_a_short_time_is_reported(
    frames: int, score: float, expected: list[UnlabeledTrack]
) -> None:
    """If the tracker is sure and follows for long enough."""
    labels = Truth("by hand", walk(frames=100), 100, list(range(100)))
    coverage = find_unlabeled(labels, crossing(40, frames, score), {"track_thresh": 0.2})
    assert (coverage.unlabeled, coverage.tracks) == (expected, 2)


def test_the_warning_lists_tracks_and_what_to_do() -> None:
    assert unlabeled_warning(LabelCoverage([], 3)) == ""
    one = unlabeled_warning(LabelCoverage([UnlabeledTrack(3, 0, 9)], 6))
    assert "1 of 6 tracks lies on no label" in one and "ID 3 (frames 0–9)." in one and "label these" in one
    many = unlabeled_warning(LabelCoverage([UnlabeledTrack(number, 0, 9) for number in range(1, 9)], 9))
    assert "8 of 9 tracks lie on no label" in many and "5 (frames 0–9) and 3 more." in many and "6 (" not in many
