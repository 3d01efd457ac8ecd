from __future__ import annotations

import numpy as np
import pytest
from walking import FRAMES, walk

from backend.steps.evaluation import Truth
from backend.steps.unlabeled_tracks import UnlabeledTrack, find_unlabeled, unlabeled_warning
from bytetrack.pipeline import VideoDetections
from bytetrack.tracks import Tracks


def truth(tracks: Tracks | None = None, labeled: range = range(FRAMES)) -> Truth:
    return Truth("by hand", walk() if tracks is None else tracks, FRAMES, list(labeled))


def seen(*shifts: float, score: float = 0.9, frames: range = range(FRAMES), class_id: int = 0) -> VideoDetections:
    """The walker as often as there are shifts, each so far to the right of where the labels have it."""
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


def test_what_is_labeled_is_not_found() -> None:
    assert find_unlabeled(truth(), seen(0), {}) == []
    assert find_unlabeled(truth(), seen(12), {}) == []  # badly placed, at an IoU of 0.54
    assert find_unlabeled(truth(), seen(20), {}) == []  # a false positive, at an IoU of 0.33


def test_tracks_without_a_label_are_found() -> None:
    assert find_unlabeled(truth(), seen(0, 200, 400), {}) == [UnlabeledTrack(2, 0, 9), UnlabeledTrack(3, 0, 9)]
    assert find_unlabeled(truth(Tracks.empty(("person",))), seen(0), {}) == [UnlabeledTrack(1, 0, 9)]


@pytest.mark.parametrize(("frames", "found"), [(range(5), []), (range(6), [UnlabeledTrack(1, 0, 5)])])
def test_they_last_for_more_than_half_of_the_labeled_frames(frames: range, found: list[UnlabeledTrack]) -> None:
    assert find_unlabeled(truth(), seen(200, frames=frames), {}) == found


def test_frames_that_nobody_labeled_say_nothing() -> None:
    assert find_unlabeled(truth(labeled=range(8, 10)), seen(200, frames=range(8)), {}) == []
    assert find_unlabeled(truth(labeled=range(4, 6)), seen(200, frames=range(8)), {}) == [UnlabeledTrack(1, 4, 5)]


def test_classes_that_are_not_scored_do_not_count() -> None:
    assert find_unlabeled(truth(), seen(200, class_id=1), {}) == []


def test_settings_that_hide_them_do_not_silence_it() -> None:
    assert find_unlabeled(truth(), seen(200), {"track_thresh": 0.95}) == [UnlabeledTrack(1, 0, 9)]
    assert find_unlabeled(truth(), seen(200, score=0.4), {}) == []
    assert find_unlabeled(truth(), seen(200, score=0.4), {"track_thresh": 0.2}) == [UnlabeledTrack(1, 0, 9)]


def test_the_warning_says_how_many_which_and_what_to_do() -> None:
    assert unlabeled_warning([]) == ""
    one = unlabeled_warning([UnlabeledTrack(3, 0, 9)])
    assert one.startswith("1 track has no label") and "ID 3 (frames 0 to 9)." in one and "label these" in one
    many = unlabeled_warning([UnlabeledTrack(number, 0, 9) for number in range(1, 9)])
    assert many.startswith("8 tracks have no label") and "5 (frames 0 to 9) and 3 more." in many and "6 (" not in many
