"""Metrics in moto's CloudWatch are returned as the page draws them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from moto.server import ThreadedMotoServer

from backend.platforms.aws import metrics
from backend.platforms.aws.account import Account
from backend.platforms.aws.settings import AwsSettings


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    httpx.post(f"{address}/moto-api/reset")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield Account(AwsSettings(region="us-east-1"))
    server.stop()


def count(account: Account, endpoint: str, name: str, value: float, at: float, variant: bool = True) -> None:
    """Store a value as SageMaker does."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    if variant:
        dimensions.append({"Name": "VariantName", "Value": "AllTraffic"})
    account.call(
        "cloudwatch",
        "put_metric_data",
        Namespace="AWS/SageMaker",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Timestamp": datetime.fromtimestamp(at, UTC),
                "Value": value,
            }
        ],
    )


def test_traffic_is_returned_per_minute(account: Account) -> None:
    now = time.time()
    for value in (80_000.0, 120_000.0):
        count(account, "yard", "Invocations", 1, at=now - 600)
        count(account, "yard", "ModelLatency", value, at=now - 600)
        count(account, "yard", "OverheadLatency", 4_000, at=now - 600)
    count(account, "yard", "Invocations", 1, at=now - 4000)  # more than an hour ago
    count(account, "other", "Invocations", 1, at=now - 600)
    traffic = metrics.traffic(account, "yard")
    assert len(traffic.minutes) == 60 and traffic.minutes == sorted(traffic.minutes)
    (busy,) = [number for number, requests in enumerate(traffic.invocations) if requests]
    assert 0 <= now - 600 - traffic.minutes[busy] < 60
    assert (traffic.invocations[busy], traffic.model_ms[busy], traffic.overhead_ms[busy]) == (2, 100, 4)
    assert sum(traffic.waiting) == 0


def test_an_asynchronous_endpoint_has_other_metrics(account: Account) -> None:
    now = time.time()
    count(account, "queue", "InvocationsProcessed", 3, at=now - 300)
    count(account, "queue", "ApproximateBacklogSize", 7, at=now - 300, variant=False)
    traffic = metrics.traffic(account, "queue")
    assert sum(traffic.invocations) == 3 and max(traffic.waiting) == 7


def test_a_request_of_the_current_minute_counts(account: Account) -> None:
    now = time.time()
    count(account, "yard", "Invocations", 1, at=now)
    assert sum(metrics.traffic(account, "yard").invocations) == 1


def test_the_time_of_the_last_request_has_a_resolution_of_five_minutes(account: Account) -> None:
    now, days = time.time(), 5 * 86400
    count(account, "yard", "Invocations", 4, at=now - days)
    count(account, "yard", "Invocations", 0, at=now - 60)  # SageMaker counts zeros, too
    count(account, "queue", "InvocationsProcessed", 1, at=now - 60)
    count(account, "old", "Invocations", 1, at=now - 20 * 86400)
    used = metrics.last_used(account, ["yard", "queue", "old", "never"])
    assert set(used) == {"yard", "queue"}
    assert 0 <= used["yard"] - (now - days) <= 300
    assert time.time() - used["queue"] < 61


def test_many_endpoints_are_queried_in_few_requests(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ENDPOINTS_PER_REQUEST", 2)
    now = time.time()
    names = [f"yard-{number}" for number in range(5)]
    for name in names:
        count(account, name, "Invocations", 1, at=now - 60)
    assert sorted(metrics.last_used(account, names)) == names
