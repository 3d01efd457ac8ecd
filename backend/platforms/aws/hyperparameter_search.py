"""Tuning jobs: SageMaker chooses hyperparameters and runs the trainings; the best one's model comes down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms import options
from backend.platforms.aws import jobs, logs, prices, training
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import HyperparameterSearchChoices
from backend.platforms.aws.models import fetch_model
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import HyperparameterSearchSpec, JobState, Range, Trial, Watch

KIND = jobs.Kind(
    "hyper_parameter_tuning_job",
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobStatus",
    logs.TRAINING,
    "hyper-tuning-jobs",
)
STATES = {"Completed": "done", "Failed": "failed", "Stopped": "stopped", "Stopping": "stopped"}


def search(
    account: Account, spec: HyperparameterSearchSpec, watch: Watch, tell: Callable[[list[Trial]], None]
) -> Trial:
    """As `Platform.search_hyperparameters` says. A search of the same name is followed or fetched if there is one."""
    bucket = Bucket(account)
    name = f"bts-{spec.training.checkpoints}"[:32]  # SageMaker's limit for tuning jobs
    if account.find("sagemaker", f"describe_{KIND.noun}", **{KIND.key: name}) is None:
        request = _request(account, bucket, spec, watch)
        jobs.create(account, KIND, name, Tags=account.settings.tag_list, **request)
        watch.log(f"SageMaker has the tuning job {name}")
    try:
        ended = _until_ended(account, name, watch, tell)
    except Stopped:
        jobs.stop(account, KIND, name)
        watch.log(f"SageMaker was asked to stop {name}")
        with suppress(UserError):  # the best until now, if there is one
            _fetch_best(account, bucket, jobs.describe(account, KIND, name), spec)
        raise
    trials = trials_of(account, name)
    tell(trials)
    best = _fetch_best(account, bucket, ended, spec)
    if not best:
        raise UserError(_reason(account, ended, trials))
    return next(trial for trial in trials if trial.name == best)


def trials_of(account: Account, name: str) -> list[Trial]:
    """All trials so far, the first one first."""
    found = account.pages(
        "sagemaker",
        "list_training_jobs_for_hyper_parameter_tuning_job",
        "TrainingJobSummaries",
        HyperParameterTuningJobName=name,
    )
    return [_trial(each) for each in sorted(found, key=lambda each: (each["CreationTime"], each["TrainingJobName"]))]


def _fetch_best(account: Account, bucket: Bucket, found: dict[str, Any], spec: HyperparameterSearchSpec) -> str:
    """Download the model of the best training that a search's description names; its name, empty where none worked."""
    best = found.get("BestTrainingJob", {}).get("TrainingJobName", "")
    if best:
        description = jobs.describe(account, training.KIND, best)
        fetch_model(bucket, description["ModelArtifacts"]["S3ModelArtifacts"], spec.training.output)
    return best


def _until_ended(account: Account, name: str, watch: Watch, tell: Callable[[list[Trial]], None]) -> dict[str, Any]:
    told: list[Trial] = []
    for wait in jobs.waits():
        found = jobs.describe(account, KIND, name)
        trials = trials_of(account, name)
        status = found[KIND.status]
        seconds, cost = _cost(account, found, trials)
        watch.state(JobState(status, name, jobs.link(account, KIND, name), seconds, cost))
        if trials != told:
            for trial in trials:
                if trial not in told and trial.status != "running":
                    watch.log(f"{trial.name}: {trial.status}, {trial.value} with {trial.hyperparameters}")
            tell(trials)
            told = trials
        if status in jobs.ENDED:
            return found
        time.sleep(wait)
    raise AssertionError("waits never end")


def _request(account: Account, bucket: Bucket, spec: HyperparameterSearchSpec, watch: Watch) -> dict[str, Any]:
    choices = options.parse(HyperparameterSearchChoices, spec.options)
    fixed = {key: value for key, value in spec.training.hyperparameters.items() if key not in spec.ranges}
    definition = training.training_request(account, bucket, spec.training, choices, watch)
    del definition["CheckpointConfig"]  # all trials would share it, and go on from each other's checkpoints
    objective = {"Type": "Maximize" if spec.maximize else "Minimize", "MetricName": spec.objective}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": choices.strategy,
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": spec.trials,
                "MaxParallelTrainingJobs": min(choices.parallel, spec.trials),
            },
            "ParameterRanges": _ranges(spec.ranges),
        },
        "TrainingJobDefinition": {"StaticHyperParameters": fixed, **definition},
    }


def _ranges(ranges: dict[str, Range]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [], "ContinuousParameterRanges": [], "CategoricalParameterRanges": [],
    }  # fmt: skip
    for name, limits in ranges.items():
        if limits.choices:
            found["CategoricalParameterRanges"].append({"Name": name, "Values": list(limits.choices)})
            continue
        low, high = (str(int(each)) if limits.whole else f"{each:.8g}" for each in (limits.low, limits.high))
        scale = "Logarithmic" if limits.logarithmic else "Linear"
        kind = "IntegerParameterRanges" if limits.whole else "ContinuousParameterRanges"
        found[kind].append({"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale})
    return {kind: each for kind, each in found.items() if each}


def _trial(found: dict[str, Any]) -> Trial:
    began, ended = found.get("TrainingStartTime"), found.get("TrainingEndTime")
    metric = found.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    return Trial(
        name=found["TrainingJobName"],
        hyperparameters=dict(found["TunedHyperParameters"]),
        status=STATES.get(found["TrainingJobStatus"], "running"),
        value=metric.get("Value"),
        seconds=(ended.timestamp() if ended else time.time()) - began.timestamp() if began else 0.0,
    )


def _cost(account: Account, found: dict[str, Any], trials: list[Trial]) -> tuple[float, float]:
    resources = found["TrainingJobDefinition"]["ResourceConfig"]
    price = prices.per_hour(account, resources["InstanceType"], "training")
    seconds = sum(trial.seconds for trial in trials)
    return seconds, seconds / 3600 * resources["InstanceCount"] * (price.per_hour if price else 0.0)


def _reason(account: Account, ended: dict[str, Any], trials: list[Trial]) -> str:
    failed = [trial for trial in trials if trial.status == "failed"]
    if failed:
        reason = training.reason_of(jobs.describe(account, training.KIND, failed[-1].name), "TrainingJobStatus")
        return f"No training worked. The last one said: {reason}"
    return training.reason_of(ended, KIND.status)
