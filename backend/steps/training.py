"""Train a detector on a dataset, and read losses and metrics from its log."""

from __future__ import annotations

import json
import math
import secrets
import tempfile
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, TypedDict

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

MAX_SUGGESTED_EPOCHS = 300

PresetName = Literal["quick", "balanced", "best"]


@dataclass(frozen=True)
class Preset:
    """How long to train."""

    title: str
    factor: float  # epochs, compared with those that suit the dataset
    description: str

    def epochs(self, balanced: int) -> int:
        """Return the number of epochs, given that of the preset “balanced”."""
        most = max(MAX_SUGGESTED_EPOCHS, balanced)
        return min(max(math.ceil(self.factor * balanced), 1), most)


PRESETS: dict[PresetName, Preset] = {
    "quick": Preset("Quick", 0.3, "To see whether the data works."),
    "balanced": Preset("Balanced", 1.0, "What suits this many frames."),
    "best": Preset("Best", 3.0, "Three times as long. The epoch with the best validation scores is kept."),
}

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
    """Resume a training or search that has failed or was stopped, from its last checkpoint if there is one.

    It stays one job, with one log and one set of curves.

    Raises:
        UserError: If the job is of another kind, is done, or runs.
    """
    earlier = workspace.get(Job, job_id)
    if "checkpoints" not in earlier.params:
        raise UserError(f"“{earlier.name}” cannot be resumed: only trainings and hyperparameter searches can.")
    if any(job.params["checkpoints"] == earlier.params["checkpoints"] for job in jobs.active(workspace, earlier.verb)):
        raise UserError(f"“{earlier.name}” is still running.")
    if earlier.status == "done":
        raise UserError(f"“{earlier.name}” is done. Start a new training.")
    return jobs.start_again(workspace, earlier.id)


def suggest(
    workspace: Workspace,
    dataset: str,
    size: str = "nano",
    epochs: int | None = None,
    pretrained: bool = False,
    *,
    preset: PresetName = "balanced",
    gpu: bool = False,
) -> dict[str, str]:
    """Suggest all hyperparameters for a first training on a dataset.

    Args:
        workspace: Workspace of the dataset.
        dataset: Id or name of the dataset.
        size: Size of the network, see `bytetrack.training.hyperparameters.SIZES`.
        epochs: Number of epochs, in place of the number that suits the dataset and the preset.
        pretrained: Whether the training starts from a model, which determines depth and width then.
        preset: How long to train, compared with what suits the dataset.
        gpu: Whether it trains on a GPU.

    Raises:
        UserError: If the size or the preset is unknown, or the number of epochs is below 1.
    """
    data = workspace.get(Dataset, dataset)
    if size not in SIZES:
        raise UserError(f"Unknown model size “{size}”. Choose one of {', '.join(SIZES)}.")
    depth, width = SIZES[size]
    labels = workspace.get(Labels, data.splits["train"][0])
    video = workspace.get(Video, labels.video)
    if preset not in PRESETS:
        raise UserError(f"Unknown preset “{preset}”. Choose one of {', '.join(PRESETS)}.")
    if epochs is not None and epochs < 1:
        raise UserError(f"A training takes at least 1 epoch, not {epochs}.")
    annotations = workspace.folder(data) / "train" / ANNOTATIONS
    suggest_for = partial(
        suggested,
        video.width,
        video.height,
        data.frames["train"],
        depth,
        width,
        gpu=gpu,
        object_sides=_object_sides(annotations, annotations.stat().st_mtime_ns),
        pretrained=pretrained,
    )
    settings = suggest_for(epochs=epochs)
    if epochs is None and preset != "balanced":
        settings = suggest_for(epochs=PRESETS[preset].epochs(settings.max_epoch))
    values = settings.to_strings()
    return {name: value for name, value in values.items() if not (pretrained and name in ("depth", "width"))}


@lru_cache(maxsize=8)  # because the page asks for it whenever a field changes
def _object_sides(annotations: Path, modified: int) -> tuple[float, ...]:
    """Return the longer side of each object in a COCO file, in pixels of the frame."""
    return tuple(max(annotation["bbox"][2:]) for annotation in json.loads(annotations.read_bytes())["annotations"])


def has_checkpoint(workspace: Workspace, job: Job) -> bool:
    """Return whether the training or search ended early and left a checkpoint from which `resume` continues.

    Without one, `resume` starts it from the beginning.
    """
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
    """Read losses and metrics from the log of a training, over all of its attempts.

    A training that was killed repeats the steps since its last checkpoint: the later values replace the earlier ones.
    """
    steps: list[dict[str, float]] = []
    epochs: list[dict[str, float]] = []
    for attempt in [*superseded_by(workspace, job), job]:
        path = jobs.log_path(workspace, attempt)
        if not path.exists():
            continue
        with path.open(errors="replace") as lines:
            for line in lines:
                values = parse(line)
                if "total_loss" in values and "iters" in values:
                    values["epoch"] = values["epoch"] - 1 + values["iter"] / values["iters"]
                    _append_in_order(steps, values)
                elif "AP" in values and "epoch" in values:
                    _append_in_order(epochs, values)
    return {"steps": steps, "epochs": epochs}


def log(workspace: Workspace, job: Job) -> str:
    """Return the end of a training's log, over all of its attempts."""
    texts = [jobs.log(workspace, attempt) for attempt in [*superseded_by(workspace, job), job]]
    return "\n\n".join(filter(None, texts))


def superseded_by(workspace: Workspace, job: Job) -> list[Job]:
    """Return the jobs that `job` resumed, oldest first. Version 1.0 made a new job of each attempt."""
    checkpoints = job.params["checkpoints"]
    others = [other for other in workspace.list(Job, verb=job.verb) if other.params.get("checkpoints") == checkpoints]
    return [other for other in reversed(others) if other.id != job.id and other.created < job.created]


def _append_in_order(points: list[dict[str, float]], point: dict[str, float]) -> None:
    """Append a point of a curve after removing those that are not before its epoch."""
    while points and points[-1]["epoch"] >= point["epoch"]:
        points.pop()
    points.append(point)


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
