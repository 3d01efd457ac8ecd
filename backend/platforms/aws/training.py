"""Training jobs: a dataset's channels go up, the job is followed, its model comes down."""

from __future__ import annotations

import time
from typing import Any

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import jobs, logs, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import TrainingChoices
from backend.platforms.aws.instances import has_own_disk
from backend.platforms.aws.models import fetch_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import TrainingSpec, Watch
from backend.progress import part
from bytetrack.training.metric_definitions import METRIC_DEFINITIONS

KIND = jobs.Kind(
    "training_job",
    "TrainingJobName",
    "TrainingJobStatus",
    logs.TRAINING,
    "jobs",
)
CHECKPOINTS = "/opt/ml/checkpoints"


def train(account: Account, spec: TrainingSpec, watch: Watch) -> None:
    """As `Platform.train` says. A training of the same checkpoints that still runs is followed to its end, one that was
    done meanwhile is fetched, and otherwise the next attempt is started."""
    bucket = Bucket(account)
    choices = options.parse(TrainingChoices, spec.options)
    name, description = _newest_attempt(account, spec)
    if description is None or description["TrainingJobStatus"] in ("Failed", "Stopped", "Stopping"):
        if description is not None:
            name = name_of(spec.name, spec.checkpoints, f"-{_attempt_of(name) + 1}")
        request = training_request(account, bucket, spec, choices, watch)
        jobs.create(
            account, KIND, name, HyperParameters=spec.hyperparameters, Tags=account.settings.tag_list, **request
        )
        watch.log(f"SageMaker has the training job {name}")
    else:
        watch.log(f"The training job {name} is there already; following it")
    ended = jobs.follow(account, KIND, name, watch, cost_of(account))
    if ended["TrainingJobStatus"] != "Completed":
        raise UserError(reason_of(ended, "TrainingJobStatus"))
    fetch_model(bucket, ended["ModelArtifacts"]["S3ModelArtifacts"], spec.output, part(watch.progress, 0.5, 1))


def training_request(
    account: Account, bucket: Bucket, spec: TrainingSpec, choices: TrainingChoices, watch: Watch
) -> dict[str, Any]:
    """All of a training job but its name and hyperparameters; its channels are uploaded on the way."""
    settings = account.settings
    channels = []
    share = 0.5 / len(spec.channels)
    for number, (channel, folder) in enumerate(spec.channels.items()):
        watch.log(f"uploading the channel {channel}")
        progress = part(watch.progress, share * number, share * (number + 1))
        uri = bucket.put_contents(folder, "datasets" if channel != "model" else "models", progress)
        channels.append(_channel(channel, uri))
    seconds = int(choices.max_hours * 3600)
    request: dict[str, Any] = {
        "AlgorithmSpecification": {
            "TrainingImage": settings.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRIC_DEFINITIONS,
        },
        "RoleArn": settings.role,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": bucket.uri("training"), **account.kms("KmsKeyId")},
        "ResourceConfig": _resources(account, choices),
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        "CheckpointConfig": {"S3Uri": bucket.uri(f"checkpoints/{spec.checkpoints}"), "LocalPath": CHECKPOINTS},
        "EnableNetworkIsolation": settings.network_isolation,
        **account.vpc,
    }
    if choices.spot:
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = 2 * seconds
    return request


def resumable(account: Account, checkpoints: str) -> bool:
    """Whether checkpoints lie in the bucket, or a job that was not waited for goes on or is done: the training itself,
    or one of those of a search."""
    return bool(Bucket(account).sizes(Bucket(account).uri(f"checkpoints/{checkpoints}/"))) or any(
        each["TrainingJobStatus"] in ("InProgress", "Completed") for each in _attempts(account, checkpoints)
    )


def forget(account: Account, checkpoints: str) -> None:
    bucket = Bucket(account)
    bucket.remove(bucket.uri(f"checkpoints/{checkpoints}/"))


def cost_of(account: Account) -> jobs.Cost:
    """Billable seconds and dollars of a training job; until it ends, from its start to now."""

    def cost(found: dict[str, Any]) -> tuple[float, float]:
        resources = found["ResourceConfig"]
        if "BillableTimeInSeconds" in found:
            seconds = float(found["BillableTimeInSeconds"])
        else:
            began = found.get("TrainingStartTime")
            seconds = time.time() - began.timestamp() if began else 0.0
        price = prices.per_hour(account, resources["InstanceType"], "training")
        return seconds, seconds / 3600 * resources["InstanceCount"] * (price.per_hour if price else 0.0)

    return cost


def reason_of(ended: dict[str, Any], status: str) -> str:
    """Why a job did not complete, in the container's own words where it left some."""
    reason = ended.get("ExitMessage") or ended.get("FailureReason") or ""
    reason = reason.removeprefix("AlgorithmError: ").partition(", exit code:")[0].strip()
    if not reason and ended.get("SecondaryStatus") == "MaxRuntimeExceeded":
        reason = "It reached its time limit. Start it again with a longer one; a training goes on from its checkpoint."
    if not reason and ended[status] == "Stopped":
        reason = "Somebody stopped it on AWS. It can be resumed."
    return reason or f"SageMaker says only “{ended[status]}”. Its log may say more."


def _resources(account: Account, choices: TrainingChoices) -> dict[str, Any]:
    warm = {"KeepAlivePeriodInSeconds": choices.keep_alive_minutes * 60} if choices.keep_alive_minutes else {}
    return {
        "InstanceType": choices.instance_type,
        "InstanceCount": choices.count,
        "VolumeSizeInGB": choices.volume_gb,
        **({} if has_own_disk(choices.instance_type) else account.kms("VolumeKmsKeyId")),
        **warm,
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _newest_attempt(account: Account, spec: TrainingSpec) -> tuple[str, dict[str, Any] | None]:
    attempts = _attempts(account, spec.checkpoints)
    if not attempts:
        return name_of(spec.name, spec.checkpoints, "-1"), None
    newest = max(attempts, key=lambda each: _attempt_of(each["TrainingJobName"]))
    return newest["TrainingJobName"], newest


def _attempts(account: Account, checkpoints: str) -> list[dict[str, Any]]:
    """Summaries of the jobs that were started with these checkpoints."""
    return list(account.pages("sagemaker", "list_training_jobs", "TrainingJobSummaries", NameContains=checkpoints))


def _attempt_of(name: str) -> int:
    """Which attempt a job was; 0 where it is one of a search, or somebody's copy."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
