"""Training a detector on a dataset, and reading its curves from what it prints."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from backend import jobs, models
from backend.errors import UserError
from backend.platform import platform_of
from backend.platform.base import TrainingSpec
from backend.progress import Progress
from backend.records import Dataset, Job, Labels, Model, Video, check_name
from backend.workspace import Workspace
from bytetrack.hyperparameters import SIZES, Hyperparameters
from bytetrack.hyperparameters import suggest as suggested
from bytetrack.metric_definitions import parse

LOSSES = ("total_loss", "iou_loss", "l1_loss", "conf_loss", "cls_loss")


def start(
    workspace: Workspace,
    *,
    name: str,
    dataset: str,
    hyperparameters: dict[str, str] | None = None,
    base: str | None = None,
) -> Job:
    """Start a training as a job.

    Args:
        name: of the training and the model that it makes.
        dataset: id of a `Dataset`.
        hyperparameters: see `bytetrack.hyperparameters.Hyperparameters`; what is missing has its default.
            Those that `suggest` gives where None.
        base: id of the `Model` to start from; from scratch where None.

    Raises:
        UserError: naming the hyperparameter, dataset or model that is wrong; no job is started then.
    """
    name = check_name(name)
    if hyperparameters is None:
        hyperparameters = suggest(workspace, dataset, pretrained=base is not None)
    _check(workspace, dataset, hyperparameters, base)
    return jobs.start(
        workspace,
        "train",
        f"Training {name}"[:80],
        name=name,
        dataset=dataset,
        hyperparameters=hyperparameters,
        base=base,
        checkpoints=secrets.token_hex(8),
    )


def resume(workspace: Workspace, job_id: str) -> Job:
    """Go on with a training that failed or was stopped, from its last checkpoint.

    Raises:
        UserError: if it left none, or it goes on already.
    """
    earlier = workspace.get(Job, job_id)
    if any(job.params["checkpoints"] == earlier.params["checkpoints"] for job in jobs.active(workspace, "train")):
        raise UserError(f"“{earlier.name}” is still running.")
    if not can_resume(workspace, earlier):
        raise UserError(f"“{earlier.name}” left no checkpoint to go on from. Start a new training.")
    return jobs.start(workspace, "train", earlier.name, **earlier.params)


def suggest(
    workspace: Workspace, dataset: str, size: str = "nano", epochs: int | None = None, pretrained: bool = False
) -> dict[str, str]:
    """All hyperparameters for a first training of a network of `size` on a dataset.

    Args:
        epochs: in place of the number that suits the number of frames.
        pretrained: whether it starts from a model.
    """
    data = workspace.get(Dataset, dataset)
    if size not in SIZES:
        raise UserError(f"There is no model size “{size}”. Choose one of {', '.join(SIZES)}.")
    depth, width = SIZES[size]
    labels = workspace.get(Labels, data.splits["train"][0])
    video = workspace.get(Video, labels.video)
    annotations = json.loads((workspace.folder(data) / "train" / "annotations.json").read_bytes())["annotations"]
    settings = suggested(
        video.width,
        video.height,
        data.frames["train"],
        depth,
        width,
        object_sides=[max(each["bbox"][2:]) for each in annotations],
        pretrained=pretrained,
    )
    if epochs is not None:
        if epochs < 1:
            raise UserError(f"A training takes at least 1 epoch, not {epochs}.")
        settings = replace(
            settings,
            max_epoch=epochs,
            warmup_epochs=min(settings.warmup_epochs, epochs // 4),
            no_aug_epochs=max(epochs // 5, 1) if epochs > 1 else 0,
            eval_interval=max(epochs // 4, 1),
        )
    return settings.to_strings()


def can_resume(workspace: Workspace, job: Job) -> bool:
    """Whether the ended training left a checkpoint."""
    folder = workspace.root / "checkpoints" / job.params["checkpoints"]
    return not job.active and job.status != "done" and folder.is_dir() and any(folder.iterdir())


def train(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    dataset: str,
    hyperparameters: dict[str, str],
    base: str | None,
    checkpoints: str,
) -> dict:
    """The job that `start` starts.

    Args:
        checkpoints: name of the folder that keeps its checkpoints until it is done; from one that is there it goes on.

    Returns:
        `{"model": id}`.

    Raises:
        UserError: with the training program's own reason, if it fails.
    """
    data = _check(workspace, dataset, hyperparameters, base)
    folder = workspace.folder(data)
    channels = {split: folder / split for split in ("train", "val") if data.frames.get(split)}
    if base:
        channels["model"] = workspace.folder(workspace.get(Model, base))
    kept = workspace.root / "checkpoints" / checkpoints
    progress(0.0, "starting")
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary)
        spec = TrainingSpec(name, channels, hyperparameters, kept, output)
        platform_of(workspace).train(spec, _Log(progress))
        progress(0.99, "storing the model")
        model = models.register(workspace, output, name, "trained", dataset=data.id, base=base)
    shutil.rmtree(kept, ignore_errors=True)
    return {"model": model.id}


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


def _check(workspace: Workspace, dataset: str, hyperparameters: dict[str, str], base: str | None) -> Dataset:
    data = workspace.get(Dataset, dataset)
    if not data.frames.get("train"):
        raise UserError(f"The dataset “{data.name}” has no frames to train on. Put a labelled clip into “train”.")
    if base:
        workspace.get(Model, base)
    try:
        Hyperparameters.parse(hyperparameters)
    except ValueError as error:
        raise UserError(str(error)) from error
    return data


class _Log:
    """Prints a training's lines and turns them into progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, line: str) -> None:
        print(line, flush=True)
        found = parse(line)
        if "epochs" not in found:
            return
        epochs, done = found["epochs"], found["epoch"]
        if "iters" in found:
            done += found["iter"] / found["iters"] - 1
        self._progress(0.98 * done / epochs, f"epoch {found['epoch']:.0f} of {epochs:.0f}")
