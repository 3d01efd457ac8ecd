"""A search for hyperparameters: many trainings, the best of which becomes a model."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import asdict
from pathlib import Path

from backend import jobs
from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.jobs.results import ModelResult
from backend.jobs.watch import make_watch
from backend.platforms import registry
from backend.platforms.base import HyperparameterSearchSpec, Range, TrainingSpec, Trial
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import models
from backend.steps.training import WORK, check, data_channels, origin, suggest
from backend.workspace import Workspace
from backend.workspace.records import Job, check_name
from bytetrack.training.metric_definitions import parse

# What can be searched for, and what it is in people's words; all but the loss are to be as large as possible.
OBJECTIVES = {
    "best_AP": "AP on the validation split",
    "HOTA": "HOTA on the validation split",
    "IDF1": "IDF1 on the validation split",
    "total_loss": "the loss at the end",
}
WIDTH = 5.0  # a range that is suggested reaches from a fifth of the value to five times it
MAX_TRIALS = 500


def start(
    workspace: Workspace,
    *,
    name: str,
    dataset: str,
    ranges: dict[str, dict],
    objective: str = "best_AP",
    trials: int = 10,
    hyperparameters: dict[str, str] | None = None,
    base: str | None = None,
    options: dict | None = None,
) -> Job:
    """Start a search as a job.

    Args:
        name: of the search and the model that it makes.
        ranges: hyperparameter → `{"low": …, "high": …}` with `whole` and `logarithmic` if they are true, or
            `{"choices": […]}`.
        objective: a key of `OBJECTIVES`.
        hyperparameters: of those that are not searched; as `training.suggest` gives them where None.
        options: of the platform for tuning.

    Raises:
        UserError: naming what makes no sense; no job is started then.
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
    for limits in _ends({key: _range(key, each) for key, each in ranges.items()}):
        check(workspace, dataset, hyperparameters | limits, base)
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


def suggest_ranges(hyperparameters: dict[str, str]) -> dict[str, dict]:
    """What is worth searching around these values: the learning rate, augmentation, and the batch."""
    rate = float(hyperparameters["basic_lr_per_img"])
    batch = int(hyperparameters["batch_size"])
    return {
        "basic_lr_per_img": {"low": rate / WIDTH, "high": min(rate * WIDTH, 1.0), "logarithmic": True},
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
    ranges: dict[str, dict],
    objective: str,
    trials: int,
    hyperparameters: dict[str, str],
    base: str | None,
    options: dict,
    platform: str,
    checkpoints: str,
) -> ModelResult:
    """The job that `start` starts. One that is stopped keeps the best model that it has at hand.

    Returns:
        `{"model": id}`.

    Raises:
        UserError: with the last training's reason, if none worked.
    """
    data = check(workspace, dataset, hyperparameters, base)
    where = platform_of(workspace, platform)
    shown = _Trials(workspace, part(progress, *WORK), trials)
    stopped: Stopped | None = None
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "model"
        training = TrainingSpec(name, data_channels(workspace, data, base), hyperparameters, checkpoints, output)
        spec = HyperparameterSearchSpec(
            training=training,
            ranges={key: _range(key, each) for key, each in ranges.items()},
            objective=objective,
            maximize=objective != "total_loss",
            trials=trials,
            options=options,
        )
        try:
            where.hyperparameter_search.run(spec, make_watch(workspace, progress, shown.line, WORK), shown)
        except Stopped as error:
            if not output.is_dir():
                raise
            stopped = error
        model = models.store(workspace, output, name, "trained", **origin(workspace, where, data, base))
    if stopped:
        raise stopped
    return {"model": model.id}


class _Trials:
    """Keeps the trials in the job's facts, and makes progress of them."""

    def __init__(self, workspace: Workspace, progress: Progress, total: int) -> None:
        self._workspace, self._progress, self._total = workspace, progress, total
        self._ended = 0

    def __call__(self, trials: list[Trial]) -> None:
        jobs.note(self._workspace, trials=[asdict(trial) for trial in trials])
        self._ended = sum(trial.status != "running" for trial in trials)
        self._tell(0.0)

    def line(self, line: str) -> None:
        """What a trial prints, where trials run one after another: its epochs are parts of a trial."""
        found = parse(line)
        if "epochs" in found and "epoch" in found:
            self._tell(min(found["epoch"] / found["epochs"], 1.0))

    def _tell(self, part: float) -> None:
        done = min(self._ended + part, self._total)
        self._progress(done / self._total, f"trial {min(self._ended + 1, self._total)} of {self._total}")


def _range(name: str, limits: dict) -> Range:
    """What the page or a script says of one range.

    Raises:
        UserError: where it is none.
    """
    if choices := limits.get("choices"):
        return Range(choices=tuple(str(each) for each in choices))
    try:
        low, high = float(limits["low"]), float(limits["high"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The range of {name} needs a lowest and a highest value, or choices.") from error
    logarithmic = bool(limits.get("logarithmic"))
    if not low < high or (logarithmic and low <= 0):
        raise UserError(f"The range of {name} must go from a lower to a higher value; above 0 if logarithmic.")
    return Range(low, high, bool(limits.get("whole")), logarithmic)


def _ends(ranges: dict[str, Range]) -> list[dict[str, str]]:
    """The lowest and the highest values of all ranges, as hyperparameters."""
    ends: list[dict[str, str]] = [{}, {}]
    for name, limits in ranges.items():
        pair = limits.choices or [str(round(each) if limits.whole else each) for each in (limits.low, limits.high)]
        ends[0][name], ends[1][name] = pair[0], pair[-1]
    return ends
