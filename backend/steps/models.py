"""Models of the workspace: add them from files, store trained ones, publish them, change classes and thresholds."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import tempfile
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import UserError
from backend.files.archives import extract, is_archive
from backend.jobs.results import ModelResult, PublishingResult
from backend.progress import Progress
from backend.steps.pretrained_catalog import recognize
from backend.wording import count
from backend.workspace import Workspace
from backend.workspace.paths import UPLOADS_FOLDER
from backend.workspace.records import Dataset, Labels, Model, check_name, name_from
from bytetrack.detection.artifact import CONFIG_FILE, FILES, WEIGHTS_FILE

if TYPE_CHECKING:
    from bytetrack.detection.artifact import ModelConfig

MAX_UNPACKED_BYTES = 8 << 30  # ten times the largest YOLOX
LIGHT_SIZES = ("nano", "tiny")
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
    normalization: str  # "raw" or "imagenet"
    bytes: int  # of the weights
    thresholds: dict[str, float]
    metrics: dict[str, float]
    hyperparameters: dict[str, str]
    source: str
    dataset: str | None  # name, as are labels and base; removed records are left out
    labels: list[str]
    base: str | None


def add(
    workspace: Workspace,
    progress: Progress,
    *,
    source: str,
    name: str = "",
    classes: list[str] | None = None,
    origin: str = "auto",
    input_size: list[int] | None = None,
) -> ModelResult:
    """Add a model from a file or folder, which need not be trusted: no code in it is run.

    Args:
        workspace: Workspace that gets the model.
        progress: Called with the progress.
        source: Path of a checkpoint (`.pth`, `.pth.tar`) of YOLOX or ByteTrack, or of an artifact (a folder, `.tar.gz`
            or `.zip`). A file in the workspace's uploads is deleted once the model is added.
        name: Name of the model; derived from the file's if empty.
        classes: Class names of a checkpoint, in the order of its outputs. Required unless they are COCO's or MOT's.
        origin: Program that trained a checkpoint, on which the normalization of the input depends: “YOLOX”,
            “ByteTrack”, or “auto” to guess it from the file's name and the number of classes.
        input_size: Height and width in pixels, multiples of 32. If omitted, those with which its authors evaluate it.

    Raises:
        UserError: If it is not a model, or its classes are unknown.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise UserError(f"File or folder not found: {path}.")
    published = recognize(path.name)
    name = check_name(name or (published.name if published else _model_name(path)))
    with tempfile.TemporaryDirectory() as temporary:
        artifact = Path(temporary) / "artifact"
        artifact.mkdir()
        try:
            progress(0.05, "reading the model")
            model_path = _find_model(path, Path(temporary) / "unpacked")
            if model_path.is_dir():
                origin_label = _copy_artifact(model_path, artifact, progress)
            else:
                origin_label = _convert_checkpoint(model_path, artifact, progress, classes, origin, input_size)
        except ValueError as error:
            raise UserError(str(error)) from error
        model = store(workspace, artifact, name, origin_label)
    if path.is_relative_to(workspace.root / UPLOADS_FOLDER) and path.is_file():
        path.unlink()
    return {"model": model.id}


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
            _link_or_copy(folder / file, artifact / file)
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


def _find_model(path: Path, unpacked: Path) -> Path:
    """Return a checkpoint, or the folder of an artifact, in a file or folder, at most one folder deep."""
    if path.is_file() and (not is_archive(path) or _is_torch_zip(path)):
        return path
    folder = path if path.is_dir() else extract(path, unpacked, limit_bytes=MAX_UNPACKED_BYTES, limit_files=10_000)
    if configurations := [*folder.glob(CONFIG_FILE), *folder.glob(f"*/{CONFIG_FILE}")]:
        return configurations[0].parent
    checkpoints = [file for pattern in ("*.pth*", "*/*.pth*") for file in folder.glob(pattern) if file.is_file()]
    if len(checkpoints) == 1:
        return checkpoints[0]
    raise UserError(
        f"{path.name} is not a model: a model is a checkpoint of YOLOX or ByteTrack (.pth, .pth.tar), or a folder, "
        f"zip or tar.gz with {CONFIG_FILE} and {WEIGHTS_FILE} in it."
    )


def _is_torch_zip(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _copy_artifact(folder: Path, target: Path, progress: Progress) -> str:
    from bytetrack.detection.artifact import load_torch, read_config, save

    config, network = read_config(folder), load_torch(folder)
    progress(0.4, "writing the model")
    save(target, network, config)  # with a new ONNX graph, because the given one may not match the weights
    return "file"


def _convert_checkpoint(
    path: Path, target: Path, progress: Progress, classes: list[str] | None, origin: str, input_size: list[int] | None
) -> str:
    from bytetrack.detection.artifact import ModelConfig, save
    from bytetrack.detection.checkpoints import (
        architecture_of,
        build_network,
        is_bytetrack_checkpoint,
        read_checkpoint,
    )

    weights = read_checkpoint(path)
    depth, width, depthwise, outputs = architecture_of(weights)
    network = build_network(weights)
    config = ModelConfig(depth=depth, width=width, depthwise=depthwise, classes=[""] * outputs, input_size=[640, 640])
    size = size_name(config)
    published = recognize(path.name)
    if published and (published.size != size or outputs != (80 if published.origin == "YOLOX COCO" else 1)):
        published = None  # another network with the file name of a published one
    from_bytetrack = is_bytetrack_checkpoint(path.name, outputs) if origin == "auto" else origin == "ByteTrack"
    config.classes = _class_names(path, outputs, classes, from_bytetrack)
    config.normalization = "imagenet" if from_bytetrack else "raw"
    config.input_size = _input_size(size, input_size, list(published.input_size) if published else None, from_bytetrack)
    progress(0.4, "writing the model")
    save(target, network, config)
    return published.origin if published else "file"


def _class_names(path: Path, outputs: int, given: list[str] | None, from_bytetrack: bool) -> list[str]:
    from bytetrack.detection.checkpoints import known_class_names

    classes = count(outputs, "class", "classes")
    if given:
        names = [name.strip() for name in given]
        if len(names) != outputs or len(set(names)) != outputs or not all(names):
            raise UserError(f"{path.name} has {classes}: give {outputs} different names, in the model's order.")
        return names
    names_of_published = known_class_names(outputs, from_bytetrack)
    if names_of_published is None:
        raise UserError(f"{path.name} has {classes} and does not name them. Give their names, in the model's order.")
    return names_of_published


def _input_size(size: str, given: list[int] | None, published: list[int] | None, from_bytetrack: bool) -> list[int]:
    if given:
        if len(given) != 2 or not all(32 <= side <= 4096 and side % 32 == 0 for side in given):
            raise UserError(f"An input of {given} pixels is not possible. Give height and width as multiples of 32.")
        return list(given)
    if published:
        return published
    if from_bytetrack:
        return [608, 1088] if size in (*LIGHT_SIZES, "s") else [800, 1440]
    return [416, 416] if size in LIGHT_SIZES else [640, 640]


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


def _link_or_copy(source: Path, target: Path) -> None:
    """Create a hard link, or a copy if the file system has no links. Files of a model are never changed in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _model_name(path: Path) -> str:
    return name_from(re.sub(r"(\.(pth|pt|tar|tgz|gz|zip))+$", "", path.name), "model")
