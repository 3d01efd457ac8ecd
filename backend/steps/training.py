"""Train a detector on a dataset, and read losses and metrics from its log."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import Any, TypedDict

from backend import jobs
from backend.errors import UserError
from backend.jobs.platform_watch import make_watch
from backend.jobs.results import ModelResult
from backend.platforms import registry
from backend.platforms.base import Platform, TrainingSpec
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import models
from backend.workspace import Workspace
from backend.workspace.paths import ANNOTATIONS
from backend.workspace.records import Dataset, Job, Labels, Model, Video, check_name
from bytetrack.training.hyperparameters import SIZES, Hyperparameters
from bytetrack.training.hyperparameters import suggest as suggested
from bytetrack.training.metric_definitions import parse

WORK = (0.05, 0.98)  # share of a job's progress; files are uploaded before, the model is downloaded after
LOSSES = ("total_loss", "iou_loss", "l1_loss", "conf_loss", "cls_loss")


def start(
    workspace: Workspace,
    *,
    name: str,
    dataset: str,
    hyperparameters: dict[str, str] | None = None,
    base: str | None = None,
    options: dict[str, Any] | None = None,
) -> Job:
    """Start a training as a job.

    Args:
        workspace: Workspace of the dataset.
        name: Name of the training and of the model that it makes.
        dataset: Id or name of the dataset.
        hyperparameters: Fields of `bytetrack.training.hyperparameters.Hyperparameters`; missing ones have their
            defaults. If omitted, those that `suggest` gives.
        base: Id or name of the model to start from. If omitted, the training starts from scratch.
        options: Options of the platform for trainings. If omitted, its defaults.

    Raises:
        UserError: If a hyperparameter, the dataset or the model is wrong. No job is started then.
    """
    name = check_name(name)
    if hyperparameters is None:
        hyperparameters = suggest(workspace, dataset, pretrained=base is not None)
    check(workspace, dataset, hyperparameters, base)
    return jobs.start(
        workspace,
        "train",
        f"Training {name}"[:80],
        name=name,
        dataset=dataset,
        hyperparameters=hyperparameters,
        base=base,
        checkpoints=secrets.token_hex(8),
        options=options or {},
        platform=registry.chosen(workspace),
    )


def resume(workspace: Workspace, job_id: str) -> Job:
    """Resume a training or search that has failed or was stopped from its last checkpoint, as a new job.

    Raises:
        UserError: If the job is of another kind, if there is no checkpoint, or if another job has resumed it already.
    """
    earlier = workspace.get(Job, job_id)
    if "checkpoints" not in earlier.params:
        raise UserError(f"“{earlier.name}” cannot be resumed: only trainings and hyperparameter searches can.")
    if any(job.params["checkpoints"] == earlier.params["checkpoints"] for job in jobs.active(workspace, earlier.verb)):
        raise UserError(f"“{earlier.name}” is still running.")
    if not can_resume(workspace, earlier):
        raise UserError(f"“{earlier.name}” left no checkpoint to resume from. Start a new training.")
    return jobs.start(workspace, earlier.verb, earlier.name, **earlier.params)


def suggest(
    workspace: Workspace, dataset: str, size: str = "nano", epochs: int | None = None, pretrained: bool = False
) -> dict[str, str]:
    """Suggest all hyperparameters for a first training on a dataset.

    Args:
        workspace: Workspace of the dataset.
        dataset: Id or name of the dataset.
        size: Size of the network, see `bytetrack.training.hyperparameters.SIZES`.
        epochs: Number of epochs, in place of the number that suits the dataset.
        pretrained: Whether the training starts from a model, which determines depth and width then.

    Raises:
        UserError: If the size is unknown or the number of epochs is below 1.
    """
    data = workspace.get(Dataset, dataset)
    if size not in SIZES:
        raise UserError(f"Unknown model size “{size}”. Choose one of {', '.join(SIZES)}.")
    depth, width = SIZES[size]
    labels = workspace.get(Labels, data.splits["train"][0])
    video = workspace.get(Video, labels.video)
    annotations = json.loads((workspace.folder(data) / "train" / ANNOTATIONS).read_bytes())["annotations"]
    if epochs is not None and epochs < 1:
        raise UserError(f"A training takes at least 1 epoch, not {epochs}.")
    settings = suggested(
        video.width,
        video.height,
        data.frames["train"],
        depth,
        width,
        object_sides=[max(annotation["bbox"][2:]) for annotation in annotations],
        pretrained=pretrained,
        epochs=epochs,
    )
    values = settings.to_strings()
    return {name: value for name, value in values.items() if not (pretrained and name in ("depth", "width"))}


def can_resume(workspace: Workspace, job: Job) -> bool:
    """Return whether the training or search ended early and left a checkpoint to resume from."""
    if job.active or job.status == "done":
        return False
    return platform_of(workspace, job.params["platform"]).training.can_resume(job.params["checkpoints"])


def train(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    dataset: str,
    hyperparameters: dict[str, str],
    base: str | None,
    checkpoints: str,
    options: dict[str, Any],
    platform: str,
) -> ModelResult:
    """Train as a job that `start` or `resume` started.

    Args:
        workspace: Workspace of the dataset.
        progress: Called with the progress.
        name: Name of the training and of the model that it makes.
        dataset: Id or name of the dataset.
        hyperparameters: Fields of `bytetrack.training.hyperparameters.Hyperparameters`.
        base: Id or name of the model to start from; None to start from scratch.
        checkpoints: Name under which the platform keeps checkpoints until the training is done. It resumes from those
            that exist.
        options: Options of the platform for trainings.
        platform: Name of the platform.

    Raises:
        UserError: If the training fails, with the reason that its program gives.
    """
    data = check(workspace, dataset, hyperparameters, base)
    target = platform_of(workspace, platform)
    progress(0.0, "starting")
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary)
        channels = data_channels(workspace, data, base)
        spec = TrainingSpec(name, channels, hyperparameters, checkpoints, output, options)
        watch = make_watch(workspace, progress, EpochProgress(part(progress, *WORK)), WORK)
        target.training.run(spec, watch)
        progress(0.99, "storing the model")
        model = models.store(workspace, output, name, "trained", **origin(workspace, target, data, base))
    target.training.delete_checkpoints(checkpoints)
    return {"model": model.id}


def data_channels(workspace: Workspace, data: Dataset, base: str | None) -> dict[str, Path]:
    """Return the folder of each input channel of a training."""
    folder = workspace.folder(data)
    channels = {split: folder / split for split in ("train", "val") if data.frames.get(split)}
    if base:
        channels["model"] = workspace.folder(workspace.get(Model, base))
    return channels


def origin(workspace: Workspace, platform: Platform, data: Dataset, base: str | None) -> dict[str, Any]:
    """Return the fields of a `Model` that say how it was trained, as `models.store` takes them."""
    job = jobs.current(workspace)
    return {
        "dataset": data.id,
        "labels": [labels_id for split in ("train", "val") for labels_id in data.splits.get(split, [])],
        "base": workspace.get(Model, base).id if base else None,
        "job": job.id if job else None,
        "image": platform.training.code_version(),
        "trained_as": job.facts.get("where", "") if job else "",
    }


class Curves(TypedDict):
    """Values that a training has printed so far, by their names in `bytetrack.training.metric_definitions`."""

    steps: list[dict[str, float]]  # losses, `lr`, `images_per_second`; `epoch` is a fraction
    epochs: list[dict[str, float]]  # `AP`, `AP50`, `AP75`, `AR` of evaluated epochs; `epoch` is whole


def curves(workspace: Workspace, job: Job) -> Curves:
    """Read losses and metrics from the log of a training."""
    steps, epochs = [], []
    with jobs.log_path(workspace, job).open(errors="replace") as lines:
        for line in lines:
            values = parse(line)
            if "total_loss" in values and "iters" in values:
                values["epoch"] = values["epoch"] - 1 + values["iter"] / values["iters"]
                steps.append(values)
            elif "AP" in values and "epoch" in values:
                epochs.append(values)
    return {"steps": steps, "epochs": epochs}


def check(workspace: Workspace, dataset: str, hyperparameters: dict[str, str], base: str | None) -> Dataset:
    """Check that a training with these hyperparameters is possible, and return the dataset.

    Raises:
        UserError: If the dataset has no frames to train on, or a hyperparameter, the dataset or the model is wrong.
    """
    data = workspace.get(Dataset, dataset)
    if not data.frames.get("train"):
        raise UserError(f"The dataset “{data.name}” has no frames to train on. Put a labeled clip into “train”.")
    if base:
        workspace.get(Model, base)
    try:
        Hyperparameters.parse(hyperparameters)
    except ValueError as error:
        raise UserError(str(error)) from error
    return data


class EpochProgress:
    """Derives progress from the lines that a training prints."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, line: str) -> None:
        """Report the progress that a line says, if it says any."""
        values = parse(line)
        if "epochs" not in values:
            return
        epochs, done = values["epochs"], values["epoch"]
        if "iters" in values:
            done += values["iter"] / values["iters"] - 1
        self._progress(done / epochs, f"epoch {values['epoch']:.0f} of {epochs:.0f}")
