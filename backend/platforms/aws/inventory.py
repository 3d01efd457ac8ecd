"""The inventory: everything that the console created on AWS, what it costs now, and how to delete it.

SageMaker's lists say what exists, and the Resource Groups Tagging API which of it has the stack's tag. That API is
delayed in both directions: resources that it names but no list contains are gone, and resources that are too new for it
are asked for their tags directly.

Costs are those of on-demand instances. Files cost about $0.02 per GB and month.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from botocore import xform_name
from typing_extensions import override

from backend.errors import UserError
from backend.platforms.aws import image, metrics, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.endpoints import endpoint_deleted
from backend.platforms.aws.naming import PREFIX
from backend.platforms.aws.prices import Usage
from backend.platforms.aws.settings import TAG
from backend.platforms.aws.storage import split
from backend.platforms.base import Inventory, Resource
from backend.wording import count

TAG_DELAY_SECONDS = 3600  # for how long the Tagging API may not know a new resource
MAX_COUNTED_FILES = 10_000  # per folder: ten requests
PARALLEL_REQUESTS = 8
RUNNING, ENDING = ("InProgress", "Initializing"), ("Stopping", "Deleting")
WARM_POOL = "warm pool"
# The top-level folders that the console writes to. Earlier versions wrote labeling jobs to "labelling/".
FOLDERS = {
    "answers/",
    "batch/",
    "checkpoints/",
    "datasets/",
    "failures/",
    "frames/",
    "labeling/",
    "labelling/",
    "models/",
    "training/",
    "videos/",
}


@dataclass(frozen=True)
class ResourceKind:
    """A kind of SageMaker resource. The names of its operations and keys are derived from SageMaker's name for it."""

    name: str  # such as "TrainingJob"
    summaries_key: str  # key of the entries in the answer to a list request
    title: str  # for the user

    def summaries(self, account: Account) -> Iterator[dict[str, Any]]:
        """Yield summaries of all resources of this kind with the console's name prefix."""
        operation = xform_name(f"List{self.name}s")
        return account.pages("sagemaker", operation, self.summaries_key, NameContains=f"{PREFIX}-")

    def call(self, account: Account, verb: str, name: str) -> Any | None:
        """Call an operation (`Describe`, `Stop` or `Delete`) for one resource; None if it does not exist."""
        return account.find("sagemaker", xform_name(f"{verb}{self.name}"), **{f"{self.name}Name": name})


KINDS = {  # by the word before the name in their ARNs
    "endpoint": ResourceKind("Endpoint", "Endpoints", "endpoint"),
    "endpoint-config": ResourceKind("EndpointConfig", "EndpointConfigs", "endpoint configuration"),
    "model": ResourceKind("Model", "Models", "model"),
    "hyper-parameter-tuning-job": ResourceKind(
        "HyperParameterTuningJob", "HyperParameterTuningJobSummaries", "hyperparameter search"
    ),
    "training-job": ResourceKind("TrainingJob", "TrainingJobSummaries", "training job"),
    "processing-job": ResourceKind("ProcessingJob", "ProcessingJobSummaries", "batch job"),
    "labeling-job": ResourceKind("LabelingJob", "LabelingJobSummaryList", "labeling job"),
    "model-package-group": ResourceKind("ModelPackageGroup", "ModelPackageGroupSummaryList", "model group"),
}


