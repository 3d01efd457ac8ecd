"""Models of the workspace: store them, publish them, limit their classes, change their thresholds."""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import UserError
from backend.jobs.results import PublishingResult
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Labels, Model, check_name, name_from
from bytetrack.detection.artifact import FILES, WEIGHTS_FILE
from bytetrack.detection.normalization import Normalization

if TYPE_CHECKING:
    from bytetrack.detection.artifact import ModelConfig

PUBLISHED_HYPERPARAMETERS = (
    "depth",
    "width",
    "test_size_h",
    "test_size_w",
    "batch_size",
    "max_epoch",
    "basic_lr_per_img",
    "optimizer",
)


@dataclass(frozen=True)
class Card:
    """Facts about a model for its page."""

    classes: list[str]  # reported classes
    known_classes: list[str]  # classes that it was trained for, from which `choose_classes` chooses
    parameters: int  # number of trained weights
    depth: float
    width: float
    depthwise: bool
    input_size: list[int]  # height, width in pixels
    normalization: Normalization
    bytes: int  # of the weights
    thresholds: dict[str, float]
    metrics: dict[str, float]
    hyperparameters: dict[str, str]
    source: str
    dataset: str | None  # name, as are labels and base; removed records are left out
    labels: list[str]
    base: str | None


def store(
    workspace: Workspace,
    folder: Path,
    name: str,
    source: str,
    **origin: Any,
) -> Model:
    """Add a model whose artifact is in `folder`, from which its files are moved.

    Args:
        workspace: Workspace that gets the model.
        folder: Folder with the artifact.
        name: Name of the model.
        source: Where the model comes from, see `Model.source`.
        **origin: Other fields of `Model` about its origin, such as `dataset` and `job`.

    Raises:
        UserError: If the artifact is incomplete.
    """
    from bytetrack.detection.artifact import read_config

    if missing := [file for file in FILES if not (folder / file).is_file()]:
        raise UserError(f"The model is incomplete: {', '.join(missing)} is missing in {folder}.")
    try:
        config = read_config(folder)
    except ValueError as error:
        raise UserError(str(error)) from error
    model = Model(
        name=check_name(name),
        size=size_name(config),
        classes=_reported_classes(config),
        input_size=list(config.input_size),
        source=source,
        hyperparameters={key: str(value) for key, value in config.hyperparameters.items()},
        metrics=dict(config.metrics),
        **origin,
    )
    target = workspace.folder(model)
    for file in FILES:
        shutil.move(folder / file, target / file)
    return workspace.add(model)


def publish(workspace: Workspace, progress: Progress, *, model: str) -> PublishingResult:
    """Publish a model in the model registry of the chosen platform, with facts about its training.

    Raises:
        UserError: If the platform has no registry, or refuses the model.
    """
    from backend.platforms.registry import platform_of

    record = workspace.get(Model, model)
    dataset = workspace.find(Dataset, record.dataset) if record.dataset else None
    facts = {
        "dataset": dataset.name if dataset else "",
        "labels": " ".join(record.labels),
        "image": record.image,
        "job": record.trained_as,
        "classes": " ".join(record.classes),
        **{name: f"{value:.4f}" for name, value in record.metrics.items()},
        **{key: record.hyperparameters[key] for key in PUBLISHED_HYPERPARAMETERS if key in record.hyperparameters},
    }
    progress(0.1, "packing and publishing")
    registry = platform_of(workspace).model_registry
    if registry is None:
        raise UserError("This machine has no model registry besides the Models page. Choose AWS on Account for one.")
    registered = registry.publish(record.name, workspace.folder(record), facts)
    with workspace.edit(Model, record.id) as stored:
        stored.registered = registered
    return {"registered": registered}


