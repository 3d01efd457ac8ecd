"""Training jobs on SageMaker: upload the dataset's channels, follow the job, download its model."""

from __future__ import annotations

import time
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import image, jobs, logs
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import TrainingChoices
from backend.platforms.aws.instances import has_own_disk
from backend.platforms.aws.models import fetch_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import TrainingService, TrainingSpec, Watch
from backend.progress import part
from bytetrack.training.metric_definitions import METRIC_DEFINITIONS

KIND = jobs.JobKind(
    noun="training_job",
    name_key="TrainingJobName",
    status_key="TrainingJobStatus",
    log_group=logs.TRAINING_GROUP,
    page="jobs",
)
CHECKPOINTS_FOLDER = "/opt/ml/checkpoints"


class SageMakerTraining(TrainingService):
    """Implements `backend.platforms.base.TrainingService`.

    Each attempt at a training is a job of its own, whose name contains the name of the checkpoints.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def code_version(self) -> str:
        self._account.require_setup()
        return image.chosen_with_digest(self._account)

    @override
    def run(self, spec: TrainingSpec, watch: Watch) -> None:
        """Follow the newest attempt if it still runs, fetch its model if it is done, or else start the next attempt."""
        account = self._account
        account.require_setup()
        bucket = Bucket(account)
        choices = options.parse(TrainingChoices, spec.options)
        name, description = _newest_attempt(account, spec)
        if description is None or description["TrainingJobStatus"] in ("Failed", "Stopped", "Stopping"):
            if description is not None:
                name = name_of(spec.name, spec.checkpoints, f"-{_attempt_number(name) + 1}")
            request = training_request(account, bucket, spec, choices, watch)
            tags = account.settings.tag_list
            jobs.create(account, KIND, name, HyperParameters=spec.hyperparameters, Tags=tags, **request)
            watch.log(f"started the training job {name} on SageMaker")
        else:
            watch.log(f"following the training job {name}, which already exists")
        ended = jobs.follow(account, KIND, name, watch, lambda description: _cost(account, description))
        if ended["TrainingJobStatus"] != "Completed":
            raise UserError(jobs.failure_reason(ended, KIND.status_key))
        fetch_model(bucket, ended["ModelArtifacts"]["S3ModelArtifacts"], spec.output, part(watch.progress, 0.5, 1))

    @override
    def can_resume(self, checkpoints: str) -> bool:
        """Return whether there are checkpoints in the bucket, or a job that runs or is done.

        That may be an attempt at the training itself, or a trial of a hyperparameter search.
        """
        if Bucket(self._account).sizes(self._checkpoints_uri(checkpoints)):
            return True
        attempts = _attempts(self._account, checkpoints)
        return any(attempt["TrainingJobStatus"] in ("InProgress", "Completed") for attempt in attempts)

    @override
    def delete_checkpoints(self, checkpoints: str) -> None:
        Bucket(self._account).remove(self._checkpoints_uri(checkpoints))

    def _checkpoints_uri(self, checkpoints: str) -> str:
        return Bucket(self._account).uri(f"checkpoints/{checkpoints}/")


def training_request(
    account: Account, bucket: Bucket, spec: TrainingSpec, choices: TrainingChoices, watch: Watch
) -> dict[str, Any]:
    """Upload the channels and return the request for a training job, without its name and hyperparameters."""
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
        "CheckpointConfig": {"S3Uri": bucket.uri(f"checkpoints/{spec.checkpoints}"), "LocalPath": CHECKPOINTS_FOLDER},
        "EnableNetworkIsolation": settings.network_isolation,
        **account.vpc,
    }
    if choices.spot:
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = 2 * seconds
    return request


def _cost(account: Account, description: jobs.Description) -> tuple[float, float]:
    """Return the billable seconds, which SageMaker reports only at the end, or those since the start; and dollars."""
    if "BillableTimeInSeconds" in description:
        seconds = float(description["BillableTimeInSeconds"])
    else:
        started = description.get("TrainingStartTime")
        seconds = time.time() - started.timestamp() if started else 0.0
    return seconds, jobs.instances_cost(account, description["ResourceConfig"], "training", seconds)


def _resources(account: Account, choices: TrainingChoices) -> dict[str, Any]:
    warm_pool = {"KeepAlivePeriodInSeconds": choices.keep_alive_minutes * 60} if choices.keep_alive_minutes else {}
    return {
        "InstanceType": choices.instance_type,
        "InstanceCount": choices.count,
        "VolumeSizeInGB": choices.volume_gb,
        **({} if has_own_disk(choices.instance_type) else account.kms("VolumeKmsKeyId")),
        **warm_pool,
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _newest_attempt(account: Account, spec: TrainingSpec) -> tuple[str, dict[str, Any] | None]:
    """Return the name and summary of the newest attempt, or the name of the first one and None."""
    attempts = _attempts(account, spec.checkpoints)
    if not attempts:
        return name_of(spec.name, spec.checkpoints, "-1"), None
    newest = max(attempts, key=lambda attempt: _attempt_number(attempt["TrainingJobName"]))
    return newest["TrainingJobName"], newest


def _attempts(account: Account, checkpoints: str) -> list[dict[str, Any]]:
    """Return summaries of the jobs that were started with these checkpoints."""
    return list(account.pages("sagemaker", "list_training_jobs", "TrainingJobSummaries", NameContains=checkpoints))


def _attempt_number(name: str) -> int:
    """Return the attempt's number from the job's name; 0 for a trial of a search or a copy made by the user."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
