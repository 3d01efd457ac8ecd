"""Models: those trained here, and those brought in from a checkpoint or an artifact that somebody else made."""

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
from backend.workspace import Workspace
from backend.workspace.paths import UPLOADS_FOLDER
from backend.workspace.records import Dataset, Labels, Model, check_name
from bytetrack.detection.artifact import FILES

if TYPE_CHECKING:
    from bytetrack.detection.artifact import ModelConfig

LIMIT_BYTES = 8 << 30  # of an unpacked archive: ten times the largest YOLOX
LIGHT = ("nano", "tiny")
SHOWN = ("depth", "width", "test_size_h", "test_size_w", "batch_size", "max_epoch", "basic_lr_per_img", "optimizer")


@dataclass(frozen=True)
class Card:
    """What a page tells about a model."""

    classes: list[str]  # that it reports
    known_classes: list[str]  # that it was trained for: `choose_classes` chooses from these
    parameters: int
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
    dataset: str | None  # names, as far as these still exist
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
    """Bring in a model from a file or folder that need not be trusted. Nothing in it is run.

    Args:
        source: a checkpoint (`.pth`, `.pth.tar`) of YOLOX or ByteTrack, or an artifact as this console makes it (a
            folder, `.tar.gz` or `.zip`). What lies in the workspace's `uploads` is removed once it is in.
        name: the file's name where empty.
        classes: names of a checkpoint's classes, in its order; needed where they are not those of COCO or MOT.
        origin: which program a checkpoint is for, as each feeds its network in another way: "YOLOX", "ByteTrack", or
            "auto" to tell it by the file's name and number of classes.
        input_size: height and width in pixels, multiples of 32; as its authors evaluate it where None.

    Returns:
        `{"model": id}`.

    Raises:
        UserError: if it is not a model, or its classes cannot be named.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise UserError(f"There is no file or folder {path}.")
    published = recognize(path.name)
    name = check_name(name or (published.name if published else _name_of(path)))
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "artifact"
        made.mkdir()
        try:
            progress(0.05, "reading the model")
            found = _find(path, Path(temporary) / "unpacked")
            if found.is_dir():
                label = _copy_artifact(found, made, progress)
            else:
                label = _convert_checkpoint(found, made, progress, classes, origin, input_size)
        except ValueError as error:
            raise UserError(str(error)) from error
        model = store(workspace, made, name, label)
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
    """Make a model of the artifact in `folder`, whose files move into the workspace.

    Args:
        origin: fields of `Model` about where it comes from, such as `dataset` and `job`.

    Raises:
        UserError: if the artifact is not whole.
    """
    from bytetrack.detection.artifact import read_config

    if missing := [file for file in FILES if not (folder / file).is_file()]:
        raise UserError(f"The model is not whole: {', '.join(missing)} is missing in {folder}.")
    try:
        config = read_config(folder)
    except ValueError as error:
        raise UserError(str(error)) from error
    model = Model(
        name=check_name(name),
        size=size_name(config),
        classes=_reported(config),
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
    """Enter a model into the registry of the platform that is chosen, with what is known of it.

    Returns:
        `{"registered": its name there}`.

    Raises:
        UserError: if the platform has none, or refuses.
    """
    from backend.platforms.registry import platform_of

    chosen = workspace.get(Model, model)
    dataset = workspace.find(Dataset, chosen.dataset) if chosen.dataset else None
    facts = {
        "dataset": dataset.name if dataset else "",
        "labels": " ".join(chosen.labels),
        "image": chosen.image,
        "job": chosen.trained_as,
        "classes": " ".join(chosen.classes),
        **{name: f"{value:.4f}" for name, value in chosen.metrics.items()},
        **{key: chosen.hyperparameters[key] for key in SHOWN if key in chosen.hyperparameters},
    }
    progress(0.1, "packing and registering")
    registry = platform_of(workspace).model_registry
    if registry is None:
        raise UserError("This machine has no model registry besides the Models page. Choose AWS on Account for one.")
    registered = registry.publish(chosen.name, workspace.folder(chosen), facts)
    with workspace.edit(Model, chosen.id) as stored:
        stored.registered = registered
    return {"registered": registered}


def choose_classes(workspace: Workspace, model_id: str, classes: list[str], name: str = "") -> Model:
    """A model with the same weights that reports only `classes`, chosen from those it was trained for.

    Raises:
        UserError: if none is chosen, or one that it does not know.
    """
    from bytetrack.detection.artifact import read_config, write_config

    model = workspace.get(Model, model_id)
    folder = workspace.folder(model)
    config = read_config(folder)
    if unknown := [each for each in classes if each not in config.classes]:
        raise UserError(f"{model.name} does not know {', '.join(unknown)}. It knows {', '.join(config.classes)}.")
    if not classes:
        raise UserError(f"Choose at least one class of {model.name}.")
    config.keep_classes = [each for each in config.classes if each in classes]
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        for file in FILES:
            _link(folder / file, made / file)
        write_config(made, config)
        name = name or _clean(f"{model.name} {' '.join(config.keep_classes)}")
        origin = {field: getattr(model, field) for field in ("dataset", "labels", "job", "image", "trained_as")}
        return store(workspace, made, name, model.source, base=model.id, **origin)


def thresholds(workspace: Workspace, model_id: str) -> dict[str, float]:
    """The thresholds of the detector and the tracker that the model works with.

    Raises:
        UserError: if the model's files are gone or damaged.
    """
    from bytetrack.detection.artifact import read_config

    try:
        return dict(read_config(workspace.folder(workspace.get(Model, model_id))).thresholds)
    except ValueError as error:
        raise UserError(str(error)) from error


def keep_thresholds(workspace: Workspace, model_id: str, thresholds: dict[str, float]) -> None:
    """Write the tracker's thresholds into the model's configuration, those not named staying as they are.

    A batch deployment of the model uses them from its next job on, an endpoint once it is started again.

    Raises:
        UserError: if a threshold is unknown or out of its range, or the model's files are gone.
    """
    from bytetrack.detection.artifact import THRESHOLDS, read_config, write_config
    from bytetrack.tracking.config import TrackerConfig

    folder = workspace.folder(workspace.get(Model, model_id))
    if unknown := thresholds.keys() - THRESHOLDS.keys():
        raise UserError(f"A model keeps no threshold {', '.join(sorted(unknown))}; it keeps {', '.join(THRESHOLDS)}.")
    try:
        TrackerConfig.parse(thresholds)
        config = read_config(folder)
    except ValueError as error:
        raise UserError(str(error)) from error
    config.thresholds |= thresholds
    write_config(folder, config)


def card(workspace: Workspace, model: Model) -> Card:
    """All that is known of a model.

    Raises:
        UserError: if its files are gone or damaged.
    """
    from bytetrack.detection.artifact import read_config

    folder = workspace.folder(model)
    try:
        config = read_config(folder)
        parameters = _count_parameters(folder / "model.safetensors")
    except (OSError, ValueError) as error:
        raise UserError(f"The files of {model.name} are gone or damaged: {error}") from error
    dataset = workspace.find(Dataset, model.dataset) if model.dataset else None
    base = workspace.find(Model, model.base) if model.base else None
    used = dataset.splits.get("train", []) + dataset.splits.get("val", []) if dataset else []
    labels = [workspace.find(Labels, each) for each in used]
    return Card(
        classes=_reported(config),
        known_classes=list(config.classes),
        parameters=parameters,
        depth=config.depth,
        width=config.width,
        depthwise=config.depthwise,
        input_size=list(config.input_size),
        normalization=config.normalization,
        bytes=(folder / "model.safetensors").stat().st_size,
        thresholds=dict(config.thresholds),
        metrics=dict(config.metrics),
        hyperparameters={key: str(value) for key, value in config.hyperparameters.items()},
        source=model.source,
        dataset=dataset.name if dataset else None,
        labels=[each.name for each in labels if each],
        base=base.name if base else None,
    )


def size_name(config: ModelConfig) -> str:
    """YOLOX's name for the architecture: nano, tiny, s, m, l, x; "custom" where it has none."""
    from bytetrack.training.hyperparameters import SIZES

    for size, shape in SIZES.items():
        if shape == (config.depth, config.width) and config.depthwise == (size == "nano"):
            return size
    return "custom"


