"""Model artifacts in the bucket, packed as SageMaker takes them, and SageMaker's own records of models."""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket
from backend.progress import Progress, silent
from bytetrack.detection import artifact


def put_model(bucket: Bucket, folder: Path, progress: Progress = silent) -> str:
    """Upload an artifact as `models/<digest>/model.tar.gz`; the same files make the same archive."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.tar.gz"
        with (
            gzip.GzipFile(archive, "wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for path in sorted(path for path in folder.iterdir() if path.name in artifact.FILES):
                entry = tarfile.TarInfo(path.name)
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(entry, file)
        return bucket.put_file(archive, "models", progress)


def fetch_model(bucket: Bucket, uri: str, output: Path, progress: Progress = silent) -> None:
    """Download a `model.tar.gz` and take the artifact's files out of it."""
    with tempfile.TemporaryDirectory() as temporary:
        bucket.get_file(uri, Path(temporary) / "model.tar.gz", progress)
        try:
            with artifact.unpack_artifact(Path(temporary)) as folder:
                output.mkdir(parents=True, exist_ok=True)
                for file in folder.iterdir():
                    shutil.move(file, output / file.name)
        except ValueError as error:
            raise UserError(str(error)) from error


def container(account: Account, uri: str) -> dict[str, Any]:
    """The container of an endpoint, or of a version in the registry."""
    return {"Image": account.settings.image, "ModelDataUrl": uri}


def publish(account: Account, name: str, folder: Path, facts: Mapping[str, str | float]) -> str:
    """Enter the model into the Model Registry, as the next version of the group called like it; returns its ARN.

    It waits for approval there, as whoever may approve it decides.
    """
    settings, bucket = account.settings, Bucket(account)
    group = name_of(name, settings.stack)
    described = account.find("sagemaker", "describe_model_package_group", ModelPackageGroupName=group)
    if described is None:
        account.call("sagemaker", "create_model_package_group", ModelPackageGroupName=group, Tags=settings.tag_list)
    answer = account.call(
        "sagemaker",
        "create_model_package",
        ModelPackageGroupName=group,
        ModelPackageDescription=f"{name}, trained in ByteTrack Studio"[:1024],
        InferenceSpecification={
            "Containers": [container(account, put_model(bucket, folder))],
            "SupportedContentTypes": ["image/jpeg", "image/png", "video/mp4", "application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={key: _plain(value) for key, value in facts.items() if _plain(value)},
    )
    return answer["ModelPackageArn"]


def _plain(value: str | float) -> str:
    """What SageMaker takes as a property: 256 letters, digits, blanks and a few signs."""
    return re.sub(r"[^\w \t.:/=+@-]", " ", str(value)).strip()[:256]
