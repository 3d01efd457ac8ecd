"""Try a model on one picture with both normalizations of its input, to see which one it expects."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from backend import jobs
from backend.errors import UserError
from backend.jobs.results import InputTrial, ModelTrialResult
from backend.progress import Progress
from backend.steps import videos
from backend.steps.model_files import NORMALIZATION_NAMES, ModelFile, check_input_size, configure, opened
from backend.wording import count
from backend.workspace import Workspace
from backend.workspace.records import Model, Video
from bytetrack.arrays import Float32Array, ImageArray
from bytetrack.detection.normalization import Normalization
from bytetrack.video.palette import track_color

if TYPE_CHECKING:
    from yolox.models import YoloxModule

    from bytetrack.detection.artifact import ModelConfig
    from bytetrack.detection.detector import Detections

CONFIDENT_SCORE = 0.3  # boxes with a lower score are neither drawn nor counted: a wrong input gives many of them
# With the wrong normalization, a network may well report more boxes than with the right one, but none surely: the three
# surest boxes decide, see `docs/measurements.md`.
DECIDING_BOXES = 3
SURE_SCORE = 0.75  # their mean score has to be at least this
CLEARLY_SURER = 0.1  # and higher than that of the other normalization by this
PICTURE_WIDTH = 1280  # pixels, of the widest picture that is written
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Trial:
    """What a model detects in one picture with one normalization.

    Attributes:
        normalization: The normalization.
        detections: Boxes with at least `CONFIDENT_SCORE`.
        classes: Names of the model's classes.
    """

    normalization: Normalization
    detections: Detections
    classes: tuple[str, ...]

    @property
    def certainty(self) -> float:
        """Mean score of the surest boxes; boxes that are missing count as 0."""
        return float(np.sort(self.detections.scores)[-DECIDING_BOXES:].sum()) / DECIDING_BOXES

    @property
    def mean_score(self) -> float:
        """Mean score, 0 without any box."""
        return float(self.detections.scores.mean()) if len(self.detections) else 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Number of boxes by class, the most frequent first."""
        return dict(Counter(self.classes[class_id] for class_id in self.detections.class_ids.tolist()).most_common())


class _TorchEngine:
    """A network as `bytetrack.detection.engine.Engine`, without the ONNX graph that takes seconds to write."""

    def __init__(self, network: YoloxModule, input_size: Sequence[int]) -> None:
        self._network = network
        height, width = input_size
        self.input_size: tuple[int, int] = (height, width)

    def __call__(self, images: Float32Array) -> Float32Array:
        import torch

        with torch.inference_mode():
            output: Float32Array = self._network(torch.from_numpy(images)).float().numpy()
        return output


def try_model(
    workspace: Workspace,
    progress: Progress,
    *,
    source: str = "",
    model: str | None = None,
    input_size: list[int] | None = None,
    classes: list[str] | None = None,
    video: str | None = None,
    frame: int | None = None,
    picture: str = "",
) -> ModelTrialResult:
    """Detect objects in one picture with both normalizations, and write the two pictures with their boxes.

    Args:
        workspace: Workspace of the model and the video.
        progress: Called with the progress.
        source: Path of a checkpoint or an artifact, see `backend.steps.model_import.add`.
        model: Id or name of a model of the workspace, in place of a file.
        input_size: Height and width in pixels. If omitted, those that the file says.
        classes: Class names in the order of the model's outputs.
        video: Id or name of the video whose frame is used.
        frame: Frame of the video, counted from 0. If omitted, the one in the middle.
        picture: Path of a picture, in place of a video.

    Returns:
        Both trials and what the file says; their pictures are in the job's folder.

    Raises:
        UserError: If the model or the picture cannot be read, or the input size is not known.
    """
    if bool(source) == bool(model):
        raise UserError("Give either the file of a model or a model of the workspace.")
    image = read_picture(workspace, video=video, frame=frame, picture=picture)
    path = workspace.folder(workspace.get(Model, model)) if model else Path(source).expanduser()
    progress(0.1, "reading the model")
    with tempfile.TemporaryDirectory() as temporary, opened(path, Path(temporary)) as model_file:
        progress(0.5, "detecting objects")
        config = _trial_config(model_file, classes, input_size)
        trials = try_normalizations(model_file.network, config, image)
    job = jobs.current(workspace)
    folder = workspace.folder(job) if job else Path(tempfile.mkdtemp(prefix="bytetrack-trial-"))
    results = [_write_trial(folder, trial, image) for trial in trials]
    print("\n".join(describe(trial) for trial in trials), flush=True)
    return {
        "trials": results,
        "better": better_normalization(trials) or "",
        "input_size": list(config.input_size),
        "size": model_file.size,
        "outputs": model_file.outputs,
        "class_names": model_file.class_names or [],
        "published": model_file.published.name if model_file.published else "",
    }


