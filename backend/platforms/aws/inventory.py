"""What the console has made on AWS, what of it costs money at the moment, and how each is removed.

SageMaker's lists say what exists, the Resource Groups Tagging API what of it bears the stack's tag. That API learns of
changes with a delay, in both directions: what it still names but no list does is gone, and what is too young for it is
asked for its tags itself.

Costs are those of instances, without what spot capacity saves. Files cost about $0.02 per GB and month.
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

from backend.errors import UserError
from backend.platforms.aws import image, metrics, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.endpoints import deleted_endpoint
from backend.platforms.aws.naming import PREFIX
from backend.platforms.aws.settings import TAG
from backend.platforms.aws.storage import split
from backend.platforms.base import Resource
from backend.wording import count

YOUNG_SECONDS = 3600  # for so long the Tagging API may not know of a thing
MOST_FILES = 10_000  # that are counted of one folder: ten requests
AT_ONCE = 8
RUNNING, ENDING = ("InProgress", "Initializing"), ("Stopping", "Deleting")
# Where the console's files lie, as seen in a bucket that is not its own.
FOLDERS = (
    "answers/", "batch/", "checkpoints/", "datasets/", "failures/", "frames/", "labeling/", "models/", "training/",
    "videos/",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of thing. Its operations and the keys of its answers are made of SageMaker's name for it."""

    name: str  # "TrainingJob"
    summaries: str  # the key of a list's entries
    title: str  # for people

    def entries(self, account: Account) -> Iterator[dict[str, Any]]:
        operation = xform_name(f"List{self.name}s")
        return account.pages("sagemaker", operation, self.summaries, NameContains=f"{PREFIX}-")

    def call(self, account: Account, verb: str, name: str) -> Any | None:
        """Describe, stop or delete one; None where it does not exist (any more)."""
        return account.find("sagemaker", xform_name(f"{verb}{self.name}"), **{f"{self.name}Name": name})


KINDS = {  # by what stands before the name in their ARNs
    "endpoint": Kind("Endpoint", "Endpoints", "endpoint"),
    "endpoint-config": Kind("EndpointConfig", "EndpointConfigs", "endpoint configuration"),
    "model": Kind("Model", "Models", "model"),
    "hyper-parameter-tuning-job": Kind("HyperParameterTuningJob", "HyperParameterTuningJobSummaries", "search"),
    "training-job": Kind("TrainingJob", "TrainingJobSummaries", "training job"),
    "processing-job": Kind("ProcessingJob", "ProcessingJobSummaries", "batch job"),
    "labeling-job": Kind("LabelingJob", "LabelingJobSummaryList", "labeling job"),
    "model-package-group": Kind("ModelPackageGroup", "ModelPackageGroupSummaryList", "model group"),
}


def inventory(account: Account) -> list[Resource]:
    """Everything there is, the dearest first, then the newest.

    An endpoint's configuration and model belong to it, a search's trainings to that: they are listed only where what
    they belong to is gone. A kind that may not be listed is there as one thing that says so.

    Raises:
        UserError: if nothing may be listed.
    """
    ours = _tagged(account)
    refused: list[Resource] = []

    def look(kind: Kind) -> list[Resource]:
        try:
            return _listed(account, kind, ours)
        except UserError as error:
            refused.append(Resource("", kind.title, "not listed", str(error), deletable=False))
            return []

    with ThreadPoolExecutor(AT_ONCE) as pool:
        listed = dict(zip(KINDS, pool.map(look, KINDS.values())))
        if len(refused) == len(KINDS):
            raise UserError(refused[0].status)
        endpoints = [each for each in pool.map(lambda each: _endpoint(account, each), listed.pop("endpoint")) if each]
        for kind in ("training-job", "processing-job"):
            listed[kind] = list(pool.map(lambda each: _job(account, each), listed[kind]))
        folders = _folders(account, ours, pool)
        images = _images(account)
    searches, trials = _with_trials(listed.pop("hyper-parameter-tuning-job"), listed["training-job"])
    belonging = {part for _, parts in endpoints for part in parts} | trials
    found = [
        *_idling(account, [endpoint for endpoint, _ in endpoints]),
        *searches,
        *(each for kind in listed.values() for each in kind if each.name not in belonging),
        *folders,
        *images,
        *refused,
    ]
    return sorted(found, key=lambda each: (-each.cost_per_hour, -(each.since or 0.0), each.name))


def delete_resource(account: Account, id: str) -> None:
    """Remove what has this ARN or `s3://` address. A job that runs is stopped first: ended, it can be removed."""
    if id.startswith("s3://"):
        return _delete_files(account, id)
    if id.split(":")[2] == "ecr":
        return _delete_images(account, id)
    path, _, name = id.rpartition("/")
    kind = KINDS.get(path.rpartition(":")[2])
    if kind is None:
        raise UserError(f"“{id}” is nothing that can be deleted here. Look at what Account lists.")
    found = kind.call(account, "Describe", name)
    if found is None:
        return None
    status = found.get(f"{kind.name}Status")
    if kind.name == "LabelingJob" and status not in RUNNING:
        raise UserError(f"SageMaker keeps the labeling job “{name}” for its records. It costs nothing.")
    if kind.name == "Endpoint":
        _delete_endpoint(account, found)
    elif status in RUNNING:
        kind.call(account, "Stop", name)
    elif _is_warm(found):
        _end_warm_pool(account, name)
    else:
        _delete_contents(account, kind, name)
        kind.call(account, "Delete", name)
    return None


