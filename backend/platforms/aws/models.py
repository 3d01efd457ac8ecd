"""Model artifacts in the bucket, packed as SageMaker expects them, and SageMaker's Model Registry."""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import ModelRegistry
from backend.progress import Progress, silent
from bytetrack.detection import artifact


class SageMakerModelRegistry(ModelRegistry):
    """Implements `backend.platforms.base.ModelRegistry`. A model is a group, whose versions are model packages."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def publish(self, name: str, model: Path, facts: Mapping[str, str | float]) -> str:
        """Add a model as the next version of the group of that name and return its ARN.

        The version waits for approval in the registry.
        """
        account = self._account
        account.require_setup()
        settings, bucket = account.settings, Bucket(account)
        group = name_of(name, settings.stack)
        if account.find("sagemaker", "describe_model_package_group", ModelPackageGroupName=group) is None:
            account.call("sagemaker", "create_model_package_group", ModelPackageGroupName=group, Tags=settings.tag_list)
        properties = {key: _property_value(value) for key, value in facts.items()}
        answer = account.call(
            "sagemaker",
            "create_model_package",
            ModelPackageGroupName=group,
            ModelPackageDescription=f"{name}, trained in ByteTrack Studio"[:1024],
            InferenceSpecification={
                "Containers": [container(account, put_model(bucket, model))],
                "SupportedContentTypes": ["image/jpeg", "image/png", "video/mp4", "application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties={key: value for key, value in properties.items() if value},
        )
        arn: str = answer["ModelPackageArn"]
        return arn


def put_model(bucket: Bucket, folder: Path, progress: Progress = silent) -> str:
    """Upload an artifact as `models/<digest>/model.tar.gz` and return its address.

    The same files give the same archive, which is uploaded only once.
    """
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.tar.gz"
        with (
            gzip.GzipFile(archive, "wb", compresslevel=1, mtime=0) as compressed,
            tarfile.open(fileobj=compressed, mode="w") as tar,
        ):
            for path in sorted(path for path in folder.iterdir() if path.name in artifact.FILES):
                entry = tarfile.TarInfo(path.name)
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(entry, file)
        return bucket.put_file(archive, "models", progress)


def fetch_model(bucket: Bucket, uri: str, output: Path, progress: Progress = silent) -> None:
    """Download a `model.tar.gz` and extract the artifact's files into `output`."""
    with tempfile.TemporaryDirectory() as temporary:
        bucket.download(uri, Path(temporary) / "model.tar.gz", progress)
        try:
            with artifact.unpack_artifact(Path(temporary)) as folder:
                output.mkdir(parents=True, exist_ok=True)
                for file in folder.iterdir():
                    shutil.move(file, output / file.name)
        except ValueError as error:
            raise UserError(str(error)) from error


def container(account: Account, model_uri: str) -> dict[str, Any]:
    """Return the definition of a container, for an endpoint or a version in the registry."""
    return {"Image": account.settings.image, "ModelDataUrl": model_uri}


def _property_value(value: str | float) -> str:
    """Return a value as SageMaker accepts it for a property: 256 letters, digits, blanks and a few symbols."""
    return re.sub(r"[^\w \t.:/=+@-]", " ", str(value)).strip()[:256]