class AwsInventory(Inventory):
    """Implements `backend.platforms.base.Inventory`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def resources(self) -> list[Resource]:
        """List all resources, the most expensive first, then the newest.

        Configurations and models of an endpoint, and trials of a search, are listed only if the endpoint or search is
        gone. If listing a kind is denied, one placeholder carries the reason.

        Raises:
            UserError: If listing all kinds is denied.
        """
        account = self._account
        tagged = _tagged_arns(account)
        placeholders: list[Resource] = []

        def list_kind(kind: ResourceKind) -> list[Resource]:
            try:
                return _list_kind(account, kind, tagged)
            except UserError as error:
                placeholders.append(Resource("", kind.title, "not listed", str(error), deletable=False))
                return []

        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            by_kind = dict(zip(KINDS, pool.map(list_kind, KINDS.values())))
            if len(placeholders) == len(KINDS):
                raise UserError(placeholders[0].status)
            described = list(pool.map(lambda endpoint: _describe_endpoint(account, endpoint), by_kind.pop("endpoint")))
            for kind in ("training-job", "processing-job"):
                by_kind[kind] = list(pool.map(lambda job: _with_job_cost(account, job), by_kind[kind]))
            folders = _list_folders(account, tagged, pool)
            images = _list_images(account)
        endpoints = [endpoint for endpoint, _ in filter(None, described)]
        parts = {part for _, endpoint_parts in filter(None, described) for part in endpoint_parts}
        searches, trials = _with_trials(by_kind.pop("hyper-parameter-tuning-job"), by_kind["training-job"])
        others = [
            resource
            for resources in by_kind.values()
            for resource in resources
            if resource.name not in parts and resource.name not in trials
        ]
        return sorted(
            [*_with_idle_times(account, endpoints), *searches, *others, *folders, *images, *placeholders],
            key=lambda resource: (-resource.cost_per_hour, -(resource.since or 0.0), resource.name),
        )

    @override
    def delete(self, resource_id: str) -> None:
        """Delete the resource with this ARN or `s3://` address.

        A running job is only stopped; it can be deleted once it has ended. No-op if the resource does not exist.
        """
        if resource_id.startswith("s3://"):
            _delete_files(self._account, resource_id)
        elif resource_id.split(":")[2] == "ecr":
            _delete_images(self._account, resource_id)
        else:
            _delete_sagemaker_resource(self._account, resource_id)


def _delete_sagemaker_resource(account: Account, arn: str) -> None:
    path, _, name = arn.rpartition("/")
    kind = KINDS.get(path.rpartition(":")[2])
    if kind is None:
        raise UserError(f"“{arn}” cannot be deleted here. Choose a resource that Account lists.")
    description = kind.call(account, "Describe", name)
    if description is None:
        return
    status = description.get(f"{kind.name}Status")
    if kind.name == "LabelingJob" and status not in RUNNING:
        raise UserError(f"SageMaker keeps the labeling job “{name}” for its records. It costs nothing.")
    if kind.name == "Endpoint":
        _delete_endpoint(account, description)
    elif status in RUNNING:
        kind.call(account, "Stop", name)
    elif _is_warm(description):
        _end_warm_pool(account, name)
    else:
        _delete_contents(account, kind, name)
        kind.call(account, "Delete", name)


def _tagged_arns(account: Account) -> set[str]:
    """Return the ARNs of all resources with the stack's tag, some of which may be gone."""
    mappings = account.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": TAG, "Values": [account.settings.stack]}],
        ResourceTypeFilters=["sagemaker", "s3"],
        ResourcesPerPage=100,
    )
    return {mapping["ResourceARN"] for mapping in mappings}


def _list_kind(account: Account, kind: ResourceKind, tagged: set[str]) -> list[Resource]:
    resources = []
    for summary in kind.summaries(account):
        arn, since = summary[f"{kind.name}Arn"], summary["CreationTime"].timestamp()
        if arn in tagged or (time.time() - since < TAG_DELAY_SECONDS and _has_tag(account, arn)):
            status = summary.get(f"{kind.name}Status", "")
            is_ended_labeling = kind.name == "LabelingJob" and status not in RUNNING  # SageMaker keeps these
            resources.append(
                Resource(
                    id=arn,
                    kind=kind.title,
                    name=summary[f"{kind.name}Name"],
                    status=WARM_POOL if _is_warm(summary) else status,
                    since=since,
                    deletable=not is_ended_labeling and status not in ENDING,
                )
            )
    return resources


def _has_tag(account: Account, arn: str) -> bool:
    answer = account.find("sagemaker", "list_tags", ResourceArn=arn) or {"Tags": []}
    return {"Key": TAG, "Value": account.settings.stack} in answer["Tags"]


# --- Endpoints ----------------------------------------------------------------------------------------------------


def _describe_endpoint(account: Account, endpoint: Resource) -> tuple[Resource, set[str]] | None:
    """Return an endpoint with its cost and the names of its configurations and models; None if it is gone."""
    description = KINDS["endpoint"].call(account, "Describe", endpoint.name)
    if description is None:
        return None
    configurations = _configurations(account, description)
    instance_types = {
        variant["VariantName"]: variant["InstanceType"]
        for variant in configurations.get(description.get("EndpointConfigName", ""), [])
        if "InstanceType" in variant
    }
    for variant in description.get("ProductionVariants", []):
        if variant["VariantName"] in instance_types:
            count = variant.get("CurrentInstanceCount", 0)
            endpoint = _with_cost(account, endpoint, instance_types[variant["VariantName"]], count, "hosting")
    models = {variant["ModelName"] for variants in configurations.values() for variant in variants}
    return endpoint, models | set(configurations)