def choose_classes(workspace: Workspace, model_id: str, classes: list[str], name: str = "") -> Model:
    """Add a model with the same weights that reports only some of the classes that it was trained for.

    Raises:
        UserError: If no class is chosen, or one that the model was not trained for.
    """
    from bytetrack.detection.artifact import read_config, write_config

    model = workspace.get(Model, model_id)
    folder = workspace.folder(model)
    config = read_config(folder)
    if unknown := [name for name in classes if name not in config.classes]:
        raise UserError(
            f"{model.name} was not trained for {', '.join(unknown)}. Its classes are {', '.join(config.classes)}."
        )
    if not classes:
        raise UserError(f"Choose at least one class of {model.name}.")
    config.keep_classes = [name for name in config.classes if name in classes]
    with tempfile.TemporaryDirectory() as temporary:
        artifact = Path(temporary)
        for file in FILES:
            link_or_copy(folder / file, artifact / file)
        write_config(artifact, config)
        name = name or name_from(f"{model.name} {' '.join(config.keep_classes)}", "model")
        origin = {field: getattr(model, field) for field in ("dataset", "labels", "job", "image", "trained_as")}
        return store(workspace, artifact, name, model.source, base=model.id, **origin)


def thresholds(workspace: Workspace, model_id: str) -> dict[str, float]:
    """Return the model's thresholds for the detector and settings for the tracker.

    Raises:
        UserError: If the model's files are missing or damaged.
    """
    from bytetrack.detection.artifact import read_config

    try:
        return dict(read_config(workspace.folder(workspace.get(Model, model_id))).thresholds)
    except ValueError as error:
        raise UserError(str(error)) from error


def store_thresholds(workspace: Workspace, model_id: str, thresholds: dict[str, float]) -> None:
    """Store some of the model's thresholds.

    A batch endpoint of the model uses them from its next job on, other endpoints once they are restarted.

    Raises:
        UserError: If a threshold is unknown or out of its range, or the model's files are missing.
    """
    from bytetrack.detection.artifact import THRESHOLDS, read_config, write_config
    from bytetrack.tracking.config import TrackerConfig

    folder = workspace.folder(workspace.get(Model, model_id))
    if unknown := thresholds.keys() - THRESHOLDS.keys():
        raise UserError(f"Unknown thresholds: {', '.join(sorted(unknown))}. A model has {', '.join(THRESHOLDS)}.")
    try:
        TrackerConfig.parse(thresholds)
        config = read_config(folder)
    except ValueError as error:
        raise UserError(str(error)) from error
    config.thresholds |= thresholds
    write_config(folder, config)


def card(workspace: Workspace, model: Model) -> Card:
    """Collect the facts about a model.

    Raises:
        UserError: If its files are missing or damaged.
    """
    from bytetrack.detection.artifact import read_config

    folder = workspace.folder(model)
    try:
        config = read_config(folder)
        parameters = _count_parameters(folder / WEIGHTS_FILE)
    except (OSError, ValueError) as error:
        raise UserError(f"The files of {model.name} are missing or damaged: {error}") from error
    dataset = workspace.find(Dataset, model.dataset) if model.dataset else None
    base = workspace.find(Model, model.base) if model.base else None
    labels_ids = dataset.splits.get("train", []) + dataset.splits.get("val", []) if dataset else []
    labels = [workspace.find(Labels, labels_id) for labels_id in labels_ids]
    return Card(
        classes=_reported_classes(config),
        known_classes=list(config.classes),
        parameters=parameters,
        depth=config.depth,
        width=config.width,
        depthwise=config.depthwise,
        input_size=list(config.input_size),
        normalization=config.normalization,
        bytes=(folder / WEIGHTS_FILE).stat().st_size,
        thresholds=dict(config.thresholds),
        metrics=dict(config.metrics),
        hyperparameters={key: str(value) for key, value in config.hyperparameters.items()},
        source=model.source,
        dataset=dataset.name if dataset else None,
        labels=[record.name for record in labels if record],
        base=base.name if base else None,
    )


def size_name(config: ModelConfig) -> str:
    """Return YOLOX's name for the architecture: nano, tiny, s, m, l or x; “custom” if it has none."""
    from bytetrack.training.hyperparameters import SIZES

    for size, shape in SIZES.items():
        if shape == (config.depth, config.width) and config.depthwise == (size == "nano"):
            return size
    return "custom"


def _reported_classes(config: ModelConfig) -> list[str]:
    return list(config.classes if config.keep_classes is None else config.keep_classes)


def _count_parameters(path: Path) -> int:
    """Count the trained weights in a safetensors file from its header, without running statistics."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(
        prod(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__" and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


def link_or_copy(source: Path, target: Path) -> None:
    """Create a hard link, or a copy if the file system has no links. Files of a model are never changed in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
