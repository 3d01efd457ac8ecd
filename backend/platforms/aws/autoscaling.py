"""Autoscaling of endpoints: real-time ones with their load, asynchronous ones with their queue, down to zero.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from typing import Any

from backend.platforms import options
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import AsyncChoices, EndpointChoices
from backend.platforms.base import EndpointMode, Options

VARIANT = "AllTraffic"
SERVICE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
COOL_DOWN_SECONDS = 300  # time without work before an instance is removed
WAKE_UP = "wake-up"


def register(account: Account, endpoint: str, mode: EndpointMode, chosen: Options) -> None:
    """Let an endpoint scale as its options say. No-op if its number of instances is fixed."""
    if mode == "async":
        _register_queue(account, endpoint, options.parse(AsyncChoices, chosen))
    else:
        _register_load(account, endpoint, options.parse(EndpointChoices, chosen))


def deregister(account: Account, endpoint: str) -> None:
    """Delete an endpoint's scaling target with its policies and alarm. No-op if it has none."""
    answer = account.call(
        "application-autoscaling",
        "describe_scalable_targets",
        ServiceNamespace=SERVICE,
        ResourceIds=[_resource_id(endpoint)],
        ScalableDimension=DIMENSION,
    )
    if answer["ScalableTargets"]:
        account.call("application-autoscaling", "deregister_scalable_target", **_target(endpoint))
    account.call("cloudwatch", "delete_alarms", AlarmNames=[_alarm_name(endpoint)])


def _register_load(account: Account, endpoint: str, choices: EndpointChoices) -> None:
    if choices.max_count == choices.count:
        return
    _register_target(account, endpoint, choices.count, choices.max_count)
    _put_tracking_policy(
        account,
        endpoint,
        "load",
        choices.per_minute,
        PredefinedMetricSpecification={"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    )


def _register_queue(account: Account, endpoint: str, choices: AsyncChoices) -> None:
    min_count = 0 if choices.scale_to_zero else 1
    if choices.max_count == min_count:
        return
    _register_target(account, endpoint, min_count, choices.max_count)
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    _put_tracking_policy(
        account,
        endpoint,
        "queue",
        choices.backlog,
        CustomizedMetricSpecification={
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": dimensions,
            "Statistic": "Average",
        },
    )
    if min_count == 0:
        _put_wake_up(account, endpoint, dimensions)


def _put_wake_up(account: Account, endpoint: str, dimensions: list[dict[str, str]]) -> None:
    """Create the alarm that starts the first instance: without one, the backlog per instance is undefined."""
    policy = account.call(
        "application-autoscaling",
        "put_scaling_policy",
        PolicyName=f"{endpoint}-{WAKE_UP}",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": COOL_DOWN_SECONDS,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
        **_target(endpoint),
    )
    account.call(
        "cloudwatch",
        "put_metric_alarm",
        AlarmName=_alarm_name(endpoint),
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        Dimensions=dimensions,
        Period=60,
        AlarmActions=[policy["PolicyARN"]],
        Tags=account.settings.tag_list,
    )


def _register_target(account: Account, endpoint: str, min_count: int, max_count: int) -> None:
    account.call(
        "application-autoscaling",
        "register_scalable_target",
        MinCapacity=min_count,
        MaxCapacity=max_count,
        **_target(endpoint),
    )


def _put_tracking_policy(account: Account, endpoint: str, name: str, value: float, **metric: Any) -> None:
    account.call(
        "application-autoscaling",
        "put_scaling_policy",
        PolicyName=f"{endpoint}-{name}",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(value),
            "ScaleInCooldown": COOL_DOWN_SECONDS,
            "ScaleOutCooldown": COOL_DOWN_SECONDS,
            **metric,
        },
        **_target(endpoint),
    )


def _target(endpoint: str) -> dict[str, str]:
    return {"ServiceNamespace": SERVICE, "ResourceId": _resource_id(endpoint), "ScalableDimension": DIMENSION}


def _resource_id(endpoint: str) -> str:
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def _alarm_name(endpoint: str) -> str:
    return f"{endpoint}-{WAKE_UP}"
