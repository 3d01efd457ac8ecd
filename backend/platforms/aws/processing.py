"""Batch jobs as processing jobs on SageMaker: upload videos and model, follow the job, download the tracks."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import jobs, logs
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import BatchChoices
from backend.platforms.aws.instances import has_own_disk
from backend.platforms.aws.models import put_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket, safe_name
from backend.platforms.base import BatchService, ProcessingSpec, Watch
from backend.progress import part

KIND = jobs.JobKind(
    noun="processing_job",
    name_key="ProcessingJobName",
    status_key="ProcessingJobStatus",
    log_group=logs.PROCESSING_GROUP,
    page="processing-jobs",
)
BASE_FOLDER = "/opt/ml/processing"


class SageMakerProcessing(BatchService):
    """Implements `backend.platforms.base.BatchService`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def run(self, spec: ProcessingSpec, watch: Watch) -> None:
        """Follow a job for the same request that still runs, as after a lost network, or else start one."""
        account = self._account
        account.require_setup()
        bucket = Bucket(account)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for video in sorted(path for path in spec.videos.rglob("*") if path.is_file()):
                (folder / safe_name(video.relative_to(spec.videos).as_posix())).symlink_to(video.resolve())
            videos = bucket.put_contents(folder, "videos", part(watch.progress, 0, 0.5))
        request = _request(account, spec, videos, put_model(bucket, spec.model))
        token = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
        name = _running_job(account, token)
        if name:
            watch.log(f"following the processing job {name}, which already runs")
        else:
            name = name_of(spec.name, token, f"-{secrets.token_hex(2)}")
            request |= _output_config(account, bucket, name)
            jobs.create(account, KIND, name, Tags=account.settings.tag_list, **request)
            watch.log(f"started the processing job {name} on SageMaker")
        ended = jobs.follow(account, KIND, name, watch, lambda description: _cost(account, description))
        if ended["ProcessingJobStatus"] != "Completed":
            raise UserError(jobs.failure_reason(ended, KIND.status_key))
        with tempfile.TemporaryDirectory() as temporary:
            bucket.get_folder(f"{bucket.uri(_output_prefix(name))}/", Path(temporary), part(watch.progress, 0.5, 1))
            spec.output.mkdir(parents=True, exist_ok=True)
            for path in Path(temporary).iterdir():
                shutil.move(path, spec.output / path.name)


def _request(account: Account, spec: ProcessingSpec, videos: str, model: str) -> dict[str, Any]:
    """Return the request for a processing job, without its name, tags and output."""
    settings, choices = account.settings, options.parse(BatchChoices, spec.options)
    return {
        "AppSpecification": {
            "ImageUri": settings.image,
            "ContainerEntrypoint": ["process"],
            **({"ContainerArguments": spec.arguments} if spec.arguments else {}),
        },
        "RoleArn": settings.role,
        "ProcessingInputs": [
            _input("videos", videos, "ShardedByS3Key"),
            _input("model", model, "FullyReplicated"),
        ],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": choices.instance_type,
                "InstanceCount": choices.count,
                "VolumeSizeInGB": choices.volume_gb,
                **({} if has_own_disk(choices.instance_type) else account.kms("VolumeKmsKeyId")),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": int(choices.max_hours * 3600)},
        "NetworkConfig": {"EnableNetworkIsolation": settings.network_isolation, **account.vpc},
    }


def _output_config(account: Account, bucket: Bucket, name: str) -> dict[str, Any]:
    target = {
        "S3Uri": bucket.uri(_output_prefix(name)),
        "LocalPath": f"{BASE_FOLDER}/output",
        "S3UploadMode": "EndOfJob",
    }
    outputs = [{"OutputName": "tracks", "S3Output": target}]
    return {"ProcessingOutputConfig": {"Outputs": outputs, **account.kms("KmsKeyId")}}


def _output_prefix(name: str) -> str:
    return f"batch/{name}"


def _running_job(account: Account, token: str) -> str:
    """Return the name of a running job that contains the token, or "" if there is none."""
    summaries = account.pages(
        "sagemaker", "list_processing_jobs", "ProcessingJobSummaries", NameContains=token, StatusEquals="InProgress"
    )
    return next((summary["ProcessingJobName"] for summary in summaries), "")


def _input(name: str, uri: str, distribution: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": f"{BASE_FOLDER}/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": distribution,
    }
    return {"InputName": name, "S3Input": source}


def _cost(account: Account, description: jobs.Description) -> tuple[float, float]:
    """Return the seconds from the job's start to its end or until now, and their cost in US dollars."""
    started, ended = description.get("ProcessingStartTime"), description.get("ProcessingEndTime")
    seconds = ((ended.timestamp() if ended else time.time()) - started.timestamp()) if started else 0.0
    cluster = description["ProcessingResources"]["ClusterConfig"]
    return seconds, jobs.instances_cost(account, cluster, "processing", seconds)
