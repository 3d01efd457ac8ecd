"""Training a detector on a dataset, and reading its curves from what it prints."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import Any

from backend import jobs
from backend.errors import UserError
from backend.jobs.results import ModelResult
from backend.jobs.watch import make_watch
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

WORK = (0.05, 0.98)  # of a job's progress: before it files go to where it runs, after it the model comes back
LOSSES = ("total_loss", "iou_loss", "l1_loss", "conf_loss", "cls_loss")


def start(
    workspace: Workspace,
    *,
    name: str,
    dataset: str,
    hyperparameters: dict[str, str] | None = None,
    base: str | None = None,
    options: dict | None = None,
) -> Job:
    """Start a training as a job.

    Args:
        name: of the training and the model that it makes.
        dataset: id of a `Dataset`.
        hyperparameters: see `bytetrack.training.hyperparameters.Hyperparameters`; what is missing has its default.
            Those that `suggest` gives where None.
        base: id of the `Model` to start from; from scratch where None.
        options: of the platform, see its `options`; its defaults where None.

    Raises:
        UserError: naming the hyperparameter, dataset or model that is wrong; no job is started then.
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
    """Go on with a training or search that failed, was stopped, or was lost sight of, from what its platform has of it.

    Raises:
        UserError: if it left none, or it goes on already.
    """
    earlier = workspace.get(Job, job_id)
    if any(job.params["checkpoints"] == earlier.params["checkpoints"] for job in jobs.active(workspace, earlier.verb)):
        raise UserError(f"“{earlier.name}” is still running.")
    if not can_resume(workspace, earlier):
        raise UserError(f"“{earlier.name}” left nothing to go on from. Start a new one.")
    return jobs.start(workspace, earlier.verb, earlier.name, **earlier.params)


def suggest(
    workspace: Workspace, dataset: str, size: str = "nano", epochs: int | None = None, pretrained: bool = False
) -> dict[str, str]:
    """All hyperparameters for a first training of a network of `size` on a dataset.

    Args:
        epochs: in place of the number that suits the number of frames.
        pretrained: whether it starts from a model; depth and width are left out then, since they are that model's.
    """
    data = workspace.get(Dataset, dataset)
    if size not in SIZES:
        raise UserError(f"There is no model size “{size}”. Choose one of {', '.join(SIZES)}.")
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
    """Whether the training or search ended before it was done, and left something to go on from."""
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
    options: dict,
    platform: str,
) -> ModelResult:
    """The job that `start` starts.

    Args:
        checkpoints: the name under which they are kept until it is done; from those that are there it goes on.
        platform: the name of the one on which it began, and goes on.

    Returns:
        `{"model": id}`.

    Raises:
        UserError: with the training program's own reason, if it fails.
    """
    data = check(workspace, dataset, hyperparameters, base)
    where = platform_of(workspace, platform)
    progress(0.0, "starting")
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary)
        channels = data_channels(workspace, data, base)
        spec = TrainingSpec(name, channels, hyperparameters, checkpoints, output, options)
        where.training.run(spec, make_watch(workspace, progress, EpochProgress(part(progress, *WORK)), WORK))
        progress(0.99, "storing the model")
        model = models.store(workspace, output, name, "trained", **origin(workspace, where, data, base))
    where.training.delete_checkpoints(checkpoints)
    return {"model": model.id}


def data_channels(workspace: Workspace, data: Dataset, base: str | None) -> dict[str, Path]:
    """The folders that a training gets."""
    folder = workspace.folder(data)
    channels = {split: folder / split for split in ("train", "val") if data.frames.get(split)}
    if base:
        channels["model"] = workspace.folder(workspace.get(Model, base))
    return channels


def origin(workspace: Workspace, platform: Platform, data: Dataset, base: str | None) -> dict[str, Any]:
    """What a model remembers of where it comes from, as `models.store` takes it."""
    job = jobs.current(workspace)
    return {
        "dataset": data.id,
        "labels": [labels for split in ("train", "val") for labels in data.splits.get(split, [])],
        "base": base,
        "job": job.id if job else None,
        "image": platform.training.code_version(),
        "trained_as": job.facts.get("where", "") if job else "",
    }


def curves(workspace: Workspace, job: Job) -> dict[str, list[dict[str, float]]]:
    """What a training has printed so far.

    Returns:
        `steps`: losses, `lr` and `images_per_second` over `epoch` (a fraction, as epochs have many steps);
        `epochs`: `AP`, `AP50`, `AP75`, `AR` over `epoch` (whole, those that were evaluated).
    """
    steps, epochs = [], []
    path = jobs.log_path(workspace, job)
    with path.open(errors="replace") as lines:
        for line in lines:
            found = parse(line)
            if "total_loss" in found and "iters" in found:
                found["epoch"] = found["epoch"] - 1 + found["iter"] / found["iters"]
                steps.append(found)
            elif "AP" in found and "epoch" in found:
                epochs.append(found)
    return {"steps": steps, "epochs": epochs}


def check(workspace: Workspace, dataset: str, hyperparameters: dict[str, str], base: str | None) -> Dataset:
    """The dataset, if a training with these hyperparameters makes sense on it.

    Raises:
        UserError: naming what does not.
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
    """Turns the lines of a training into progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, line: str) -> None:
        found = parse(line)
        if "epochs" not in found:
            return
        epochs, done = found["epochs"], found["epoch"]
        if "iters" in found:
            done += found["iter"] / found["iters"] - 1
        self._progress(done / epochs, f"epoch {found['epoch']:.0f} of {epochs:.0f}")
