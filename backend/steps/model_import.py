"""Import a model from a file."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import UserError
from backend.jobs.results import ModelResult
from backend.progress import Progress, part
from backend.steps import models
from backend.steps.model_files import NORMALIZATION_NAMES, ModelFile, check_normalization, configure, opened
from backend.steps.model_trial import better_normalization, describe, read_picture, try_normalizations
from backend.steps.pretrained_catalog import Published
from backend.workspace import Workspace
from backend.workspace.paths import UPLOADS_FOLDER
from backend.workspace.records import Model, check_name, name_from
from bytetrack.arrays import ImageArray
from bytetrack.detection.normalization import Normalization

if TYPE_CHECKING:
    from bytetrack.detection.artifact import ModelConfig

TRY_BOTH = "both"  # in place of a normalization


def add(
    workspace: Workspace,
    progress: Progress,
    *,
    source: str,
    name: str = "",
    classes: list[str] | None = None,
    normalization: str | None = None,
    input_size: list[int] | None = None,
    video: str | None = None,
    frame: int | None = None,
    picture: str = "",
) -> ModelResult:
    """Add a model from a file or folder, which need not be trusted: no code in it is run.

    Args:
        workspace: Workspace that gets the model.
        progress: Called with the progress.
        source: Path of a checkpoint (`.pth`, `.pth.tar`) of YOLOX or ByteTrack, or of an artifact (a folder, `.tar.gz`
            or `.zip`). A file in the workspace's uploads is deleted once the model is added.
        name: Name of the model; derived from the file's if empty.
        classes: Class names of a checkpoint, in the order of its outputs. If omitted, those of COCO if it has 80.
        normalization: Pixel values that a checkpoint expects, “raw” or “imagenet”; or “both” to try both on a frame
            or picture and keep the one that is clearly surer. Not needed for an artifact, which says it.
        input_size: Height and width in pixels, multiples of 32. Not needed for an artifact.
        video: Id or name of the video to try both on.
        frame: Frame of the video, counted from 0. If omitted, the one in the middle.
        picture: Path of a picture to try both on, in place of a video.

    Raises:
        UserError: If it is not a model, if its classes or its input are unknown, or if neither normalization is
            clearly surer than the other.
    """
    path = Path(source).expanduser()
    checked_name = check_name(name) if name else ""
    chosen = check_normalization(normalization) if normalization not in (None, TRY_BOTH) else None
    with tempfile.TemporaryDirectory() as temporary:
        progress(0.05, "reading the model")
        with opened(path, Path(temporary)) as model_file:
            if normalization == TRY_BOTH and not model_file.config:
                config = configure(model_file, classes, "raw", input_size)
                progress(0.2, "trying both normalizations")
                config.normalization = _better_of_both(
                    model_file, config, read_picture(workspace, video=video, frame=frame, picture=picture)
                )
            else:
                config = configure(model_file, classes, chosen, input_size)
            height, width = config.input_size
            print(f"input {height} x {width}, {NORMALIZATION_NAMES[config.normalization]}", flush=True)
            published = model_file.published
            model = _store(
                workspace,
                part(progress, 0.4, 1.0),
                model_file,
                config,
                name=checked_name or (published.name if published else _model_name(path)),
                folder=Path(temporary) / "artifact",
            )
    if path.is_relative_to(workspace.root / UPLOADS_FOLDER) and path.is_file():
        path.unlink()
    return {"model": model.id}


def add_published(workspace: Workspace, progress: Progress, path: Path, published: Published) -> ModelResult:
    """Add a checkpoint whose content was verified: everything about it is known.

    Raises:
        UserError: If it cannot be read.
    """
    with tempfile.TemporaryDirectory() as temporary, opened(path, Path(temporary)) as model_file:
        config = configure(model_file, None, published.normalization, list(published.input_size))
        known = replace(model_file, published=published)
        model = _store(workspace, progress, known, config, name=published.name, folder=Path(temporary) / "artifact")
    return {"model": model.id}


def _better_of_both(model_file: ModelFile, config: ModelConfig, image: ImageArray) -> Normalization:
    """Return the normalization with which the model is clearly surer about an image.

    Raises:
        UserError: If there is none.
    """
    trials = try_normalizations(model_file.network, config, image)
    descriptions = [describe(trial) for trial in trials]
    print("\n".join(descriptions), flush=True)
    if better := better_normalization(trials):
        return better
    raise UserError(
        f"{model_file.name} is not clearly surer with one normalization: {'; '.join(descriptions)}. "
        "Try another frame or input size, look at the pictures of `try-model`, or choose a normalization yourself."
    )


def _store(
    workspace: Workspace, progress: Progress, model_file: ModelFile, config: ModelConfig, *, name: str, folder: Path
) -> Model:
    from bytetrack.detection.artifact import save

    progress(0.0, "writing the model")
    folder.mkdir()
    save(folder, model_file.network, config)  # with a new ONNX graph, because a given one may not match the weights
    published = model_file.published
    return models.store(workspace, folder, name, published.origin if published else "file")


def _model_name(path: Path) -> str:
    return name_from(re.sub(r"(\.(pth|pt|tar|tgz|gz|zip))+$", "", path.name), "model")
