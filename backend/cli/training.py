"""Subcommands for training: train, search hyperparameters, resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from backend.cli.app import TRAINING, command
from backend.cli.options import DatasetName, JobName, ModelName, ModelSize, Pairs
from backend.cli.session import follow, get, number, pairs, workspace
from backend.errors import UserError
from backend.workspace.records import Dataset, Model

if TYPE_CHECKING:
    from backend.platforms.base import Purpose
    from backend.steps.hyperparameter_search import RangeSettings

Objective = Literal["best_AP", "HOTA", "IDF1", "total_loss"]
PresetName = Literal["quick", "balanced", "best"]


@command(
    TRAINING,
    "train --dataset streets --size nano --epochs 30",
    "train --dataset streets --base yolox-nano --preset quick",
    "train --dataset streets --base yolox-s --hyperparameter basic_lr_per_img=0.0001 batch_size=8",
)
def train(
    *,
    dataset: DatasetName,
    name: str | None = None,
    size: ModelSize = "nano",
    base: ModelName | None = None,
    preset: PresetName = "balanced",
    epochs: int | None = None,
    hyperparameter: Pairs | None = None,
    option: Pairs | None = None,
) -> dict[str, Any]:
    """Train a detector on a dataset.

    Hyperparameters that are not given have the values that the page Training suggests.

    Args:
        dataset: Dataset to train on.
        name: Name of the training and its model; dataset and size if omitted.
        size: Size of the model, if it is trained from scratch.
        base: Model to start from.
        preset: How long to train: a third of the epochs that suit the dataset, as many, or three times as many.
        epochs: Number of epochs, in place of the preset's.
        hyperparameter: Hyperparameters that differ from the suggestion.
        option: Options of the platform, such as instance_type=ml.g5.xlarge.
    """
    from backend.steps import training

    data, start_model = get(Dataset, dataset), get(Model, base) if base else None
    options = pairs(option or [])
    suggested = training.suggest(
        workspace(),
        data.id,
        size,
        epochs,
        pretrained=start_model is not None,
        preset=preset,
        gpu=_has_gpu("training", options),
    )
    job = training.start(
        workspace(),
        name=name or f"{data.name} {start_model.name if start_model else size}"[:80],
        dataset=data.id,
        hyperparameters=suggested | pairs(hyperparameter or []),
        base=start_model.id if start_model else None,
        options=options,
    )
    return follow(job)


@command(
    TRAINING,
    "search-hyperparameters --dataset streets --trials 20",
    "search-hyperparameters --dataset streets --range basic_lr_per_img=0.0001:0.01 optimizer=adamw,sgd",
)
def search_hyperparameters(
    *,
    dataset: DatasetName,
    name: str | None = None,
    size: ModelSize = "nano",
    base: ModelName | None = None,
    epochs: int | None = None,
    hyperparameter: Pairs | None = None,
    range: Pairs | None = None,  # noqa: A002 (the option is --range)
    objective: Objective = "best_AP",
    trials: int = 10,
    option: Pairs | None = None,
) -> dict[str, Any]:
    """Train with different hyperparameters and keep the best model.

    Args:
        dataset: Dataset to train on.
        name: Name of the search and its model; dataset and “search” if omitted.
        size: Size of the model, if it is trained from scratch.
        base: Model to start from.
        epochs: Number of epochs of each trial; one that suits the dataset if omitted.
        hyperparameter: Hyperparameters that differ from the suggestion and are not searched.
        range: What to search: NAME=LOW:HIGH or NAME=CHOICE,CHOICE,…. The learning rate around its suggested value if
            omitted.
        objective: Metric that the best model has the best value of.
        trials: Number of trainings.
        option: Options of the platform, such as instance_type=ml.g5.xlarge.
    """
    from backend.steps import hyperparameter_search, training

    data, start_model = get(Dataset, dataset), get(Model, base) if base else None
    options = pairs(option or [])
    suggested = training.suggest(
        workspace(),
        data.id,
        size,
        epochs,
        pretrained=start_model is not None,
        gpu=_has_gpu("hyperparameter_search", options),
    )
    values = suggested | pairs(hyperparameter or [])
    around = hyperparameter_search.suggest_ranges(values)
    limits = {key: _search_range(key, text, around.get(key, {})) for key, text in pairs(range or []).items()}
    job = hyperparameter_search.start(
        workspace(),
        name=name or f"{data.name} search"[:80],
        dataset=data.id,
        ranges=limits or {"basic_lr_per_img": around["basic_lr_per_img"]},
        objective=objective,
        trials=trials,
        hyperparameters=values,
        base=start_model.id if start_model else None,
        options=options,
    )
    return follow(job)


@command(TRAINING, 'resume "Training streets nano"')
def resume(job: JobName, /) -> dict[str, Any]:
    """Resume a training or a search that failed or was stopped.

    It continues from its last checkpoint, or from the beginning if it has none, and stays one job.

    Args:
        job: Job to resume.
    """
    from backend.steps import training

    return follow(training.resume(workspace(), job))


def _has_gpu(purpose: Purpose, options: Mapping[str, str]) -> bool:
    """Return whether a training with these options of the chosen platform runs on a GPU."""
    from backend.platforms.registry import platform_of

    hardware = platform_of(workspace()).hardware(purpose, options)
    return bool(hardware and hardware.gpus)


def _search_range(name: str, text: str, suggested: RangeSettings) -> RangeSettings:
    """Parse `LOW:HIGH` or `CHOICE,CHOICE,…` for a hyperparameter.

    Args:
        name: Name of the hyperparameter.
        text: Range or choices.
        suggested: Range that the console suggests, empty if there is none.

    Raises:
        UserError: If there is no such hyperparameter.
    """
    from bytetrack.training.hyperparameters import Hyperparameters

    defaults = {field.name: field.default for field in fields(Hyperparameters)}
    if name not in defaults:
        raise UserError(f"Hyperparameter not found: “{name}”. Hyperparameters: {', '.join(defaults)}.")
    low, colon, high = text.partition(":")
    if not colon:
        return {"choices": [choice.strip() for choice in text.split(",") if choice.strip()]}
    return {
        "low": number(name, low),
        "high": number(name, high),
        "whole": isinstance(defaults[name], int),
        "logarithmic": suggested.get("logarithmic", False),
    }
