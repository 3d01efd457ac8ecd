"""Faults of AWS: retried if that helps, or else reported, without leaving unlisted resources behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from coco import save_channel
from moving_squares import save_model, save_video
from waiting import until

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.platform import AwsPlatform
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import ProcessingSpec, TrainingSpec, Watch
from backend.progress import silent

QUIET = Watch(lambda line: None)


@pytest.fixture
def platform(aws_account: dict) -> AwsPlatform:
    return AwsPlatform(AwsSettings.parse(aws_account))


@pytest.fixture
def account(platform: AwsPlatform) -> Account:
    return platform.account


def many_files(folder: Path, number: int = 40) -> Path:
    for entry in range(number):
        (folder / f"{entry:03d}.bin").write_bytes(entry.to_bytes(2, "big") * 500)
    return folder


def test_throttling_passes(standin, account: Account) -> None:
    standin.fail_next("sagemaker", "ListModels", "ThrottlingException", times=3, message="Rate exceeded")
    assert list(account.pages("sagemaker", "list_models", "Models")) == []


def test_an_upload_continues_after_credentials_expired(standin, account: Account, tmp_path: Path) -> None:
    folder, bucket = many_files(tmp_path), Bucket(account)
    assert bucket.name
    standin.fail_after(20, "s3", "PutObject", "ExpiredToken", times=1000, message="The provided token has expired.")
    with pytest.raises(UserError, match="credentials have expired.*not uploaded twice"):
        bucket.put_contents(folder, "datasets")
    standin.heal()
    uploads_before = standin.count("s3", "PutObject")
    uri = bucket.put_contents(folder, "datasets")
    assert len(bucket.sizes(uri)) == 40 and standin.count("s3", "PutObject") - uploads_before <= 20


def test_renewed_credentials_are_loaded(standin, account: Account, tmp_path: Path) -> None:
    bucket = Bucket(account)
    assert bucket.name
    standin.fail_next("s3", "PutObject", "ExpiredToken", times=1, message="The provided token has expired.")
    uri = bucket.put_contents(many_files(tmp_path), "datasets")
    assert len(bucket.sizes(uri)) == 40
    standin.fail_next("sagemaker", "ListModels", "ExpiredTokenException", times=1, message="expired")
    account.call("sagemaker", "list_models")


def test_a_denied_action_names_the_permission(standin, account: Account) -> None:
    message = "User: arn:aws:iam::1:user/u is not authorized to perform: sagemaker:ListModels"
    standin.fail_next("sagemaker", "ListModels", "AccessDeniedException", message=message)
    with pytest.raises(
        UserError, match="You may not list models: .*sagemaker:ListModels.*Ask the account's administrator"
    ):
        account.call("sagemaker", "list_models")


def test_a_bucket_in_another_region_is_named(standin, aws_account: dict) -> None:
    elsewhere = Bucket(Account(AwsSettings.parse({**aws_account, "region": "us-west-2"})))
    with pytest.raises(UserError, match="is in .*, but jobs run in us-west-2"):
        elsewhere.uri("x")
    missing = Bucket(Account(AwsSettings.parse({**aws_account, "bucket": "nobody-has-this-one"})))
    with pytest.raises(UserError, match="The bucket “nobody-has-this-one” does not exist"):
        missing.uri("x")


def test_a_short_network_failure_is_retried(standin, account: Account, tmp_path: Path) -> None:
    bucket = Bucket(Account(account.settings, unreachable_seconds=30))
    assert bucket.name
    standin.cut_off(seconds=6)
    uri = bucket.put_contents(many_files(tmp_path), "datasets")
    assert len(bucket.sizes(uri)) == 40


def test_a_long_network_failure_is_reported(standin, account: Account) -> None:
    standin.cut_off(seconds=60)
    started = time.monotonic()
    with pytest.raises(UserError, match="could not be reached to list models.*Check the network"):
        Account(account.settings, unreachable_seconds=1).call("sagemaker", "list_models")
    assert time.monotonic() - started < 30
    standin.heal()


def test_a_request_that_a_session_may_have_processed_is_not_retried(
    standin, platform: AwsPlatform, tmp_path: Path
) -> None:
    ref = platform.endpoints.start("once", save_model(tmp_path), "realtime", {})
    platform.endpoints.wait_in_service(ref, silent)
    platform.endpoints.invoke(ref, b"{}", "application/json", "NEW_SESSION")
    standin.cut_off(seconds=1)
    with pytest.raises(UserError, match="could not be reached to invoke endpoint"):
        platform.endpoints.invoke(ref, b"{}", "application/json", "NEW_SESSION")
    assert standin.cut == 1
    standin.heal()
    platform.endpoints.delete(ref)


def test_a_new_role_that_is_not_known_everywhere_is_retried(standin, platform: AwsPlatform, tmp_path: Path) -> None:
    message = "Could not assume role arn:aws:iam::1:role/r. Please ensure that the role exists"
    standin.fail_next("sagemaker", "CreateModel", "ValidationException", times=2, message=message)
    ref = platform.endpoints.start("soon", save_model(tmp_path), "realtime", {})
    platform.endpoints.delete(ref)
    assert platform.endpoints.state(ref).status == "gone"


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_a_deployment_that_fails_halfway_leaves_nothing(
    standin, platform: AwsPlatform, tmp_path: Path, operation: str
) -> None:
    standin.fail_next("sagemaker", operation, "ResourceLimitExceeded", message="The account-level limit is 0 Instances")
    with pytest.raises(UserError, match="quota of the account is exceeded: .*limit is 0.*higher quota"):
        platform.endpoints.start("halfway", save_model(tmp_path), "async", {})
    for lister, key in (("list_models", "Models"), ("list_endpoint_configs", "EndpointConfigs")):
        assert list(platform.account.pages("sagemaker", lister, key)) == []
    until(lambda: list(platform.account.pages("sagemaker", "list_endpoints", "Endpoints")) == [])  # deletions take time


def test_an_endpoint_that_someone_else_deleted_is_gone(standin, platform: AwsPlatform, tmp_path: Path) -> None:
    ref = platform.endpoints.start("shared", save_model(tmp_path), "realtime", {})
    platform.endpoints.wait_in_service(ref, silent)
    platform.account.call("sagemaker", "delete_endpoint", EndpointName=ref["endpoint"])
    until(lambda: platform.endpoints.state(ref).status == "gone")
    with pytest.raises(UserError, match="deleted on AWS.*Restart it on Deploy"):
        platform.endpoints.invoke(ref, b"{}", "application/json", "NEW_SESSION")
    platform.endpoints.delete(ref)
    assert list(platform.account.pages("sagemaker", "list_models", "Models")) == []


def test_all_pages_of_a_list_are_read(standin, account: Account) -> None:
    container = {"Image": account.settings.image}
    for number in range(23):
        account.call(
            "sagemaker",
            "create_model",
            ModelName=f"m-{number}",
            PrimaryContainer=container,
            ExecutionRoleArn=account.settings.role,
        )
    names = {page["ModelName"] for page in account.pages("sagemaker", "list_models", "Models")}
    assert len(names) == 23
    for name in names:
        account.call("sagemaker", "delete_model", ModelName=name)


def test_missing_credentials_name_the_command_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, standin) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    nobody = Account(AwsSettings.parse({"region": "eu-west-1"}))
    with pytest.raises(UserError, match="No AWS credentials were found. Run `aws configure`"):
        _ = nobody.identity
    with pytest.raises(UserError, match="There is no AWS profile “work” on this machine"):
        Account(AwsSettings.parse({"profile": "work"})).call("sts", "get_caller_identity")


def test_a_training_is_followed_after_its_console_was_lost(standin, platform: AwsPlatform, tmp_path: Path) -> None:
    """The network fails while a training runs; started again, the same job is followed to its end."""
    settings = {
        "width": "0.125",
        "input_size_h": "64",
        "input_size_w": "64",
        "test_size_h": "64",
        "test_size_w": "64",
        "batch_size": "2",
        "max_epoch": "1",
        "mosaic_prob": "0",
    }
    spec = TrainingSpec("lost", {"train": save_channel(tmp_path / "train")}, settings, "lostlostlost", tmp_path / "out")
    standin.fail_after(1, "sagemaker", "DescribeTrainingJob", "AccessDeniedException", times=1, message="not now")
    with pytest.raises(UserError, match="not now"):
        platform.training.run(spec, QUIET)
    assert platform.training.can_resume("lostlostlost")
    platform.training.run(spec, QUIET)
    assert json.loads((spec.output / "model.json").read_bytes())["classes"] == ["square", "disc"]
    assert standin.count("sagemaker", "CreateTrainingJob") == 1


def test_a_batch_job_is_followed_after_its_console_was_lost(standin, platform: AwsPlatform, tmp_path: Path) -> None:
    save_video(tmp_path / "videos" / "0.mp4")
    output = tmp_path / "output"
    spec = ProcessingSpec("lost", tmp_path / "videos", save_model(tmp_path / "model"), output)
    before = standin.count("sagemaker", "CreateProcessingJob")
    standin.fail_after(1, "sagemaker", "DescribeProcessingJob", "AccessDeniedException", times=1, message="not now")
    with pytest.raises(UserError, match="not now"):
        platform.batch.run(spec, QUIET)
    platform.batch.run(spec, QUIET)
    assert (output / "0.json").exists()
    assert standin.count("sagemaker", "CreateProcessingJob") == before + 1
    platform.batch.run(spec, QUIET)  # a job that has ended is started again
    assert standin.count("sagemaker", "CreateProcessingJob") == before + 2


def test_an_endpoint_is_deleted_even_if_its_autoscaling_may_not_be(
    standin, platform: AwsPlatform, tmp_path: Path
) -> None:
    ref = platform.endpoints.start("dear", save_model(tmp_path), "realtime", {})
    platform.endpoints.wait_in_service(ref, silent)
    refused = "not authorized to perform: application-autoscaling:DescribeScalableTargets"
    standin.fail_next("application-autoscaling", "DescribeScalableTargets", "AccessDeniedException", message=refused)
    with pytest.raises(UserError, match="The endpoint is deleted, but.*DescribeScalableTargets"):
        platform.endpoints.delete(ref)
    until(lambda: platform.endpoints.state(ref).status == "gone")
    assert list(platform.account.pages("sagemaker", "list_models", "Models")) == []


def test_an_endpoint_is_found_in_its_region_although_another_is_chosen(
    standin, platform: AwsPlatform, aws_account: dict, tmp_path: Path
) -> None:
    ref = platform.endpoints.start("here", save_model(tmp_path), "realtime", {})
    platform.endpoints.wait_in_service(ref, silent)
    elsewhere = AwsPlatform(AwsSettings.parse({**aws_account, "region": "us-west-2"}))
    assert elsewhere.endpoints.state(ref).status == "in service"
    elsewhere.endpoints.delete(ref)
    until(lambda: platform.endpoints.state(ref).status == "gone")