def read_picture(
    workspace: Workspace, *, video: str | None = None, frame: int | None = None, picture: str = ""
) -> ImageArray:
    """Read a frame of a video, or a picture, as BGR `(H, W, 3)` uint8.

    Raises:
        UserError: If neither is given, or it cannot be read.
    """
    if picture:
        path = Path(picture).expanduser()
        if not path.is_file():
            raise UserError(f"Picture not found: {path}.")
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
        if image is None:
            raise UserError(f"{path.name} is not a picture that can be read. Use a JPEG or PNG.")
        return np.asarray(image, np.uint8)
    if video is None:
        raise UserError("Give a video or a picture to try both normalizations on.")
    record = workspace.get(Video, video)
    return videos.frame(workspace, record, record.frames // 2 if frame is None else frame)


def try_normalizations(network: YoloxModule, config: ModelConfig, image: ImageArray) -> list[Trial]:
    """Detect objects in an image with each normalization."""
    from bytetrack.detection.artifact import NORMALIZATIONS, write_config
    from bytetrack.detection.detector import Detections, Detector

    engine = _TorchEngine(network, config.input_size)
    trials = []
    for normalization in NORMALIZATIONS:
        with tempfile.TemporaryDirectory() as folder:
            write_config(Path(folder), replace(config, normalization=normalization))
            detector = Detector(Path(folder), engine)
        (detections,) = detector.detect([image])
        sure = detections.scores >= CONFIDENT_SCORE
        confident = Detections(detections.xyxy[sure], detections.scores[sure], detections.class_ids[sure])
        trials.append(Trial(normalization, confident, detector.classes))
    return trials


def better_normalization(trials: Sequence[Trial]) -> Normalization | None:
    """Return the normalization with which the surest boxes are clearly surer, None if there is none."""
    best, second = sorted(trials, key=lambda trial: trial.certainty, reverse=True)
    is_clear = best.certainty >= SURE_SCORE and best.certainty - second.certainty >= CLEARLY_SURER
    return best.normalization if is_clear else None


def describe(trial: Trial) -> str:
    """Describe a trial: `ImageNet mean and std: 5 boxes, mean score 0.71 (person 4, car 1)`."""
    boxes = count(len(trial.detections), "box", "boxes")
    scores = f", mean score {trial.mean_score:.2f}" if len(trial.detections) else ""
    names = ", ".join(f"{name} {amount}" for name, amount in trial.counts.items())
    return f"{NORMALIZATION_NAMES[trial.normalization]}: {boxes}{scores}{f' ({names})' if names else ''}"


def _trial_config(model_file: ModelFile, classes: list[str] | None, input_size: list[int] | None) -> ModelConfig:
    """Return a configuration for a trial, for which neither the normalization nor the class names matter."""
    if model_file.config:
        size = check_input_size(input_size) if input_size else model_file.config.input_size
        return replace(model_file.config, input_size=size)
    names = classes or model_file.class_names or list(model_file.blank.classes)
    return configure(model_file, names, "raw", input_size)


def _write_trial(folder: Path, trial: Trial, image: ImageArray) -> InputTrial:
    name = f"{trial.normalization}.jpg"
    drawn = draw_boxes(image, trial)
    (folder / name).write_bytes(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
    return {
        "normalization": trial.normalization,
        "picture": str(folder / name),
        "boxes": len(trial.detections),
        "mean_score": round(trial.mean_score, 3),
        "classes": trial.counts,
    }


def draw_boxes(image: ImageArray, trial: Trial) -> ImageArray:
    """Return a copy of the image, at most `PICTURE_WIDTH` wide, with boxes, classes and scores."""
    height, width = image.shape[:2]
    scale = min(1.0, PICTURE_WIDTH / width)
    drawn = cv2.resize(image, (round(width * scale), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    line = max(2, round(drawn.shape[0] / 300))
    text_scale = max(0.45, drawn.shape[0] / 1200)
    detections = trial.detections
    for box, score, class_id in zip(detections.xyxy, detections.scores.tolist(), detections.class_ids.tolist()):
        left, top, right, bottom = (box * scale).round().astype(int).tolist()
        color = track_color(class_id)[::-1]
        cv2.rectangle(drawn, (left, top), (right, bottom), (0, 0, 0), line + 2)  # a rim, for a light background
        cv2.rectangle(drawn, (left, top), (right, bottom), color, line)
        text = f"{trial.classes[class_id]} {score:.2f}"
        (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, text_scale, 1)
        bottom_of_text = max(top, text_height + 6)
        cv2.rectangle(
            drawn, (left, bottom_of_text - text_height - 6), (left + text_width + 6, bottom_of_text), color, -1
        )
        cv2.putText(
            drawn,
            text,
            (left + 3, bottom_of_text - 4),
            cv2.FONT_HERSHEY_SIMPLEX,
            text_scale,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    return np.asarray(drawn, np.uint8)
