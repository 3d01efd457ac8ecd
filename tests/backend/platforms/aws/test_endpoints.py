"""Endpoints on AWS: their autoscaling, and that no change leaves anything behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from moving_squares import save_model

from backend.errors import UserError
from backend.platforms.aws.platform import AwsPlatform
from backend.platforms.aws.settings import AwsSettings
from backend.progress import silent


@pytest.fixture
def platform(aws_account: dict) -> AwsPlatform:
    return AwsPlatform(AwsSettings.parse(aws_account))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A model that keeps the container from starting."""
    folder = save_model(tmp_path / "broken")
    (folder / "model.onnx").write_bytes(b"no network")
    return folder


def targets(platform: AwsPlatform, ref: dict) -> list[tuple[int, int]]:
    """Return the minimum and maximum number of instances."""
    answer = platform.account.call(
        "application-autoscaling",
        "describe_scalable_targets",
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{ref['endpoint']}/variant/AllTraffic"],
    )
    return [(target["MinCapacity"], target["MaxCapacity"]) for target in answer["ScalableTargets"]]


def policies(platform: AwsPlatform, ref: dict) -> dict[str, dict[str, Any]]:
    answer = platform.account.call(
        "application-autoscaling",
        "describe_scaling_policies",
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{ref['endpoint']}/variant/AllTraffic",
    )
    return {policy["PolicyType"]: policy for policy in answer["ScalingPolicies"]}


def alarms(platform: AwsPlatform) -> list[dict[str, Any]]:
    return platform.account.call("cloudwatch", "describe_alarms")["MetricAlarms"]


def kept(platform: AwsPlatform) -> list[list[str]]:
    """Return the names of configurations and models."""
    listed = (
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_models", "Models", "ModelName"),
    )
    return [
        [page[name] for page in platform.account.pages("sagemaker", operation, key)] for operation, key, name in listed
    ]


def test_an_asynchronous_endpoint_scales_to_zero_and_back_until_it_is_deleted(
    platform: AwsPlatform, model: Path
) -> None:
    ref = platform.endpoints.start("night", model, "async", {"scale_to_zero": True, "max_count": 2, "backlog": 3})
    assert targets(platform, ref) == []  # SageMaker scales only endpoints in service
    platform.endpoints.wait_in_service(ref, silent)
    assert targets(platform, ref) == [(0, 2)]
    answer = policies(platform, ref)
    tracked = answer["TargetTrackingScaling"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["TargetValue"] == 3
    assert tracked["CustomizedMetricSpecification"]["MetricName"] == "ApproximateBacklogSizePerInstance"
    [alarm] = alarms(platform)
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["AlarmActions"] == [answer["StepScaling"]["PolicyARN"]]
    assert alarm["Dimensions"] == [{"Name": "EndpointName", "Value": ref["endpoint"]}]
    platform.endpoints.delete(ref)
    assert targets(platform, ref) == [] and alarms(platform) == []


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("realtime", {"count": 1, "max_count": 3, "per_minute": 120}, [(1, 3)]),
        ("realtime", {"count": 2, "max_count": 2}, []),
        ("async", {"scale_to_zero": False, "max_count": 1}, []),
    ],
)
def test_an_endpoint_scales_only_if_its_options_allow_it(
    platform: AwsPlatform, model: Path, mode: str, options: dict, expected: list
) -> None:
    ref = platform.endpoints.start("day", model, mode, options)
    platform.endpoints.wait_in_service(ref, silent)
    assert targets(platform, ref) == expected and alarms(platform) == []
    platform.endpoints.delete(ref)


def test_options_and_settings_reach_sagemaker(aws_account: dict, model: Path) -> None:
    chosen = {
        "subnets": "subnet-1",
        "security_groups": "sg-1",
        "network_isolation": True,
        "kms_key": "1234abcd-12ab-34cd-56ef-1234567890ab",
    }
    platform = AwsPlatform(AwsSettings.parse({**aws_account, **chosen}))
    topics = [f"arn:aws:sns:eu-west-1:123456789012:bytetrack-studio-{name}" for name in ("done", "failed")]
    options = {"concurrent": 3, "success_topic": topics[0], "error_topic": topics[1]}
    ref = platform.endpoints.start("told", model, "async", options)
    config = platform.account.call("sagemaker", "describe_endpoint_config", EndpointConfigName=ref["config"])
    queue = config["AsyncInferenceConfig"]
    assert queue["ClientConfig"]["MaxConcurrentInvocationsPerInstance"] == 3
    assert queue["OutputConfig"]["NotificationConfig"] == {"SuccessTopic": topics[0], "ErrorTopic": topics[1]}
    assert config["KmsKeyId"] == queue["OutputConfig"]["KmsKeyId"] == chosen["kms_key"]
    described = platform.account.call("sagemaker", "describe_model", ModelName=ref["model"])
    assert described["EnableNetworkIsolation"] and described["VpcConfig"]["Subnets"] == ["subnet-1"]
    platform.endpoints.delete(ref)


