from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from moving_squares import HEIGHT, SIDE, WIDTH, centers, render_frame, save_model

from bytetrack.detection.detector import MAX_NMS_CANDIDATES, Detector


class FixedEngine:
    """An engine that returns the same output for every image, and remembers the last images."""

    input_size = (HEIGHT, WIDTH)

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.array(rows, np.float32)
        self.images = np.empty(0)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.images = images
        return self.rows[None]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


def test_each_square_is_detected_in_its_place(artifact: Path) -> None:
    detector = Detector(artifact)
    [detections] = detector.detect([render_frame(5)])
    boxes = {detector.classes[class_id]: box for class_id, box in zip(detections.class_ids, detections.xyxy)}
    assert len(detections) == 2
    for name, (x, y) in centers(5).items():
        expected = [x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2]
        assert boxes[name] == pytest.approx(expected, abs=0.1)


def test_boxes_are_in_pixels_of_the_original_frame(artifact: Path) -> None:
    large = render_frame(5).repeat(3, axis=0).repeat(3, axis=1)
    detector = Detector(artifact)
    [small], [large_detections] = detector.detect([render_frame(5)]), detector.detect([large])
    assert large_detections.xyxy == pytest.approx(small.xyxy * 3, abs=0.5)


def test_the_detections_of_a_frame_do_not_depend_on_its_neighbors(artifact: Path) -> None:
    detector = Detector(artifact)
    together = detector.detect([render_frame(frame) for frame in range(4)])
    for frame, detections in enumerate(together):
        [alone] = detector.detect([render_frame(frame)])
        assert np.array_equal(detections.xyxy, alone.xyxy) and np.array_equal(detections.scores, alone.scores)


def test_a_frame_without_any_object_gives_empty_arrays(artifact: Path) -> None:
    [detections] = Detector(artifact).detect([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])
    assert detections.xyxy.shape == (0, 4) and detections.scores.shape == detections.class_ids.shape == (0,)


def test_only_the_kept_classes_are_reported(tmp_path: Path) -> None:
    detector = Detector(save_model(tmp_path, keep_classes=["red"]))
    [detections] = detector.detect([render_frame(5)])
    assert detector.classes == ("red",)
    assert detections.class_ids.tolist() == [0]
    assert detections.xyxy[0, 1] == pytest.approx(centers(5)["red"][1] - SIDE / 2, abs=0.1)


def test_boxes_are_clipped_to_the_frame_and_empty_ones_dropped(artifact: Path) -> None:
    partly_outside = [0, 10, 20, 10, 1, 1, 0]
    outside = [-50, -50, 10, 10, 1, 1, 0]
    not_a_number = [50, 50, np.nan, 10, 1, 0, 1]
    without_width = [50, 50, 0, 9, 1, 0, 1]
    rows = [partly_outside, outside, not_a_number, without_width]
    [detections] = Detector(artifact, FixedEngine(rows)).detect([render_frame(0)])
    assert detections.xyxy.tolist() == [[0, 5, 10, 15]]


def test_detections_below_test_conf_are_dropped(artifact: Path) -> None:
    rows = [[20, 20, 10, 10, 0.3, 0.3, 0], [60, 20, 10, 10, 0.4, 0.3, 0]]
    [detections] = Detector(artifact, FixedEngine(rows)).detect([render_frame(0)])
    assert detections.scores.tolist() == pytest.approx([0.12])


def test_the_engine_gets_a_letterboxed_frame(artifact: Path) -> None:
    engine = FixedEngine([[20, 20, 10, 10, 1, 1, 0]])
    [detections] = Detector(artifact, engine).detect([np.zeros((HEIGHT * 2, HEIGHT * 2, 3), np.uint8)])
    assert engine.images.shape == (1, 3, HEIGHT, WIDTH)
    assert (engine.images[..., :HEIGHT] == 0).all() and (engine.images[..., HEIGHT:] == 114).all()
    assert detections.xyxy.tolist() == [[30, 30, 50, 50]]


def test_imagenet_models_get_normalized_rgb(artifact: Path, tmp_path: Path) -> None:
    save_model(tmp_path)
    config = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(config | {"normalization": "imagenet"}))
    engine = FixedEngine([[20, 20, 10, 10, 1, 1, 0]])
    Detector(tmp_path, engine).detect([np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8)])  # red
    assert engine.images[0, :, 0, 0] == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], abs=1e-5)


def test_files_of_different_models_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 3 classes, but the network has 2"):
        Detector(save_model(tmp_path, classes=["a", "b", "c"]))


def test_a_limited_detector_equals_a_model_with_these_classes(artifact: Path, tmp_path: Path) -> None:
    whole, kept = Detector(artifact), Detector(save_model(tmp_path, keep_classes=["red"]))
    limited = whole.limited_to(["red"])
    [expected], [actual] = kept.detect([render_frame(5)]), limited.detect([render_frame(5)])
    assert limited.classes == kept.classes == ("red",)
    assert np.array_equal(actual.xyxy, expected.xyxy) and actual.class_ids.tolist() == expected.class_ids.tolist() == [
        0
    ]
    assert len(whole.detect([render_frame(5)])[0]) == 2, "the original detector is unchanged"
    assert whole.limited_to(["red", "blue"]).classes == ("blue", "red"), "in the model's order"


def test_the_best_boxes_that_enter_nms_are_those_of_the_chosen_classes(artifact: Path) -> None:
    """Boxes of another class must not displace those of the chosen ones."""
    others = [[30, 30, 20, 20, 1, 1, 0]] * MAX_NMS_CANDIDATES
    detector = Detector(artifact, FixedEngine([*others, [60, 30, 20, 20, 0.9, 0, 1]]))
    [detections] = detector.limited_to(["red"]).detect([render_frame(5)])
    assert detections.scores == pytest.approx([0.9])


@pytest.mark.parametrize(
    ("classes", "sentence"), [(["green"], "no class 'green'. Its classes are blue, red"), ([], "blue, red")]
)
def test_classes_that_the_model_does_not_have_are_refused(artifact: Path, classes: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Detector(artifact).limited_to(classes)
