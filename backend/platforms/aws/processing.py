"""Batch jobs: videos and model go up, a processing job tracks them, its tracks come down."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import jobs, logs, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import BatchChoices
from backend.platforms.aws.instances import has_own_disk
from backend.platforms.aws.models import put_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket, safe_name
from backend.platforms.aws.training import reason_of
from backend.platforms.base import ProcessingSpec, Watch
from backend.progress import part

KIND = jobs.Kind(
    "processing_job",
    "ProcessingJobName",
    "ProcessingJobStatus",
    logs.PROCESSING,
    "processing-jobs",
)
FOLDER = "/opt/ml/processing"


def process(account: Account, spec: ProcessingSpec, watch: Watch) -> None:
    """As `Platform.process` says. A job for the same that still runs, as after a failed network, is followed."""
    bucket = Bucket(account)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for video in sorted(path for path in spec.videos.rglob("*") if path.is_file()):
            (folder / safe_name(video.relative_to(spec.videos).as_posix())).symlink_to(video.resolve())
        videos = bucket.put_contents(folder, "videos", part(watch.progress, 0, 0.5))
    request = _request(account, spec, videos, put_model(bucket, spec.model))
    token = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
    name = _running(account, token)
    if name:
        watch.log(f"The processing job {name} is at it already; following it")
    else:
        name = name_of(spec.name, token, f"-{secrets.token_hex(2)}")
        jobs.create(account, KIND, name, Tags=account.settings.tag_list, **request | _output(account, bucket, name))
        watch.log(f"SageMaker has the processing job {name}")
    ended = jobs.follow(account, KIND, name, watch, _cost_of(account))
    if ended["ProcessingJobStatus"] != "Completed":
        raise UserError(reason_of(ended, "ProcessingJobStatus"))
    with tempfile.TemporaryDirectory() as temporary:
        bucket.get_folder(f"{bucket.uri(_folder(name))}/", Path(temporary), part(watch.progress, 0.5, 1))
        spec.output.mkdir(parents=True, exist_ok=True)
        for path in Path(temporary).iterdir():
            shutil.move(path, spec.output / path.name)


def _request(account: Account, spec: ProcessingSpec, videos: str, model: str) -> dict[str, Any]:
    """All of a processing job but its name, tags and output."""
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


def _output(account: Account, bucket: Bucket, name: str) -> dict[str, Any]:
    place = {"S3Uri": bucket.uri(_folder(name)), "LocalPath": f"{FOLDER}/output", "S3UploadMode": "EndOfJob"}
    outputs = [{"OutputName": "tracks", "S3Output": place}]
    return {"ProcessingOutputConfig": {"Outputs": outputs, **account.kms("KmsKeyId")}}


def _folder(name: str) -> str:
    return f"batch/{name}"


def _running(account: Account, token: str) -> str:
    """The name of a job that runs and has the token in it; empty where there is none."""
    listed = account.pages(
        "sagemaker", "list_processing_jobs", "ProcessingJobSummaries", NameContains=token, StatusEquals="InProgress"
    )
    return next((each["ProcessingJobName"] for each in listed), "")


def _input(name: str, uri: str, distribution: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": f"{FOLDER}/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": distribution,
    }
    return {"InputName": name, "S3Input": source}


def _cost_of(account: Account) -> jobs.Cost:
    """Seconds from the job's start to its end or now, and what they cost."""

    def cost(found: dict[str, Any]) -> tuple[float, float]:
        began, ended = found.get("ProcessingStartTime"), found.get("ProcessingEndTime")
        seconds = ((ended.timestamp() if ended else time.time()) - began.timestamp()) if began else 0.0
        cluster = found["ProcessingResources"]["ClusterConfig"]
        price = prices.per_hour(account, cluster["InstanceType"], "processing")
        return seconds, seconds / 3600 * cluster["InstanceCount"] * (price.per_hour if price else 0.0)

    return cost
