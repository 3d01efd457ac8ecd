"""What endpoints did, as CloudWatch counted it: requests and their times minute by minute, and when the last one came.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html and, as asynchronous endpoints count other
things, https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from backend.platforms.aws.account import Account
from backend.platforms.aws.autoscaling import VARIANT
from backend.platforms.base import Traffic

MINUTE, STEP = 60, 300  # seconds; CloudWatch keeps single minutes only as long as `DAYS`
DAYS = 14  # that are looked back upon for the last request
AT_ONCE = 250  # endpoints in one call, of two metrics each: CloudWatch takes 500
# Real-time endpoints count the one, asynchronous ones the other.
REQUESTS = ("Invocations", "InvocationsProcessed")


def traffic(account: Account, endpoint: str) -> Traffic:
    """Every minute of the last hour, oldest first, the current one included; 0 where nothing was counted."""
    last = int(time.time()) // MINUTE * MINUTE
    minutes = [float(last - MINUTE * ago) for ago in range(59, -1, -1)]
    variant = {"EndpointName": endpoint, "VariantName": VARIANT}
    queries = {
        **{f"requests{number}": _query(name, "Sum", MINUTE, variant) for number, name in enumerate(REQUESTS)},
        "model": _query("ModelLatency", "Average", MINUTE, variant),
        "overhead": _query("OverheadLatency", "Average", MINUTE, variant),
        "waiting": _query("ApproximateBacklogSize", "Average", MINUTE, {"EndpointName": endpoint}),
    }
    found = _values(account, queries, minutes[0], minutes[-1] + MINUTE)

    def column(*keys: str, scale: float = 1.0) -> list[float]:
        return [sum(found[key].get(minute, 0.0) for key in keys) * scale for minute in minutes]

    return Traffic(
        minutes=minutes,
        invocations=column("requests0", "requests1"),
        model_ms=column("model", scale=1e-3),  # CloudWatch has microseconds
        overhead_ms=column("overhead", scale=1e-3),
        waiting=column("waiting"),
    )


def last_used(account: Account, endpoints: Iterable[str]) -> dict[str, float]:
    """When each endpoint answered its last request in the last 14 days (seconds since 1970), to five minutes and not
    too early; those without any are not in it."""
    now = time.time()
    start = now // STEP * STEP - DAYS * 86400
    names, used = list(endpoints), dict[str, float]()
    for first in range(0, len(names), AT_ONCE):
        some = names[first : first + AT_ONCE]
        queries = {
            f"requests{kind}of{number}": _query(metric, "Sum", STEP, {"EndpointName": name, "VariantName": VARIANT})
            for number, name in enumerate(some)
            for kind, metric in enumerate(REQUESTS)
        }
        for key, values in _values(account, queries, start, now).items():
            name = some[int(key.partition("of")[2])]
            busy = [min(start + STEP, now) for start, count in values.items() if count > 0]
            if busy:
                used[name] = max(busy)
    return used


def _query(name: str, statistic: str, period: int, dimensions: dict[str, str]) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    return {"MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}


def _values(account: Account, queries: dict[str, Any], start: float, end: float) -> dict[str, dict[float, float]]:
    """Each query's figures by the start of their period, in one request unless there are very many."""
    found: dict[str, dict[float, float]] = {key: {} for key in queries}
    results = account.pages(
        "cloudwatch",
        "get_metric_data",
        "MetricDataResults",
        MetricDataQueries=[{"Id": key, **query} for key, query in queries.items()],
        StartTime=datetime.fromtimestamp(start, UTC),
        EndTime=datetime.fromtimestamp(end, UTC),
    )
    for result in results:
        times = (each.timestamp() for each in result["Timestamps"])
        found[result["Id"]] |= dict(zip(times, result["Values"]))
    return found