def _tagged(account: Account) -> set[str]:
    """The ARNs of all that bears the stack's tag, for some time also after it is gone."""
    found = account.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": TAG, "Values": [account.settings.stack]}],
        ResourceTypeFilters=["sagemaker", "s3"],
        ResourcesPerPage=100,
    )
    return {each["ResourceARN"] for each in found}


def _listed(account: Account, kind: Kind, ours: set[str]) -> list[Resource]:
    found = []
    for each in kind.entries(account):
        arn, since = each[f"{kind.name}Arn"], each["CreationTime"].timestamp()
        if arn in ours or (time.time() - since < YOUNG_SECONDS and _bears_tag(account, arn)):
            status = each.get(f"{kind.name}Status", "")
            ended = kind.name == "LabelingJob" and status not in RUNNING
            found.append(
                Resource(
                    id=arn,
                    kind=kind.title,
                    name=each[f"{kind.name}Name"],
                    status="warm pool" if _is_warm(each) else status,
                    since=since,
                    deletable=not ended and status not in ENDING,
                )
            )
    return found


def _bears_tag(account: Account, arn: str) -> bool:
    answer = account.find("sagemaker", "list_tags", ResourceArn=arn) or {"Tags": []}
    return {"Key": TAG, "Value": account.settings.stack} in answer["Tags"]


# --- Endpoints ----------------------------------------------------------------------------------------------------


def _endpoint(account: Account, listed: Resource) -> tuple[Resource, set[str]] | None:
    """An endpoint with what it costs, and the names of its configurations and models; None if it is gone by now."""
    found = KINDS["endpoint"].call(account, "Describe", listed.name)
    if found is None:
        return None
    configurations = _configurations(account, found)
    types = {
        variant["VariantName"]: variant["InstanceType"]
        for variant in configurations.get(found.get("EndpointConfigName", ""), [])
        if "InstanceType" in variant
    }
    for variant in found.get("ProductionVariants", []):
        if variant["VariantName"] in types:
            count = variant.get("CurrentInstanceCount", 0)
            listed = _priced(account, listed, types[variant["VariantName"]], count, "hosting")
    models = {variant["ModelName"] for variants in configurations.values() for variant in variants}
    return listed, models | set(configurations)


def _configurations(account: Account, endpoint: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The variants of an endpoint's configuration, and of the one that it is being updated to, by their names."""
    pending = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    names = {name for name in (endpoint.get("EndpointConfigName"), pending) if name}
    found = {name: KINDS["endpoint-config"].call(account, "Describe", name) for name in names}
    return {name: each["ProductionVariants"] if each else [] for name, each in found.items()}


def _idling(account: Account, endpoints: list[Resource]) -> list[Resource]:
    """The same, those that cost something with the time since when nobody has used them."""
    used = metrics.last_used(account, [each.name for each in endpoints if each.cost_per_hour])
    oldest = time.time() - metrics.DAYS * 86400
    return [
        replace(each, idle_since=used.get(each.name, max(each.since or 0.0, oldest))) if each.cost_per_hour else each
        for each in endpoints
    ]


def _delete_endpoint(account: Account, endpoint: dict[str, Any]) -> None:
    configurations = _configurations(account, endpoint)
    with deleted_endpoint(account, endpoint["EndpointName"]):
        for name, variants in configurations.items():
            KINDS["endpoint-config"].call(account, "Delete", name)
            for variant in variants:
                KINDS["model"].call(account, "Delete", variant["ModelName"])


# --- Jobs ---------------------------------------------------------------------------------------------------------


def _job(account: Account, listed: Resource) -> Resource:
    """A training or batch job with what it costs: while it runs, or its instances are kept for the next one."""
    if listed.status not in (*RUNNING, "warm pool"):
        return listed
    if listed.kind == KINDS["training-job"].title:
        found = KINDS["training-job"].call(account, "Describe", listed.name) or {}
        resources, usage = found.get("ResourceConfig", {}), "training"
    else:
        found = KINDS["processing-job"].call(account, "Describe", listed.name) or {}
        resources, usage = found.get("ProcessingResources", {}).get("ClusterConfig", {}), "processing"
    if "InstanceType" not in resources:
        return listed
    return _priced(account, listed, resources["InstanceType"], resources["InstanceCount"], usage)


def _with_trials(searches: list[Resource], trainings: list[Resource]) -> tuple[list[Resource], set[str]]:
    """The searches with what their trainings cost, and the names of these, which begin with their search's."""
    trials = {
        search.name: [each for each in trainings if each.name.startswith(f"{search.name}-")] for search in searches
    }
    priced = [replace(each, cost_per_hour=sum(trial.cost_per_hour for trial in trials[each.name])) for each in searches]
    return priced, {trial.name for each in trials.values() for trial in each}


def _is_warm(job: dict[str, Any]) -> bool:
    return job.get("WarmPoolStatus", {}).get("Status") == "Available"


def _end_warm_pool(account: Account, name: str) -> None:
    account.call(
        "sagemaker", "update_training_job", TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0}
    )