def _configurations(account: Account, endpoint: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the variants of an endpoint's configuration, and of the one it is being updated to, by name."""
    pending = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    names = {name for name in (endpoint.get("EndpointConfigName"), pending) if name}
    configurations = {name: KINDS["endpoint-config"].call(account, "Describe", name) for name in names}
    return {name: config["ProductionVariants"] if config else [] for name, config in configurations.items()}


def _with_idle_times(account: Account, endpoints: list[Resource]) -> list[Resource]:
    """Add to each endpoint that costs something when it answered its last request."""
    used = metrics.last_used(account, [endpoint.name for endpoint in endpoints if endpoint.cost_per_hour])
    oldest = time.time() - metrics.HISTORY_DAYS * 86400

    def idle_since(endpoint: Resource) -> float | None:
        return used.get(endpoint.name, max(endpoint.since or 0.0, oldest)) if endpoint.cost_per_hour else None

    return [replace(endpoint, idle_since=idle_since(endpoint)) for endpoint in endpoints]


def _delete_endpoint(account: Account, endpoint: dict[str, Any]) -> None:
    configurations = _configurations(account, endpoint)
    with endpoint_deleted(account, endpoint["EndpointName"]):
        for name, variants in configurations.items():
            KINDS["endpoint-config"].call(account, "Delete", name)
            for variant in variants:
                KINDS["model"].call(account, "Delete", variant["ModelName"])


# --- Jobs ---------------------------------------------------------------------------------------------------------


def _with_job_cost(account: Account, job: Resource) -> Resource:
    """Add the cost of a training or batch job while it runs, or while its instances are kept in a warm pool."""
    if job.status not in (*RUNNING, WARM_POOL):
        return job
    usage: Usage
    if job.kind == KINDS["training-job"].title:
        description = KINDS["training-job"].call(account, "Describe", job.name) or {}
        resources, usage = description.get("ResourceConfig", {}), "training"
    else:
        description = KINDS["processing-job"].call(account, "Describe", job.name) or {}
        resources, usage = description.get("ProcessingResources", {}).get("ClusterConfig", {}), "processing"
    if "InstanceType" not in resources:
        return job
    return _with_cost(account, job, resources["InstanceType"], resources["InstanceCount"], usage)


def _with_trials(searches: list[Resource], trainings: list[Resource]) -> tuple[list[Resource], set[str]]:
    """Add the cost of their trials to searches, and return the names of the trials, which begin with the search's."""
    priced, trial_names = [], set()
    for search in searches:
        trials = [training for training in trainings if training.name.startswith(f"{search.name}-")]
        priced.append(replace(search, cost_per_hour=sum(trial.cost_per_hour for trial in trials)))
        trial_names |= {trial.name for trial in trials}
    return priced, trial_names


def _is_warm(job: dict[str, Any]) -> bool:
    return bool(job.get("WarmPoolStatus", {}).get("Status") == "Available")


def _end_warm_pool(account: Account, name: str) -> None:
    account.call(
        "sagemaker", "update_training_job", TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0}
    )


def _delete_contents(account: Account, kind: ResourceKind, name: str) -> None:
    """Delete the trials of a search, which would remain, and the versions of a model group, which prevent deletion."""
    if kind.name == "HyperParameterTuningJob":
        trials = account.pages(
            "sagemaker",
            "list_training_jobs_for_hyper_parameter_tuning_job",
            "TrainingJobSummaries",
            HyperParameterTuningJobName=name,
        )
        for trial in list(trials):
            KINDS["training-job"].call(account, "Delete", trial["TrainingJobName"])
    elif kind.name == "ModelPackageGroup":
        versions = account.pages(
            "sagemaker", "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=name
        )
        for version in list(versions):
            account.find("sagemaker", "delete_model_package", ModelPackageName=version["ModelPackageArn"])


def _with_cost(account: Account, resource: Resource, instance_type: str, count: int, usage: Usage) -> Resource:
    """Add the cost of instances to a resource; its status names them, and the price's source if it is an estimate."""
    price = prices.instance_price(account, instance_type, usage)
    status = f"{resource.status}, {count} x {instance_type}"
    if price is None:
        return replace(resource, status=f"{status}, price unknown")
    if price.estimate:
        status += f", price of the {price.source}"
    return replace(resource, status=status, cost_per_hour=resource.cost_per_hour + count * price.per_hour)