def _find(path: Path, unpacked: Path) -> Path:
    """The folder of an artifact, or a checkpoint, in what a person names; at most one folder deep."""
    if path.is_file() and (not is_archive(path) or _is_torch_zip(path)):
        return path
    folder = path if path.is_dir() else extract(path, unpacked, limit_bytes=LIMIT_BYTES, limit_files=10_000)
    if configurations := [*folder.glob("model.json"), *folder.glob("*/model.json")]:
        return configurations[0].parent
    checkpoints = [file for pattern in ("*.pth*", "*/*.pth*") for file in folder.glob(pattern) if file.is_file()]
    if len(checkpoints) == 1:
        return checkpoints[0]
    raise UserError(
        f"{path.name} is not a model: a model is a checkpoint of YOLOX or ByteTrack (.pth, .pth.tar), or a folder, "
        "zip or tar.gz with model.json and model.safetensors in it."
    )


def _is_torch_zip(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _copy_artifact(folder: Path, made: Path, progress: Progress) -> str:
    from bytetrack.detection.artifact import load_torch, read_config, save

    config, network = read_config(folder), load_torch(folder)
    progress(0.4, "writing the model")
    save(made, network, config)  # the ONNX anew, as nobody knows what is in the one that came along
    return "file"


def _convert_checkpoint(
    path: Path, made: Path, progress: Progress, classes: list[str] | None, origin: str, input_size: list[int] | None
) -> str:
    from bytetrack.detection.artifact import ModelConfig, save
    from bytetrack.detection.checkpoints import (
        architecture_of,
        build_network,
        is_bytetrack_checkpoint,
        read_checkpoint,
    )

    weights = read_checkpoint(path)
    depth, width, depthwise, count = architecture_of(weights)
    network = build_network(weights)
    config = ModelConfig(depth=depth, width=width, depthwise=depthwise, classes=[""] * count, input_size=[640, 640])
    size = size_name(config)
    published = recognize(path.name)
    if published and (published.size != size or count != (80 if published.origin == "YOLOX COCO" else 1)):
        published = None  # called like one of those, and something else
    from_bytetrack = is_bytetrack_checkpoint(path.name, count) if origin == "auto" else origin == "ByteTrack"
    config.classes = _class_names(path, count, classes, from_bytetrack)
    config.normalization = "imagenet" if from_bytetrack else "raw"
    config.input_size = _input_size(size, input_size, list(published.input_size) if published else None, from_bytetrack)
    progress(0.4, "writing the model")
    save(made, network, config)
    return published.origin if published else "file"


def _class_names(path: Path, count: int, given: list[str] | None, from_bytetrack: bool) -> list[str]:
    if given:
        names = [name.strip() for name in given]
        if len(names) != count or len(set(names)) != count or not all(names):
            raise UserError(f"{path.name} has {count} classes: give {count} different names, in its order.")
        return names
    from bytetrack.detection.checkpoints import known_class_names

    if known := known_class_names(count, from_bytetrack):
        return known
    raise UserError(f"{path.name} has {count} classes and does not say what they are. Give their names, in its order.")


def _input_size(size: str, given: list[int] | None, published: list[int] | None, from_bytetrack: bool) -> list[int]:
    if given:
        if len(given) != 2 or not all(32 <= side <= 4096 and side % 32 == 0 for side in given):
            raise UserError(f"An input of {given} pixels is not possible. Give height and width as multiples of 32.")
        return list(given)
    if published:
        return published
    if from_bytetrack:
        return [608, 1088] if size in (*LIGHT, "s") else [800, 1440]
    return [416, 416] if size in LIGHT else [640, 640]


def _reported(config: ModelConfig) -> list[str]:
    return list(config.classes if config.keep_classes is None else config.keep_classes)


def _count_parameters(path: Path) -> int:
    """Trained numbers in a safetensors file, told from its header; running statistics are none."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(
        prod(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__" and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes, which are never changed in place; a copy where the disk has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _name_of(path: Path) -> str:
    return _clean(re.sub(r"(\.(pth|pt|tar|tgz|gz|zip))+$", "", path.name))


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ._()-]+", "-", name).lstrip(" ._()-")[:80].strip() or "model"
