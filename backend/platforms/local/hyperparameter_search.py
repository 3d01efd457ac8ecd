"""A search for hyperparameters on this machine: trainings one after another, each chosen by what the last ones gave."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.base import HyperparameterSearchSpec, Range, TrainingSpec, Trial, Watch
from bytetrack.training.metric_definitions import parse

if TYPE_CHECKING:
    import optuna


class Trains(Protocol):
    def train(self, spec: TrainingSpec, watch: Watch) -> None: ...

    def forget(self, checkpoints: str) -> None: ...


def search(
    platform: Trains, spec: HyperparameterSearchSpec, watch: Watch, tell: Callable[[list[Trial]], None]
) -> Trial:
    """As `Platform.search_hyperparameters` says; hyperparameters are chosen by TPE (Bergstra et al. 2011).

    A trial that fails is told and left behind; the search fails only if none works.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize" if spec.maximize else "minimize", sampler=optuna.samplers.TPESampler(seed=0)
    )
    trials: list[Trial] = []
    reason = ""
    for number in range(spec.trials):
        asked = study.ask()
        values = {name: _suggest(asked, name, limits) for name, limits in spec.ranges.items()}
        trial = Trial(f"{spec.training.name} {number + 1}", values, "running")
        tell([*trials, trial])
        watch.log(
            f"trial {number + 1} of {spec.trials}: " + ", ".join(f"{key}={value}" for key, value in values.items())
        )
        started = time.monotonic()
        try:
            value = _train(platform, spec, number, values, watch, best=_best_value(study))
        except UserError as error:
            reason = str(error)
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
            trial = replace(trial, status="failed", seconds=time.monotonic() - started)
        except Stopped:
            tell([*trials, replace(trial, status="stopped", seconds=time.monotonic() - started)])
            raise
        else:
            study.tell(asked, value)
            trial = replace(trial, status="done", value=value, seconds=time.monotonic() - started)
        trials.append(trial)
        tell(trials)
    if _best_value(study) is None:
        raise UserError(f"No training worked. The last one said: {reason}")
    return trials[study.best_trial.number]


def _train(
    platform: Trains,
    spec: HyperparameterSearchSpec,
    number: int,
    values: dict[str, str],
    watch: Watch,
    best: float | None,
) -> float:
    """One training; its artifact goes to the output if it is the best so far."""
    found: list[float] = []

    def log(line: str) -> None:
        watch.log(line)
        found.extend(value for name, value in parse(line).items() if name == spec.objective)

    checkpoints = f"{spec.training.checkpoints}-{number + 1}"
    with tempfile.TemporaryDirectory() as temporary:
        training = replace(
            spec.training,
            hyperparameters={**spec.training.hyperparameters, **values},
            checkpoints=checkpoints,
            output=Path(temporary),
        )
        try:
            platform.train(training, replace(watch, log=log))
        finally:
            platform.forget(checkpoints)
        if not found:
            raise UserError(
                f"The training printed no {spec.objective}. Choose another objective, or add a clip to val."
            )
        value = found[-1]
        if best is None or (value > best if spec.maximize else value < best):
            spec.training.output.mkdir(parents=True, exist_ok=True)
            for file in Path(temporary).iterdir():
                shutil.move(file, spec.training.output / file.name)
    return value


def _best_value(study: optuna.Study) -> float | None:
    values = [trial.value for trial in study.trials if trial.value is not None]
    if not values:
        return None
    return study.best_value


def _suggest(trial: optuna.Trial, name: str, limits: Range) -> str:
    if limits.choices:
        return trial.suggest_categorical(name, limits.choices)
    if limits.whole:
        return str(trial.suggest_int(name, int(limits.low), int(limits.high), log=limits.logarithmic))
    return f"{trial.suggest_float(name, limits.low, limits.high, log=limits.logarithmic):.6g}"