# --- Files --------------------------------------------------------------------------------------------------------


def _list_folders(account: Account, tagged: set[str], pool: ThreadPoolExecutor) -> list[Resource]:
    """Return the bucket's top-level folders.

    In a bucket that the console did not create, these are only the folders that it writes to, and not deletable.
    """
    bucket = account.settings.bucket
    if not bucket or account.find("s3", "head_bucket", Bucket=bucket) is None:
        return []
    is_own = _bucket_arn(account, bucket) in tagged
    entries = account.pages("s3", "list_object_versions", "CommonPrefixes", Bucket=bucket, Delimiter="/")
    prefixes = [entry["Prefix"] for entry in entries if is_own or entry["Prefix"] in FOLDERS]
    return list(pool.map(lambda prefix: _folder(account, bucket, prefix, is_own), prefixes))


def _folder(account: Account, bucket: str, prefix: str, is_own: bool) -> Resource:
    pages = account.pages("s3", "list_object_versions", "Versions", Bucket=bucket, Prefix=prefix)
    versions = list(islice(pages, MAX_COUNTED_FILES))
    files = sum(version["IsLatest"] for version in versions)
    older = len(versions) - files
    status = count(files, "file") + (f", {count(older, 'older version')}" if older else "")
    if len(versions) == MAX_COUNTED_FILES:
        status = f"size of the first {MAX_COUNTED_FILES:,} files; there are more"
    return Resource(
        id=f"s3://{bucket}/{prefix}",
        kind="files",
        name=f"{bucket}/{prefix}",
        status=status if is_own else f"{status}, in a bucket that the console did not create",
        size=sum(version["Size"] for version in versions),
        deletable=is_own,
    )


def _delete_files(account: Account, address: str) -> None:
    """Delete all versions of all files below an address.

    Raises:
        UserError: Also if the console did not create the bucket, which may hold other files.
    """
    bucket, prefix = split(address)
    if _bucket_arn(account, bucket) not in _tagged_arns(account):
        raise UserError(
            f"This console did not create the bucket “{bucket}”, which may hold other files. Delete {address} on AWS "
            "if it is not needed."
        )
    client = account.client("s3")
    with account.errors(f"delete {address}"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            batch = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
            if batch:
                errors = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}).get("Errors")
                if errors:
                    raise UserError(f"AWS refused to delete {len(errors)} files of {address}: {errors[0]['Message']}")


def _bucket_arn(account: Account, bucket: str) -> str:
    return f"arn:{account.partition}:s3:::{bucket}"


# --- Images -------------------------------------------------------------------------------------------------------


def _list_images(account: Account) -> list[Resource]:
    """Return the images in the stack's repository as one resource; none if access to stack or repository is denied."""
    repository, images = "", []
    with suppress(UserError):
        repository = image.stack_repository(account)
        images = _image_details(account, repository) if repository else []
    if not images:
        return []
    pushed = [details["imagePushedAt"].timestamp() for details in images if "imagePushedAt" in details]
    return [
        Resource(
            id=_repository_arn(account, repository),
            kind="images",
            name=repository.partition("/")[2],
            status=f"{len(images)} of the tracker; jobs run the newest",
            since=max(pushed, default=None),
            size=sum(details.get("imageSizeInBytes", 0) for details in images),
        )
    ]


def _delete_images(account: Account, arn: str) -> None:
    repository = image.stack_repository(account)
    if arn != _repository_arn(account, repository):
        raise UserError(f"“{arn}” is not the stack's repository. Choose a resource that Account lists.")
    ids = [{"imageDigest": details["imageDigest"]} for details in _image_details(account, repository)]
    name = repository.partition("/")[2]
    for first in range(0, len(ids), 100):
        account.call("ecr", "batch_delete_image", repositoryName=name, imageIds=ids[first : first + 100])


def _image_details(account: Account, repository: str) -> list[dict[str, Any]]:
    name = repository.partition("/")[2]
    return list(account.pages("ecr", "describe_images", "imageDetails", repositoryName=name))


def _repository_arn(account: Account, repository: str) -> str:
    owner = repository.partition(".")[0]
    return f"arn:{account.partition}:ecr:{account.region}:{owner}:repository/{repository.partition('/')[2]}"