def ami(platform: AwsPlatform, ref: dict) -> str | None:
    config = platform.account.call("sagemaker", "describe_endpoint_config", EndpointConfigName=ref["config"])
    return config["ProductionVariants"][0].get("InferenceAmiVersion")


@pytest.mark.parametrize(("mode", "gpu"), [("realtime", "ml.g4dn.xlarge"), ("async", "ml.g6e.xlarge")])
def test_a_gpu_endpoint_has_a_driver_that_the_image_can_use(
    platform: AwsPlatform, model: Path, mode: str, gpu: str
) -> None:
    """Like AWS, the stand-in does not start a GPU variant with an older driver."""
    ref = platform.endpoints.start("fast", model, mode, {"instance_type": gpu})
    platform.endpoints.wait_in_service(ref, silent)
    assert ami(platform, ref) == "al2023-ami-sagemaker-inference-gpu-4-1"
    platform.endpoints.delete(ref)


def test_an_update_to_a_gpu_and_back_changes_the_ami(platform: AwsPlatform, model: Path) -> None:
    ref = platform.endpoints.start("day", model, "realtime", {"instance_type": "ml.c5.xlarge"})
    platform.endpoints.wait_in_service(ref, silent)
    assert ami(platform, ref) is None
    gpu = platform.endpoints.update(ref, model, {"instance_type": "ml.p4d.24xlarge"})
    platform.endpoints.wait_in_service(gpu, silent)
    assert ami(platform, gpu) == "al2023-ami-sagemaker-inference-gpu-4-1"
    platform.endpoints.retire(ref, gpu)
    back = platform.endpoints.update(gpu, model, {"instance_type": "ml.c5.xlarge"})
    platform.endpoints.wait_in_service(back, silent)
    assert ami(platform, back) is None
    platform.endpoints.retire(gpu, back)
    platform.endpoints.delete(back)


def test_a_topic_that_the_stacks_role_may_not_publish_to_is_refused(aws_account: dict, model: Path) -> None:
    role = f"arn:aws:iam::123456789012:role/{aws_account['stack']}-ExecutionRole-1"
    platform = AwsPlatform(AwsSettings.parse({**aws_account, "role": role}))
    topic = "arn:aws:sns:eu-west-1:123456789012:elsewhere"
    with pytest.raises(UserError, match=f"begin with “{aws_account['stack']}-”, not to “elsewhere”"):
        platform.endpoints.start("told", model, "async", {"error_topic": topic})
    assert kept(platform) == [[], []]


def test_an_update_that_does_not_start_changes_nothing(platform: AwsPlatform, model: Path, broken: Path) -> None:
    """SageMaker rolls back, the endpoint scales to zero as before, and nothing of the update is left."""
    ref = platform.endpoints.start("night", model, "async", {"scale_to_zero": True, "max_count": 2})
    platform.endpoints.wait_in_service(ref, silent)
    before = kept(platform)
    new = platform.endpoints.update(ref, broken, {"scale_to_zero": True, "max_count": 5})
    with pytest.raises(UserError, match="did not start"):
        platform.endpoints.wait_in_service(new, silent)
    platform.endpoints.retire(new, ref)
    assert targets(platform, ref) == [(0, 2)] and len(alarms(platform)) == 1
    assert kept(platform) == before and platform.endpoints.state(ref).status == "in service"
    platform.endpoints.delete(ref)


def test_a_refused_update_changes_nothing(standin, platform: AwsPlatform, model: Path) -> None:
    ref = platform.endpoints.start("day", model, "realtime", {"count": 1, "max_count": 3})
    platform.endpoints.wait_in_service(ref, silent)
    before = kept(platform)
    standin.fail_next("sagemaker", "UpdateEndpoint", "ResourceLimitExceeded", message="The account-level limit is 3")
    with pytest.raises(UserError, match="limit is 3"):
        platform.endpoints.update(ref, model, {"count": 1, "max_count": 9})
    assert targets(platform, ref) == [(1, 3)] and kept(platform) == before
    platform.endpoints.delete(ref)


def test_an_interrupted_update_continues_on_aws(platform: AwsPlatform, model: Path) -> None:
    """The pending configuration stays; the old version counts as failed until the next update."""
    ref = platform.endpoints.start("day", model, "realtime", {"count": 1, "max_count": 3})
    platform.endpoints.wait_in_service(ref, silent)
    new = platform.endpoints.update(ref, model, {})
    platform.endpoints.retire(new, ref)  # as the Stop button does
    platform.endpoints.wait_in_service(new, silent)
    assert platform.endpoints.state(ref).status == "failed"
    third = platform.endpoints.update(ref, model, {})
    platform.endpoints.wait_in_service(third, silent)
    platform.endpoints.retire(ref, third)
    assert platform.endpoints.state(third).status == "in service"
    platform.endpoints.delete(third)
