"""Hyperparameter searches as tuning jobs: SageMaker proposes hyperparameters and runs one training job per trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms import options
from backend.platforms.aws import jobs, logs, training
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import HyperparameterSearchChoices
from backend.platforms.aws.models import fetch_model
from backend.platforms.aws.naming import PREFIX
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import (
    HyperparameterSearchService,
    HyperparameterSearchSpec,
    JobState,
    Range,
    Trial,
    TrialStatus,
    Watch,
)

KIND = jobs.JobKind(
    noun="hyper_parameter_tuning_job",
    name_key="HyperParameterTuningJobName",
    status_key="HyperParameterTuningJobStatus",
    log_group=logs.TRAINING_GROUP,
    page="hyper-tuning-jobs",
)
MAX_NAME_LENGTH = 32  # SageMaker's limit for tuning jobs
TRIAL_STATUSES: dict[str, TrialStatus] = {  # all other statuses mean that the trial runs
    "Completed": "done",
    "Failed": "failed",
    "Stopped": "stopped",
    "Stopping": "stopped",
}


class SageMakerHyperparameterSearch(HyperparameterSearchService):
    """Implements `backend.platforms.base.HyperparameterSearchService`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def run(self, spec: HyperparameterSearchSpec, watch: Watch, on_trials: Callable[[list[Trial]], None]) -> Trial:
        """Follow a search of the same name if it still runs, fetch its model if it is done, or else start it."""
        account = self._account
        account.require_setup()
        bucket = Bucket(account)
        name = f"{PREFIX}-{spec.training.checkpoints}"[:MAX_NAME_LENGTH]
        if account.find("sagemaker", f"describe_{KIND.noun}", **{KIND.name_key: name}) is None:
            request = _request(account, bucket, spec, watch)
            jobs.create(account, KIND, name, Tags=account.settings.tag_list, **request)
            watch.log(f"started the tuning job {name} on SageMaker")
        try:
            ended = _wait_until_ended(account, name, watch, on_trials)
        except Stopped:
            jobs.stop(account, KIND, name)
            watch.log(f"asked SageMaker to stop {name}")
            with suppress(UserError):  # there may be no best model so far
                _fetch_best(account, bucket, jobs.describe(account, KIND, name), spec)
            raise
        trials = trials_of(account, name)
        on_trials(trials)
        best = _fetch_best(account, bucket, ended, spec)
        if not best:
            raise UserError(_failure_reason(account, ended, trials))
        return next(trial for trial in trials if trial.name == best)


def trials_of(account: Account, name: str) -> list[Trial]:
    """Return all trials of a tuning job so far, the first one first."""
    summaries = account.pages(
        "sagemaker",
        "list_training_jobs_for_hyper_parameter_tuning_job",
        "TrainingJobSummaries",
        HyperParameterTuningJobName=name,
    )
    by_age = sorted(summaries, key=lambda summary: (summary["CreationTime"], summary["TrainingJobName"]))
    return [_trial(summary) for summary in by_age]


def _fetch_best(account: Account, bucket: Bucket, search: jobs.Description, spec: HyperparameterSearchSpec) -> str:
    """Download the best trial's model and return the trial's name, or "" if no trial has succeeded."""
    best: str = search.get("BestTrainingJob", {}).get("TrainingJobName", "")
    if best:
        description = jobs.describe(account, training.KIND, best)
        fetch_model(bucket, description["ModelArtifacts"]["S3ModelArtifacts"], spec.training.output)
    return best


def _wait_until_ended(
    account: Account, name: str, watch: Watch, on_trials: Callable[[list[Trial]], None]
) -> jobs.Description:
    reported: list[Trial] = []
    for interval in jobs.wait_intervals():
        search = jobs.describe(account, KIND, name)
        trials = trials_of(account, name)
        status = search[KIND.status_key]
        seconds, dollars = _cost(account, search, trials)
        watch.state(JobState(status, name, jobs.link(account, KIND, name), seconds, dollars))
        if trials != reported:
            for trial in trials:
                if trial not in reported and trial.status != "running":
                    watch.log(f"{trial.name}: {trial.status}, {trial.value} with {trial.hyperparameters}")
            on_trials(trials)
            reported = trials
        if status in jobs.ENDED:
            return search
        time.sleep(interval)
    raise AssertionError("wait_intervals never ends")


def _request(account: Account, bucket: Bucket, spec: HyperparameterSearchSpec, watch: Watch) -> dict[str, Any]:
    choices = options.parse(HyperparameterSearchChoices, spec.options)
    fixed = {key: value for key, value in spec.training.hyperparameters.items() if key not in spec.ranges}
    definition = training.training_request(account, bucket, spec.training, choices, watch)
    del definition["CheckpointConfig"]  # all trials would share it, and resume from each other's checkpoints
    objective = {"Type": "Maximize" if spec.maximize else "Minimize", "MetricName": spec.objective}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": choices.strategy,
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": spec.trials,
                "MaxParallelTrainingJobs": min(choices.parallel, spec.trials),
            },
            "ParameterRanges": _parameter_ranges(spec.ranges),
        },
        "TrainingJobDefinition": {"StaticHyperParameters": fixed, **definition},
    }


def _parameter_ranges(ranges: dict[str, Range]) -> dict[str, list[dict[str, Any]]]:
    """Return the search space by SageMaker's kinds of ranges, without those that are empty."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for name, limits in ranges.items():
        if limits.choices:
            kind, parameter = "CategoricalParameterRanges", {"Name": name, "Values": list(limits.choices)}
        else:
            kind = "IntegerParameterRanges" if limits.whole else "ContinuousParameterRanges"
            parameter = {
                "Name": name,
                "MinValue": _format_limit(limits.low, limits.whole),
                "MaxValue": _format_limit(limits.high, limits.whole),
                "ScalingType": "Logarithmic" if limits.logarithmic else "Linear",
            }
        by_kind.setdefault(kind, []).append(parameter)
    return by_kind


def _format_limit(value: float, whole: bool) -> str:
    return str(int(value)) if whole else f"{value:.8g}"


def _trial(summary: dict[str, Any]) -> Trial:
    started, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    return Trial(
        name=summary["TrainingJobName"],
        hyperparameters=dict(summary["TunedHyperParameters"]),
        status=TRIAL_STATUSES.get(summary["TrainingJobStatus"], "running"),
        value=metric.get("Value"),
        seconds=(ended.timestamp() if ended else time.time()) - started.timestamp() if started else 0.0,
    )


def _cost(account: Account, search: jobs.Description, trials: list[Trial]) -> tuple[float, float]:
    """Return the seconds of all trials so far, and their cost in US dollars."""
    seconds = sum(trial.seconds for trial in trials)
    resources = search["TrainingJobDefinition"]["ResourceConfig"]
    return seconds, jobs.instances_cost(account, resources, "training", seconds)


def _failure_reason(account: Account, search: jobs.Description, trials: list[Trial]) -> str:
    failed = [trial for trial in trials if trial.status == "failed"]
    if failed:
        reason = jobs.failure_reason(jobs.describe(account, training.KIND, failed[-1].name), training.KIND.status_key)
        return f"All trainings failed. The last one reported: {reason}"
    return jobs.failure_reason(search, KIND.status_key)
