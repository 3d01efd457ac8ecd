from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from blobs import HEIGHT, SIDE, WIDTH, centers, picture, save_model

from bytetrack.detection.detector import Detector, suppress


class Fixed:
    """An engine that gives the same output for every image and keeps what it was shown."""

    input_size = (HEIGHT, WIDTH)

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.array(rows, np.float32)
        self.seen = np.empty(0)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.seen = images
        return self.rows[None]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


def test_finds_each_square_where_it_is(artifact: Path) -> None:
    detector = Detector(artifact)
    [found] = detector.detect([picture(5)])
    boxes = {detector.classes[class_id]: box for class_id, box in zip(found.class_ids, found.xyxy)}
    assert len(found) == 2
    for name, (x, y) in centers(5).items():
        expected = [x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2]
        assert boxes[name] == pytest.approx(expected, abs=0.1)


def test_a_frame_of_another_size_is_found_in_its_own_pixels(artifact: Path) -> None:
    large = picture(5).repeat(3, axis=0).repeat(3, axis=1)
    detector = Detector(artifact)
    [small_found], [large_found] = detector.detect([picture(5)]), detector.detect([large])
    assert large_found.xyxy == pytest.approx(small_found.xyxy * 3, abs=0.5)


def test_the_answer_for_a_frame_does_not_depend_on_its_neighbors(artifact: Path) -> None:
    detector = Detector(artifact)
    together = detector.detect([picture(frame) for frame in range(4)])
    for frame, found in enumerate(together):
        [alone] = detector.detect([picture(frame)])
        assert np.array_equal(found.xyxy, alone.xyxy) and np.array_equal(found.scores, alone.scores)


def test_a_frame_without_any_object_gives_empty_arrays(artifact: Path) -> None:
    [found] = Detector(artifact).detect([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])
    assert found.xyxy.shape == (0, 4) and found.scores.shape == found.class_ids.shape == (0,)


def test_only_the_classes_that_are_kept_are_reported_and_numbered(tmp_path: Path) -> None:
    detector = Detector(save_model(tmp_path, keep_classes=["red"]))
    [found] = detector.detect([picture(5)])
    assert detector.classes == ("red",)
    assert found.class_ids.tolist() == [0]
    assert found.xyxy[0, 1] == pytest.approx(centers(5)["red"][1] - SIDE / 2, abs=0.1)


def test_boxes_end_at_the_frame_and_impossible_ones_are_dropped(artifact: Path) -> None:
    inside, outside, endless, nothing = (
        [0, 10, 20, 10, 1, 1, 0], [-50, -50, 10, 10, 1, 1, 0], [50, 50, np.nan, 10, 1, 0, 1], [50, 50, 0, 9, 1, 0, 1]
    )  # fmt: skip
    [found] = Detector(artifact, Fixed([inside, outside, endless, nothing])).detect([picture(0)])
    assert found.xyxy.tolist() == [[0, 5, 10, 15]]


def test_detections_below_test_conf_are_left_out(artifact: Path) -> None:
    rows = [[20, 20, 10, 10, 0.3, 0.3, 0], [60, 20, 10, 10, 0.4, 0.3, 0]]
    [found] = Detector(artifact, Fixed(rows)).detect([picture(0)])
    assert found.scores.tolist() == pytest.approx([0.12])


def test_the_frame_is_padded_with_gray_at_the_right_or_the_bottom(artifact: Path) -> None:
    engine = Fixed([[20, 20, 10, 10, 1, 1, 0]])
    [found] = Detector(artifact, engine).detect([np.zeros((HEIGHT * 2, HEIGHT * 2, 3), np.uint8)])
    assert engine.seen.shape == (1, 3, HEIGHT, WIDTH)
    assert (engine.seen[..., :HEIGHT] == 0).all() and (engine.seen[..., HEIGHT:] == 114).all()
    assert found.xyxy.tolist() == [[30, 30, 50, 50]]


def test_imagenet_models_get_rgb_with_mean_and_deviation_removed(artifact: Path, tmp_path: Path) -> None:
    save_model(tmp_path)
    config = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(config | {"normalization": "imagenet"}))
    engine = Fixed([[20, 20, 10, 10, 1, 1, 0]])
    Detector(tmp_path, engine).detect([np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8)])  # red
    assert engine.seen[0, :, 0, 0] == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], abs=1e-5)


def test_files_of_different_models_are_noticed_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names 3 classes and the network has 2"):
        Detector(save_model(tmp_path, classes=["a", "b", "c"]))


def test_suppression_is_per_class_and_the_earlier_of_equals_stays() -> None:
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    scores = np.array([0.8, 0.9, 0.9, 0.7, 0.1])
    class_ids = np.array([0, 0, 0, 1, 1])
    assert suppress(xyxy, scores, class_ids, 0.5).tolist() == [1, 3, 4]
    assert suppress(xyxy[:0], scores[:0], class_ids[:0], 0.5).tolist() == []
