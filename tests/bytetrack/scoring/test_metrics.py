"""Metrics of tracks and of detections."""

from __future__ import annotations

from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest

from bytetrack import mot
from bytetrack.scoring.metrics import Evaluation, average_precision, combine, evaluate, score, score_per_class
from bytetrack.tracks import Tracks

FRAMES = 10


def walk(ids: Sequence[int], left: float = 0.0, class_id: int = 0, classes: Sequence[str] = ("object",)) -> Tracks:
    """Return the tracks of an object that moves to the right. `ids` has its id in each frame, or 0 if it is absent."""
    frame = np.flatnonzero(ids)
    x = left + 5.0 * frame
    xyxy = np.stack([x, np.zeros(len(frame)), x + 40, np.full(len(frame), 80.0)], axis=1)
    return Tracks(frame, np.array(ids)[frame], xyxy, np.ones(len(frame)), np.full(len(frame), class_id), tuple(classes))


def concatenate(a: Tracks, b: Tracks) -> Tracks:
    columns = ("frame", "id", "xyxy", "score", "class_id")
    joined_columns = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in columns}
    return Tracks(**joined_columns, classes=a.classes)


TRUTH = walk([1] * FRAMES)


def test_perfect_tracks_have_perfect_metrics(capfd: pytest.CaptureFixture[str]) -> None:
    metrics = score(TRUTH, walk([7] * FRAMES), FRAMES)
    for name in ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"):
        assert metrics[name] == pytest.approx(100)
    assert [metrics[name] for name in ("IDSW", "FP", "FN", "FRAG", "MT", "ML")] == [0, 0, 0, 0, 1, 0]
    assert capfd.readouterr() == ("", "")


def test_an_id_switch_is_counted_and_halves_idf1() -> None:
    metrics = score(TRUTH, walk([1] * 5 + [2] * 5), FRAMES)
    assert metrics["IDSW"] == 1
    assert metrics["MOTA"] == pytest.approx(90)
    assert metrics["IDF1"] == pytest.approx(50)
    assert metrics["AssA"] == pytest.approx(50)


def test_misses_and_false_positives_are_counted() -> None:
    metrics = score(TRUTH, concatenate(walk([1] * 8 + [0, 0]), walk([2] * 3 + [0] * 7, left=500)), FRAMES)
    assert (metrics["FN"], metrics["FP"]) == (2, 3)
    assert metrics["MOTA"] == pytest.approx(50)


def test_only_labeled_frames_are_scored() -> None:
    labeled = [0, 5]
    truth = TRUTH.select(np.isin(TRUTH.frame, labeled))
    metrics = score(truth, walk([1] * FRAMES), FRAMES, labeled)
    assert metrics["HOTA"] == pytest.approx(100)
    assert metrics["FP"] == 0
    assert score(truth, walk([1] * FRAMES), FRAMES)["FP"] == 8


def test_classes_match_by_name() -> None:
    truth = concatenate(
        walk([1] * FRAMES, classes=("car", "person")), walk([2] * FRAMES, 300, 1, classes=("car", "person"))
    )
    tracks = concatenate(
        walk([1] * FRAMES, 300, classes=("Person", "dog")), walk([2] * FRAMES, 700, 1, classes=("Person", "dog"))
    )
    per_class = score_per_class(truth, tracks, FRAMES)
    assert list(per_class) == ["car", "person"]
    assert per_class["person"]["HOTA"] == pytest.approx(100)
    assert (per_class["car"]["FN"], per_class["car"]["HOTA"]) == (FRAMES, 0)
    overall = score(truth, tracks, FRAMES)
    assert (overall["FN"], overall["FP"], overall["MOTA"]) == (FRAMES, 0, pytest.approx(50))


def test_single_classes_match_regardless_of_name() -> None:
    assert score(TRUTH, walk([1] * FRAMES, classes=("pedestrian",)), FRAMES)["HOTA"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("truth", "tracks", "misses", "false_positives"),
    [(TRUTH, Tracks.empty(), FRAMES, 0), (Tracks.empty(), TRUTH, 0, FRAMES), (Tracks.empty(), Tracks.empty(), 0, 0)],
)
def test_empty_tracks_and_empty_ground_truth_are_scored(
    truth: Tracks, tracks: Tracks, misses: int, false_positives: int
) -> None:
    metrics = score(truth, tracks, FRAMES)
    assert (metrics["HOTA"], metrics["FN"], metrics["FP"]) == (0, misses, false_positives)
    assert np.isfinite(list(metrics.values())).all()


def test_no_labeled_frame_scores_0() -> None:
    assert score(TRUTH, TRUTH, FRAMES, [])["HOTA"] == 0


def test_average_precision(capfd: pytest.CaptureFixture[str]) -> None:
    box = [10.0, 10.0, 40.0, 80.0]
    truth = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 3200.0, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "person"}],
    }
    detection = {"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9}
    assert average_precision(truth, [detection]) == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1, "AR": 1})
    # A narrower box with an IoU of 0.6 matches at three of the ten thresholds.
    narrow = average_precision(truth, [{**detection, "bbox": [10.0, 10.0, 24.0, 80.0]}])
    assert narrow["AP50"] == pytest.approx(1)
    assert narrow["AP"] == pytest.approx(0.3)
    assert average_precision(truth, [])["AP"] == average_precision({**truth, "annotations": []}, [detection])["AP"] == 0
    assert capfd.readouterr() == ("", "")


def test_the_tracks_of_the_authors_code_have_the_expected_metrics(shared_data: Path) -> None:
    evaluations: list[Evaluation] = []
    for folder in sorted((shared_data / "mot15").iterdir()):
        info = ConfigParser()
        info.read(folder / "seqinfo.ini")
        frames = info.getint("Sequence", "seqLength")
        evaluations += evaluate(mot.read(folder / "gt.txt"), mot.read(folder / "reference.txt"), frames).values()
    metrics = combine(evaluations).metrics()
    assert {name: round(metrics[name], 2) for name in ("HOTA", "MOTA", "IDF1", "IDSW", "FP", "FN")} == {
        "HOTA": 37.39,
        "MOTA": 37.54,
        "IDF1": 47.99,
        "IDSW": 650,
        "FP": 8482,
        "FN": 15793,
    }