def _delete_contents(account: Account, kind: Kind, name: str) -> None:
    """What would stay when a search or a group of models is deleted, or keep it from being so."""
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


def _priced(account: Account, each: Resource, instance_type: str, count: int, usage: str) -> Resource:
    """The same with what so many instances cost; its status tells them, and where the price is from if not certain."""
    price = prices.per_hour(account, instance_type, usage)
    status = f"{each.status}, {count} x {instance_type}"
    if price is None:
        status += ", price not known"
    elif price.estimate:
        status += f", price of the {price.source}"
    return replace(each, status=status, cost_per_hour=each.cost_per_hour + count * (price.per_hour if price else 0.0))


# --- Files --------------------------------------------------------------------------------------------------------


def _folders(account: Account, ours: set[str], pool: ThreadPoolExecutor) -> list[Resource]:
    """The bucket's folders; of one that the console has not made only those that it writes to, and not to delete."""
    bucket = account.settings.bucket
    if not bucket or account.find("s3", "head_bucket", Bucket=bucket) is None:
        return []
    own = _arn(account, bucket) in ours
    found = account.pages("s3", "list_object_versions", "CommonPrefixes", Bucket=bucket, Delimiter="/")
    prefixes = [each["Prefix"] for each in found if own or each["Prefix"] in FOLDERS]
    return list(pool.map(lambda prefix: _folder(account, bucket, prefix, own), prefixes))


def _folder(account: Account, bucket: str, prefix: str, own: bool) -> Resource:
    pages = account.pages("s3", "list_object_versions", "Versions", Bucket=bucket, Prefix=prefix)
    versions = list(islice(pages, MOST_FILES))
    files = sum(each["IsLatest"] for each in versions)
    older = len(versions) - files
    status = count(files, "file") + (f", {count(older, 'older version')}" if older else "")
    if len(versions) == MOST_FILES:
        status = f"more than {MOST_FILES:,} files, of which this is the size"
    return Resource(
        id=f"s3://{bucket}/{prefix}",
        kind="files",
        name=f"{bucket}/{prefix}",
        status=status if own else f"{status}, in a bucket that the console did not make",
        size=sum(each["Size"] for each in versions),
        deletable=own,
    )


def _delete_files(account: Account, address: str) -> None:
    """All versions of all files below an address.

    Raises:
        UserError: also where the bucket is not the console's own: other people's files may lie there.
    """
    bucket, prefix = split(address)
    if _arn(account, bucket) not in _tagged(account):
        raise UserError(
            f"The bucket “{bucket}” was not made by this console, and others may have files there. Delete {address} "
            "on AWS if nobody needs it."
        )
    client = account.client("s3")
    with account.errors(f"delete {address}"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            batch = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            if batch:
                refused = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}).get("Errors")
                if refused:
                    raise UserError(f"AWS refused to delete {len(refused)} files of {address}: {refused[0]['Message']}")


def _arn(account: Account, bucket: str) -> str:
    return f"arn:{account.partition}:s3:::{bucket}"


# --- Images -------------------------------------------------------------------------------------------------------


def _images(account: Account) -> list[Resource]:
    """The images in the stack's repository, as one thing; nothing for who may not look at stacks or repositories."""
    repository, found = "", []
    with suppress(UserError):
        repository = image.repository(account)
        found = _details(account, repository) if repository else []
    if not found:
        return []
    pushed = [each["imagePushedAt"].timestamp() for each in found if "imagePushedAt" in each]
    return [
        Resource(
            id=_repository_arn(account, repository),
            kind="images",
            name=repository.partition("/")[2],
            status=f"{len(found)} of the tracker; the newest is what jobs run",
            since=max(pushed, default=None),
            size=sum(each.get("imageSizeInBytes", 0) for each in found),
        )
    ]


def _delete_images(account: Account, arn: str) -> None:
    repository = image.repository(account)
    if arn != _repository_arn(account, repository):
        raise UserError(f"“{arn}” is not the stack's repository. Look at what Account lists.")
    ids = [{"imageDigest": each["imageDigest"]} for each in _details(account, repository)]
    for first in range(0, len(ids), 100):
        name = repository.partition("/")[2]
        account.call("ecr", "batch_delete_image", repositoryName=name, imageIds=ids[first : first + 100])


def _details(account: Account, repository: str) -> list[dict[str, Any]]:
    name = repository.partition("/")[2]
    return list(account.pages("ecr", "describe_images", "imageDetails", repositoryName=name))


def _repository_arn(account: Account, repository: str) -> str:
    owner = repository.partition(".")[0]
    return f"arn:{account.partition}:ecr:{account.region}:{owner}:repository/{repository.partition('/')[2]}"
