"""A hyperparameter search on this machine: trainings one after another, each proposed from the results so far."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.base import (
    HyperparameterSearchService,
    HyperparameterSearchSpec,
    Range,
    TrainingService,
    Trial,
    Watch,
)
from bytetrack.training.metric_definitions import parse

if TYPE_CHECKING:
    import optuna


class LocalHyperparameterSearch(HyperparameterSearchService):
    """Implements `backend.platforms.base.HyperparameterSearchService`.

    Hyperparameters are proposed by TPE (Bergstra et al., 2011, "Algorithms for Hyper-Parameter Optimization"). A trial
    that fails is reported and skipped; the search fails only if all trials fail.
    """

    def __init__(self, training: TrainingService) -> None:
        self._training = training

    @override
    def run(self, spec: HyperparameterSearchSpec, watch: Watch, on_trials: Callable[[list[Trial]], None]) -> Trial:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            direction="maximize" if spec.maximize else "minimize", sampler=optuna.samplers.TPESampler(seed=0)
        )
        trials: list[Trial] = []
        reason = ""
        for number in range(spec.trials):
            proposal = study.ask()
            values = {name: _suggest(proposal, name, limits) for name, limits in spec.ranges.items()}
            trial = Trial(f"{spec.training.name} {number + 1}", values, "running")
            on_trials([*trials, trial])
            watch.log(
                f"trial {number + 1} of {spec.trials}: " + ", ".join(f"{key}={value}" for key, value in values.items())
            )
            started = time.monotonic()
            try:
                objective = self._train(spec, number, values, watch, best=_best_value(study))
            except UserError as error:
                reason = str(error)
                study.tell(proposal, state=optuna.trial.TrialState.FAIL)
                trial = replace(trial, status="failed", seconds=time.monotonic() - started)
            except Stopped:
                on_trials([*trials, replace(trial, status="stopped", seconds=time.monotonic() - started)])
                raise
            else:
                study.tell(proposal, objective)
                trial = replace(trial, status="done", value=objective, seconds=time.monotonic() - started)
            trials.append(trial)
            on_trials(trials)
        if _best_value(study) is None:
            raise UserError(f"All trainings failed. The last one reported: {reason}")
        return trials[study.best_trial.number]

    def _train(
        self, spec: HyperparameterSearchSpec, number: int, values: dict[str, str], watch: Watch, best: float | None
    ) -> float:
        """Run one training and return its objective. If it is the best so far, its model replaces the output."""
        objectives: list[float] = []

        def log(line: str) -> None:
            watch.log(line)
            objectives.extend(value for name, value in parse(line).items() if name == spec.objective)

        checkpoints = f"{spec.training.checkpoints}-{number + 1}"
        with tempfile.TemporaryDirectory() as temporary:
            training = replace(
                spec.training,
                hyperparameters={**spec.training.hyperparameters, **values},
                checkpoints=checkpoints,
                output=Path(temporary),
            )
            try:
                self._training.run(training, replace(watch, log=log))
            finally:
                self._training.delete_checkpoints(checkpoints)
            if not objectives:
                raise UserError(
                    f"The training printed no {spec.objective}. Choose another objective, or add a clip to val."
                )
            objective = objectives[-1]
            if best is None or (objective > best if spec.maximize else objective < best):
                spec.training.output.mkdir(parents=True, exist_ok=True)
                for file in Path(temporary).iterdir():
                    shutil.move(file, spec.training.output / file.name)
        return objective


def _best_value(study: optuna.Study) -> float | None:
    """Return the best objective, or None if no trial has succeeded, where `best_value` itself would raise."""
    if all(trial.value is None for trial in study.trials):
        return None
    return study.best_value


def _suggest(proposal: optuna.Trial, name: str, limits: Range) -> str:
    if limits.choices:
        return proposal.suggest_categorical(name, limits.choices)
    if limits.whole:
        return str(proposal.suggest_int(name, int(limits.low), int(limits.high), log=limits.logarithmic))
    return f"{proposal.suggest_float(name, limits.low, limits.high, log=limits.logarithmic):.6g}"
