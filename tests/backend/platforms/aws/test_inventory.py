"""What the console made is found, priced and removed; what it did not make is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from moving_squares import save_model
from waiting import until

from backend.errors import UserError
from backend.platforms.aws import inventory as module
from backend.platforms.aws import prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.inventory import AwsInventory
from backend.platforms.aws.platform import AwsPlatform
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import Resource
from backend.progress import silent

OPTIONS = {"instance_type": "ml.m5.large", "count": 2, "max_count": 2}


@pytest.fixture
def platform(standin, aws_account: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsPlatform:
    """In a bucket that the stack made; prices come from the table."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(prices, "_start_refresh", lambda account, usage: None)
    platform = AwsPlatform(AwsSettings.parse(aws_account))
    settings = platform.account.settings
    platform.account.call("s3", "put_bucket_tagging", Bucket=settings.bucket, Tagging={"TagSet": settings.tag_list})
    platform.account.call(
        "s3", "put_bucket_versioning", Bucket=settings.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return platform


@pytest.fixture
def account(platform: AwsPlatform) -> Account:
    return platform.account


def make_model(account: Account, name: str, tags: list[dict] | None = None) -> None:
    account.call(
        "sagemaker",
        "create_model",
        ModelName=name,
        PrimaryContainer={"Image": account.settings.image},
        ExecutionRoleArn=account.settings.role,
        Tags=account.settings.tag_list if tags is None else tags,
    )


def training(account: Account) -> dict[str, Any]:
    """A job on two instances that ends soon, as it gets no data."""
    return {
        "AlgorithmSpecification": {"TrainingImage": account.settings.image, "TrainingInputMode": "File"},
        "RoleArn": account.settings.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{account.settings.bucket}/training"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def put(account: Account, key: str, times: int = 1) -> None:
    for _ in range(times):
        account.call("s3", "put_object", Bucket=account.settings.bucket, Key=key, Body=b"x" * 100)


def resources_of_kind(account: Account, kind: str) -> list[Resource]:
    return [resource for resource in AwsInventory(account).resources() if resource.kind == kind]


def test_an_endpoint_has_its_cost_and_goes_with_all_that_belongs_to_it(platform: AwsPlatform, tmp_path: Path) -> None:
    account = platform.account
    ref = platform.endpoints.start("yard", save_model(tmp_path / "model"), "realtime", OPTIONS)
    platform.endpoints.wait_in_service(ref, silent)
    dearest, *others = AwsInventory(account).resources()
    assert (dearest.kind, dearest.name, dearest.cost_per_hour) == ("endpoint", ref["endpoint"], 0.23)
    assert dearest.status == "InService, 2 x ml.m5.large, price of the table of 2026-09-25, us-east-1"
    assert dearest.since and dearest.idle_since == dearest.since  # nobody has used it yet
    assert {other.kind for other in others} == {"files"}
    AwsInventory(account).delete(dearest.id)
    until(lambda: not resources_of_kind(account, "endpoint"))
    assert not resources_of_kind(account, "model") and not resources_of_kind(account, "endpoint configuration")
    AwsInventory(account).delete(dearest.id)  # fine if it is gone already


def test_what_an_endpoint_left_behind_is_listed(account: Account) -> None:
    make_model(account, "bts-lonely")
    variant = {"VariantName": "AllTraffic", "ModelName": "bts-lonely", "InstanceType": "ml.m5.large"}
    account.call(
        "sagemaker",
        "create_endpoint_config",
        EndpointConfigName="bts-left",
        ProductionVariants=[{**variant, "InitialInstanceCount": 1}],
        Tags=account.settings.tag_list,
    )
    left = resources_of_kind(account, "model") + resources_of_kind(account, "endpoint configuration")
    assert [entry.name for entry in left] == ["bts-lonely", "bts-left"]
    for entry in left:
        AwsInventory(account).delete(entry.id)
    assert AwsInventory(account).resources() == []


def test_images_have_their_size_and_are_removed_together(
    standin, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = account.call("ecr", "create_repository", repositoryName="bytetrack-studio/tracker-1")["repository"]
    monkeypatch.setattr(module.image, "stack_repository", lambda account: repository["repositoryUri"])
    assert not resources_of_kind(account, "images")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    for number in range(2):
        config = {"mediaType": kind, "size": 1, "digest": f"sha256:{number:064d}"}
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
        account.call(
            "ecr",
            "put_image",
            repositoryName=repository["repositoryName"],
            imageManifest=json.dumps(manifest),
            imageTag=f"tag{number}",
        )
    (images,) = resources_of_kind(account, "images")
    assert (images.id, images.name) == (repository["repositoryArn"], repository["repositoryName"])
    assert images.status.startswith("2 of the tracker") and images.size > 0 and images.since
    with pytest.raises(UserError, match="is not the stack's repository"):
        AwsInventory(account).delete(f"{images.id}-of-others")
    standin.fail_next("ecr", "DescribeImages", "AccessDeniedException", message="not authorized")
    assert not resources_of_kind(account, "images")
    AwsInventory(account).delete(images.id)
    assert not resources_of_kind(account, "images")


def test_a_kind_that_may_not_be_listed_says_so_and_hides_no_other(standin, account: Account) -> None:
    make_model(account, "bts-seen")
    standin.fail_next("sagemaker", "ListProcessingJobs", "AccessDeniedException", message="no ListProcessingJobs")
    model, refused = sorted(AwsInventory(account).resources(), key=lambda entry: entry.deletable, reverse=True)
    assert model.name == "bts-seen"
    assert (refused.kind, refused.name, refused.deletable) == ("batch job", "not listed", False)
    assert "You may not list processing jobs: no ListProcessingJobs" in refused.status
    for kind in module.KINDS.values():
        standin.fail_next("sagemaker", f"List{kind.name}s", "AccessDeniedException", message="nothing at all")
    with pytest.raises(UserError, match="nothing at all"):
        AwsInventory(account).resources()
    AwsInventory(account).delete(model.id)


def test_what_others_made_is_not_listed(account: Account) -> None:
    make_model(account, "bts-of-another-stack", [{"Key": "bytetrack-studio", "Value": "other"}])
    make_model(account, "bts-untagged", [])
    assert AwsInventory(account).resources() == []


def test_all_pages_are_read(account: Account) -> None:
    names = {f"bts-many-{number}" for number in range(30)}
    for name in names:
        make_model(account, name)
    assert {resource.name for resource in AwsInventory(account).resources()} == names


def test_what_the_tags_do_not_tell_yet_is_found(standin, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(account, "bts-young")
    monkeypatch.setattr(module, "_tagged_arns", lambda account: {f"{account.settings.stack}:model/bts-gone"})
    assert [resource.name for resource in AwsInventory(account).resources()] == ["bts-young"]


def test_a_running_job_costs_is_stopped_and_then_deleted(account: Account) -> None:
    account.call(
        "sagemaker",
        "create_training_job",
        TrainingJobName="bts-runs",
        Tags=account.settings.tag_list,
        **training(account),
    )
    (running,) = resources_of_kind(account, "training job")
    assert running.status.startswith("InProgress, 2 x ml.g5.xlarge") and running.cost_per_hour == 2 * 1.408
    assert AwsInventory(account).resources()[0] == running
    AwsInventory(account).delete(running.id)
    until(lambda: resources_of_kind(account, "training job")[0].status in ("Stopped", "Failed"))
    (ended,) = resources_of_kind(account, "training job")
    assert ended.cost_per_hour == 0
    AwsInventory(account).delete(ended.id)
    assert not resources_of_kind(account, "training job")


def test_a_search_costs_what_its_trainings_do_and_goes_with_them(account: Account) -> None:
    definition = training(account)
    definition["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "AP50", "Regex": "AP50 ([0-9.]+)"}]
    width = {"Name": "width", "MinValue": "0.1", "MaxValue": "0.9", "ScalingType": "Linear"}
    account.call(
        "sagemaker",
        "create_hyper_parameter_tuning_job",
        HyperParameterTuningJobName="bts-search",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "AP50"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [width]},
        },
        TrainingJobDefinition=definition,
        Tags=account.settings.tag_list,
    )
    until(lambda: resources_of_kind(account, "hyperparameter search")[0].cost_per_hour == 2 * 1.408)
    (search,) = resources_of_kind(account, "hyperparameter search")
    assert not resources_of_kind(account, "training job")
    AwsInventory(account).delete(search.id)
    until(lambda: resources_of_kind(account, "hyperparameter search")[0].status in ("Stopped", "Failed", "Completed"))
    AwsInventory(account).delete(search.id)
    assert not resources_of_kind(account, "hyperparameter search") and not resources_of_kind(account, "training job")


def test_a_group_of_the_registry_goes_with_its_versions(platform: AwsPlatform, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    for _ in range(2):
        platform.model_registry.publish("nano", model, {"AP50": 0.8})
    (group,) = resources_of_kind(platform.account, "model group")
    AwsInventory(platform.account).delete(group.id)
    assert not resources_of_kind(platform.account, "model group")


def test_folders_are_counted_with_their_older_versions_and_emptied(account: Account) -> None:
    put(account, "videos/a.mp4", times=3)
    put(account, "videos/b.mp4")
    put(account, "models/m.tar.gz")
    models, videos = sorted(resources_of_kind(account, "files"), key=lambda entry: entry.name)
    assert videos.name.endswith("/videos/") and (videos.status, videos.size) == ("2 files, 2 older versions", 400)
    assert models.status == "1 file"
    AwsInventory(account).delete(videos.id)
    assert [entry.id for entry in resources_of_kind(account, "files")] == [models.id]
    versions = account.call("s3", "list_object_versions", Bucket=account.settings.bucket, Prefix="videos/")
    assert not versions.get("Versions") and not versions.get("DeleteMarkers")


def test_a_large_folder_is_not_counted_to_its_end(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COUNTED_FILES", 3)
    for number in range(5):
        put(account, f"frames/{number}.jpg")
    (frames,) = resources_of_kind(account, "files")
    assert frames.status == "size of the first 3 files; there are more" and frames.size == 300


def test_files_in_a_bucket_of_others_are_not_deleted(account: Account) -> None:
    account.call("s3", "delete_bucket_tagging", Bucket=account.settings.bucket)
    put(account, "videos/a.mp4")
    put(account, "payroll/2026.csv")
    (videos,) = resources_of_kind(account, "files")
    assert not videos.deletable and "did not create" in videos.status
    with pytest.raises(UserError, match="did not create the bucket"):
        AwsInventory(account).delete(videos.id)
    assert resources_of_kind(account, "files") == [videos]


def test_without_a_bucket_there_are_no_files(account: Account) -> None:
    missing = Account(AwsSettings(region=account.region, bucket="nobody-has-this-one"))
    assert (
        AwsInventory(missing).resources() == []
        and AwsInventory(Account(AwsSettings(region=account.region))).resources() == []
    )


def test_without_permission_to_read_tags_one_is_told_what_to_ask_for(standin, account: Account) -> None:
    message = "User: arn:aws:iam::1:user/u is not authorized to perform: tag:GetResources"
    standin.fail_next("tagging", "GetResources", "AccessDeniedException", message=message)
    with pytest.raises(UserError, match="You may not get resources: .*tag:GetResources"):
        AwsInventory(account).resources()


def test_what_is_nothing_is_refused_with_a_sentence(account: Account) -> None:
    with pytest.raises(UserError, match="cannot be deleted here"):
        AwsInventory(account).delete("arn:aws:iam::123456789012:role/admin")
