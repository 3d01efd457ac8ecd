"""How many instances an endpoint has: with its load, and for an asynchronous one with its queue, down to none.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from typing import Any

from backend.platforms import options
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import AsyncChoices, EndpointChoices
from backend.platforms.base import Options

VARIANT = "AllTraffic"
SERVICE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
COOL_DOWN = 300  # seconds without work before an instance goes
WAKE_UP = "wake-up"


def register(account: Account, endpoint: str, mode: str, chosen: Options) -> None:
    """Let the endpoint scale as was chosen; nothing is registered where its number of instances is fixed."""
    if mode == "async":
        _register_queue(account, endpoint, options.parse(AsyncChoices, chosen))
    else:
        _register_load(account, endpoint, options.parse(EndpointChoices, chosen))


def deregister(account: Account, endpoint: str) -> None:
    """Forget how it scales, with its policies and alarm. Fine if it does not."""
    found = account.call(
        "application-autoscaling",
        "describe_scalable_targets",
        ServiceNamespace=SERVICE,
        ResourceIds=[_resource(endpoint)],
        ScalableDimension=DIMENSION,
    )
    if found["ScalableTargets"]:
        account.call("application-autoscaling", "deregister_scalable_target", **_target(endpoint))
    account.call("cloudwatch", "delete_alarms", AlarmNames=[_alarm(endpoint)])


def _register_load(account: Account, endpoint: str, choices: EndpointChoices) -> None:
    if choices.max_count == choices.count:
        return
    _register_target(account, endpoint, choices.count, choices.max_count)
    _track(
        account,
        endpoint,
        "load",
        choices.per_minute,
        PredefinedMetricSpecification={"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    )


def _register_queue(account: Account, endpoint: str, choices: AsyncChoices) -> None:
    lowest = 0 if choices.scale_to_zero else 1
    if choices.max_count == lowest:
        return
    _register_target(account, endpoint, lowest, choices.max_count)
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    _track(
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
    if lowest == 0:  # without an instance there is no backlog per instance: the first one is called by an alarm
        policy = account.call(
            "application-autoscaling",
            "put_scaling_policy",
            PolicyName=f"{endpoint}-{WAKE_UP}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Average",
                "Cooldown": COOL_DOWN,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            },
            **_target(endpoint),
        )
        account.call(
            "cloudwatch",
            "put_metric_alarm",
            AlarmName=_alarm(endpoint),
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


def _register_target(account: Account, endpoint: str, lowest: int, highest: int) -> None:
    account.call(
        "application-autoscaling",
        "register_scalable_target",
        MinCapacity=lowest,
        MaxCapacity=highest,
        **_target(endpoint),
    )


def _track(account: Account, endpoint: str, name: str, value: float, **metric: Any) -> None:
    account.call(
        "application-autoscaling",
        "put_scaling_policy",
        PolicyName=f"{endpoint}-{name}",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(value),
            "ScaleInCooldown": COOL_DOWN,
            "ScaleOutCooldown": COOL_DOWN,
            **metric,
        },
        **_target(endpoint),
    )


def _target(endpoint: str) -> dict[str, str]:
    return {"ServiceNamespace": SERVICE, "ResourceId": _resource(endpoint), "ScalableDimension": DIMENSION}


def _resource(endpoint: str) -> str:
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def _alarm(endpoint: str) -> str:
    return f"{endpoint}-{WAKE_UP}"
