"""Prices from an HTTP server that answers as the Price List API's documentation says."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from waiting import until

from backend.platforms.aws import instances, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.settings import AwsSettings


def product(usage: str, dollars: float, component: str, unit: str = "Hrs") -> str:
    """Return a product as the API does: a JSON text within JSON."""
    attributes = {
        "usagetype": usage,
        "component": component,
        "instanceName": usage.rpartition(":")[2],
        "regionCode": "eu-west-1",
        "servicecode": "AmazonSageMaker",
    }
    price = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{dollars:.10f}"}}
    term = {"offerTermCode": "JRTCKXETXF", "priceDimensions": {"S.JRTCKXETXF.6YS6EN2CT7": price}}
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "attributes": attributes, "sku": "S"},
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {"S.JRTCKXETXF": term}},
            "version": "20260925000313",
        }
    )


PRODUCTS = [
    product("EU-Train:ml.g5.xlarge", 1.57, "Training"),
    product("EU-Train:ml.p6-b200.48xlarge", 140.5, "Training"),
    product("EU-TrainingPlanUpfrontFee:ml.p4d.24xlarge", 13.57, "Training", unit="Quantity"),
    product("EU-Train:ml.m5.large", 0.0, "Training"),  # a free allowance
    product("EU-Train:ml.m5.large", 0.128, "Training"),
    product("EU-Host:ml.g5.xlarge", 1.6, "Hosting"),
]


class PriceList(ThreadingHTTPServer):
    """A server for `GetProducts`, with two products per page."""

    denied = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = threading.Event()
        self.answers.set()
        self.asked: list[dict] = []


class Handler(BaseHTTPRequestHandler):
    server: PriceList

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        self.server.asked.append(request)
        self.server.answers.wait(20)
        if self.server.denied:
            self.answer(400, {"__type": "AccessDeniedException", "Message": "not authorized: pricing:GetProducts"})
            return
        wanted = {criterion["Field"]: criterion["Value"] for criterion in request["Filters"]}
        products = [
            entry
            for entry in PRODUCTS
            if all(json.loads(entry)["product"]["attributes"][field] == value for field, value in wanted.items())
        ]
        start = int(request.get("NextToken", 0))
        more = {"NextToken": str(start + 2)} if start + 2 < len(products) else {}
        self.answer(200, {"FormatVersion": "aws_v1", "PriceList": products[start : start + 2], **more})

    def answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PriceList]:
    server = PriceList()
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(prices, "_refreshed", {})
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def account() -> Account:
    return Account(AwsSettings(region="eu-west-1"))


def kept(tmp_path: Path) -> Path:
    (path,) = tmp_path.rglob("*.json")
    return path


def test_prices_depend_on_region_and_usage(price_list: PriceList, account: Account) -> None:
    trained, hosted = (prices.instance_price(account, "ml.g5.xlarge", usage) for usage in ("training", "hosting"))
    assert trained and trained.per_hour == 1.57 and str(trained) == "$1.57 per hour"
    assert hosted and hosted.per_hour == 1.6
    assert prices.instance_price(account, "ml.p6-b200.48xlarge", "training") is not None  # from the second page


def test_fees_and_free_allowances_are_skipped(price_list: PriceList, account: Account) -> None:
    assert prices.instance_price(account, "ml.p4d.24xlarge", "training") is None
    price = prices.instance_price(account, "ml.m5.large", "training")
    assert price and price.per_hour == 0.128


def test_cached_prices_are_not_requested_again(price_list: PriceList, account: Account) -> None:
    first = prices.price_table(account, "training")
    requests_before = len(price_list.asked)
    assert prices.price_table(account, "training") == first and len(price_list.asked) == requests_before


def test_outdated_prices_are_returned_and_refreshed(price_list: PriceList, account: Account, tmp_path: Path) -> None:
    prices.price_table(account, "training")
    month_ago = time.time() - 30 * 86400
    os.utime(kept(tmp_path), (month_ago, month_ago))
    prices._refreshed.clear()
    old = prices.instance_price(account, "ml.g5.xlarge", "training")
    assert old and old.estimate and "price list of" in str(old)
    until(lambda: time.time() - kept(tmp_path).stat().st_mtime < 3600)
    new = prices.instance_price(account, "ml.g5.xlarge", "training")
    assert new and not new.estimate


def test_without_permission_prices_come_from_the_table_and_say_so(price_list: PriceList, account: Account) -> None:
    price_list.denied = True
    price = prices.instance_price(account, "ml.g5.xlarge", "training")
    assert price and price.estimate and str(price) == "$1.41 per hour (table of 2026-09-25, us-east-1)"
    requests_before = len(price_list.asked)
    prices.instance_price(account, "ml.g5.xlarge", "training")
    assert requests_before == len(price_list.asked)  # a refused request is not repeated each time


def test_a_slow_price_list_does_not_block(
    price_list: PriceList, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "FIRST_ANSWER_SECONDS", 0.05)
    price_list.answers.clear()
    price = prices.instance_price(account, "ml.g5.xlarge", "training")
    price_list.answers.set()
    assert price and price.estimate


def test_the_table_has_only_existing_types_and_plausible_prices() -> None:
    for name, price in prices.fallback_table().items():
        assert name in instances.type_names("hosting") or name in instances.type_names("training")
        assert 0.01 < price.per_hour < 200
