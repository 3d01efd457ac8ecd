"""Metrics of endpoints in CloudWatch: requests and their times per minute, and the time of the last request.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html and, for the other metrics of asynchronous
endpoints, https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from backend.platforms.aws.account import Account
from backend.platforms.aws.autoscaling import VARIANT
from backend.platforms.base import Traffic

MINUTE_SECONDS = 60
STEP_SECONDS = 300  # resolution of the last request's time
HISTORY_DAYS = 14  # how far back the last request is searched for
ENDPOINTS_PER_REQUEST = 250  # with two metrics each: CloudWatch accepts 500 in one request
REQUEST_METRICS = ("Invocations", "InvocationsProcessed")  # counted by real-time and by asynchronous endpoints


def traffic(account: Account, endpoint: str) -> Traffic:
    """Return the figures of each minute of the last hour, oldest first; 0 if nothing was counted."""
    current_minute = int(time.time()) // MINUTE_SECONDS * MINUTE_SECONDS
    minutes = [float(current_minute - MINUTE_SECONDS * ago) for ago in range(59, -1, -1)]
    variant = {"EndpointName": endpoint, "VariantName": VARIANT}
    queries = {
        **{
            f"requests{number}": _query(metric, "Sum", MINUTE_SECONDS, variant)
            for number, metric in enumerate(REQUEST_METRICS)
        },
        "model": _query("ModelLatency", "Average", MINUTE_SECONDS, variant),
        "overhead": _query("OverheadLatency", "Average", MINUTE_SECONDS, variant),
        "waiting": _query("ApproximateBacklogSize", "Average", MINUTE_SECONDS, {"EndpointName": endpoint}),
    }
    series = _fetch(account, queries, minutes[0], minutes[-1] + MINUTE_SECONDS)

    def column(*keys: str, scale: float = 1.0) -> list[float]:
        return [sum(series[key].get(minute, 0.0) for key in keys) * scale for minute in minutes]

    return Traffic(
        minutes=minutes,
        invocations=column("requests0", "requests1"),
        model_ms=column("model", scale=1e-3),  # CloudWatch has microseconds
        overhead_ms=column("overhead", scale=1e-3),
        waiting=column("waiting"),
    )


def last_used(account: Account, endpoints: Iterable[str]) -> dict[str, float]:
    """Return when each endpoint answered its last request, rounded up to five minutes.

    Args:
        account: The account.
        endpoints: Names of endpoints.

    Returns:
        Seconds since 1970 by endpoint, without those that had no request in the last 14 days.
    """
    now = time.time()
    start = now // STEP_SECONDS * STEP_SECONDS - HISTORY_DAYS * 86400
    names, used = list(endpoints), dict[str, float]()
    for first in range(0, len(names), ENDPOINTS_PER_REQUEST):
        some_names = names[first : first + ENDPOINTS_PER_REQUEST]
        queries = {
            f"requests{kind}of{number}": _query(
                metric, "Sum", STEP_SECONDS, {"EndpointName": name, "VariantName": VARIANT}
            )
            for number, name in enumerate(some_names)
            for kind, metric in enumerate(REQUEST_METRICS)
        }
        for key, counts in _fetch(account, queries, start, now).items():
            name = some_names[int(key.partition("of")[2])]
            step_ends = [min(step + STEP_SECONDS, now) for step, count in counts.items() if count > 0]
            if step_ends:
                used[name] = max(used.get(name, 0.0), *step_ends)
    return used


def _query(metric: str, statistic: str, period_seconds: int, dimensions: dict[str, str]) -> dict[str, Any]:
    description = {
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    return {"MetricStat": {"Metric": description, "Period": period_seconds, "Stat": statistic}}


def _fetch(account: Account, queries: dict[str, Any], start: float, end: float) -> dict[str, dict[float, float]]:
    """Return the values of each query by the start of their period, in seconds since 1970."""
    series: dict[str, dict[float, float]] = {key: {} for key in queries}
    results = account.pages(
        "cloudwatch",
        "get_metric_data",
        "MetricDataResults",
        MetricDataQueries=[{"Id": key, **query} for key, query in queries.items()],
        StartTime=datetime.fromtimestamp(start, UTC),
        EndTime=datetime.fromtimestamp(end, UTC),
    )
    for result in results:
        times = (timestamp.timestamp() for timestamp in result["Timestamps"])
        series[result["Id"]] |= dict(zip(times, result["Values"]))
    return series
