"""Search hyperparameters: train many times, and keep the best model."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from backend import jobs
from backend.errors import UserError
from backend.jobs.platform_watch import make_watch
from backend.jobs.processes import Stopped
from backend.jobs.results import ModelResult
from backend.platforms import registry
from backend.platforms.base import HyperparameterSearchSpec, Range, TrainingSpec, Trial
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import models
from backend.steps.training import WORK, check, data_channels, origin, suggest
from backend.workspace import Workspace
from backend.workspace.records import Job, check_name
from bytetrack.training.metric_definitions import parse

OBJECTIVES = {
    "best_AP": "AP on the validation split",
    "HOTA": "HOTA on the validation split",
    "IDF1": "IDF1 on the validation split",
    "total_loss": "the loss at the end",
}
"""Metrics that a search can optimize, and their descriptions. All are maximized but the loss, which is minimized."""

SUGGESTED_FACTOR = 5.0  # a suggested range reaches from the value divided by this to the value times this
MAX_TRIALS = 500


class RangeSettings(TypedDict, total=False):
    """The range of one hyperparameter, as numbers or text: `low` and `high`, or `choices`."""

    low: float | str
    high: float | str
    whole: bool  # whether only whole numbers are tried
    logarithmic: bool
    choices: list[str]


def start(
    workspace: Workspace,
    *,
    name: str,
    dataset: str,
    ranges: dict[str, RangeSettings],
    objective: str = "best_AP",
    trials: int = 10,
    hyperparameters: dict[str, str] | None = None,
    base: str | None = None,
    options: dict[str, Any] | None = None,
) -> Job:
    """Start a search as a job.

    Args:
        workspace: Workspace of the dataset.
        name: Name of the search and of the model that it makes.
        dataset: Id or name of the dataset.
        ranges: Range of each hyperparameter to search.
        objective: Metric to optimize, a key of `OBJECTIVES`.
        trials: Number of trainings.
        hyperparameters: Values of the other hyperparameters. If omitted, those that `training.suggest` gives.
        base: Id or name of the model to start from. If omitted, trainings start from scratch.
        options: Options of the platform for searches.

    Raises:
        UserError: If an argument is wrong. No job is started then.
    """
    name = check_name(name)
    if hyperparameters is None:
        hyperparameters = suggest(workspace, dataset, pretrained=base is not None)
    if objective not in OBJECTIVES:
        raise UserError(f"There is no objective “{objective}”. Choose one of {', '.join(OBJECTIVES)}.")
    if not 1 <= trials <= MAX_TRIALS:
        raise UserError(f"A search has 1 to {MAX_TRIALS} trials, not {trials}.")
    data = check(workspace, dataset, hyperparameters, base)
    if objective != "total_loss" and not data.frames.get("val"):
        raise UserError(
            f"The dataset “{data.name}” has no validation split. Put a clip into “val”, or choose the loss."
        )
    if not ranges:
        raise UserError("Choose at least one hyperparameter to search.")
    for bounds in _bounds(_parse_ranges(ranges)):
        check(workspace, dataset, hyperparameters | bounds, base)
    return jobs.start(
        workspace,
        "search hyperparameters",
        f"Search {name}"[:80],
        name=name,
        dataset=dataset,
        ranges=ranges,
        objective=objective,
        trials=trials,
        hyperparameters=hyperparameters,
        base=base,
        options=options or {},
        platform=registry.chosen(workspace),
        checkpoints=secrets.token_hex(8),
    )


def suggest_ranges(hyperparameters: dict[str, str]) -> dict[str, RangeSettings]:
    """Suggest ranges around these values for the learning rate, augmentation, batch size and optimizer."""
    rate = float(hyperparameters["basic_lr_per_img"])
    batch = int(hyperparameters["batch_size"])
    return {
        "basic_lr_per_img": {
            "low": rate / SUGGESTED_FACTOR,
            "high": min(rate * SUGGESTED_FACTOR, 1.0),
            "logarithmic": True,
        },
        "mosaic_prob": {"low": 0.0, "high": 1.0},
        "batch_size": {"choices": [str(size) for size in (max(batch // 2, 1), batch, batch * 2)]},
        "optimizer": {"choices": ["adamw", "sgd"]},
    }


def run(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    dataset: str,
    ranges: dict[str, RangeSettings],
    objective: str,
    trials: int,
    hyperparameters: dict[str, str],
    base: str | None,
    options: dict[str, Any],
    platform: str,
    checkpoints: str,
) -> ModelResult:
    """Search as a job that `start` started. If it is stopped, the best model so far is stored.

    Raises:
        UserError: If every training failed, with the reason of the last one.
    """
    data = check(workspace, dataset, hyperparameters, base)
    target = platform_of(workspace, platform)
    reporter = _TrialReporter(workspace, part(progress, *WORK), trials)
    stopped: Stopped | None = None
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "model"
        training = TrainingSpec(name, data_channels(workspace, data, base), hyperparameters, checkpoints, output)
        spec = HyperparameterSearchSpec(
            training=training,
            ranges=_parse_ranges(ranges),
            objective=objective,
            maximize=objective != "total_loss",
            trials=trials,
            options=options,
        )
        try:
            watch = make_watch(workspace, progress, reporter.on_line, WORK)
            target.hyperparameter_search.run(spec, watch, reporter)
        except Stopped as error:
            if not output.is_dir():
                raise
            stopped = error
        model = models.store(workspace, output, name, "trained", **origin(workspace, target, data, base))
    if stopped:
        raise stopped
    return {"model": model.id}


class _TrialReporter:
    """Stores the trials as a fact of the job, and derives progress from them."""

    def __init__(self, workspace: Workspace, progress: Progress, total: int) -> None:
        self._workspace, self._progress, self._total = workspace, progress, total
        self._ended = 0

    def __call__(self, trials: list[Trial]) -> None:
        jobs.note(self._workspace, trials=[asdict(trial) for trial in trials])
        self._ended = sum(trial.status != "running" for trial in trials)
        self._report(0.0)

    def on_line(self, line: str) -> None:
        """Add the epochs of the running trial to the progress, if trials run one after another."""
        values = parse(line)
        if "epochs" in values and "epoch" in values:
            self._report(min(values["epoch"] / values["epochs"], 1.0))

    def _report(self, current_trial: float) -> None:
        done = min(self._ended + current_trial, self._total)
        self._progress(done / self._total, f"trial {min(self._ended + 1, self._total)} of {self._total}")


def _parse_ranges(ranges: Mapping[str, RangeSettings]) -> dict[str, Range]:
    return {name: _parse_range(name, settings) for name, settings in ranges.items()}


def _parse_range(name: str, settings: RangeSettings) -> Range:
    if choices := settings.get("choices"):
        return Range(choices=tuple(str(choice) for choice in choices))
    try:
        low, high = float(settings["low"]), float(settings["high"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The range of {name} needs a lowest and a highest value, or choices.") from error
    logarithmic = bool(settings.get("logarithmic"))
    if not low < high or (logarithmic and low <= 0):
        raise UserError(f"The range of {name} must go from a lower to a higher value; above 0 if logarithmic.")
    return Range(low, high, bool(settings.get("whole")), logarithmic)


def _bounds(ranges: dict[str, Range]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the lowest values of all ranges, and the highest, as hyperparameters."""
    lowest, highest = {}, {}
    for name, limits in ranges.items():
        low_and_high = [str(round(limit) if limits.whole else limit) for limit in (limits.low, limits.high)]
        values = limits.choices or low_and_high
        lowest[name], highest[name] = values[0], values[-1]
    return lowest, highest
