"""What instances cost per hour: from the AWS Price List API, cached on disk for a week, or from a dated table.

These are prices of on-demand instances. No list has the prices of spot capacity: SageMaker reports the billable seconds
of a job, which are fewer, once it has ended. Disks are left out; they cost a fraction of a cent per hour.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from backend.errors import UserError
from backend.platforms.aws.account import Account
from bytetrack.files import write_atomically

Usage = Literal["training", "processing", "hosting"]
"""What an instance is used for; its price depends on it."""

TABLE_FILE = Path(__file__).with_name("prices.json")
API_REGION = "us-east-1"  # the API exists in few regions, but knows the prices of all
# SageMaker's components in the price list, and how a usage type on the bill begins: `USE1-Train:ml.g5.xlarge`.
COMPONENTS: dict[Usage, tuple[str, str]] = {
    "training": ("Training", "Train"),
    "processing": ("Processing", "Processing"),
    "hosting": ("Hosting", "Host"),
}
CACHE_SECONDS = 7 * 86400
REFRESH_INTERVAL_SECONDS = 3600  # shortest time between two attempts to refresh the cache
FIRST_ANSWER_SECONDS = 4.0  # for how long a page waits for prices that are not in the cache

_refresh_lock = threading.Lock()
_refreshed: dict[tuple[str, Usage], float] = {}  # time of the last attempt, by region and usage


@dataclass(frozen=True)
class Price:
    """A price in US dollars. If it is of another region or outdated, it is an estimate, and `source` says so."""

    per_hour: float
    source: str
    estimate: bool = False

    def __str__(self) -> str:
        return f"${self.per_hour:.2f} per hour" + (f" ({self.source})" if self.estimate else "")


def cost_per_hour(account: Account, instance_type: str, usage: Usage, count: int = 1) -> float:
    """Return what running instances cost in US dollars per hour; 0 if their price is unknown."""
    price = instance_price(account, instance_type, usage)
    return price.per_hour * count if price else 0.0


def instance_price(account: Account, instance_type: str, usage: Usage) -> Price | None:
    """Return the price of one instance, or None if it is unknown."""
    return price_table(account, usage).get(instance_type)


def price_table(account: Account, usage: Usage) -> dict[str, Price]:
    """Return all known prices by instance type; estimates if the Price List API does not answer.

    Cached prices are returned at once. If they are older than a week, they are refreshed in the background.
    """
    path = _cache_path(account.region, usage)
    cached = _read_cache(path)
    if not cached or any(price.estimate for price in cached.values()):
        refresh = _start_refresh(account, usage)
        if not cached and refresh:
            refresh.join(FIRST_ANSWER_SECONDS)
            cached = _read_cache(path)
    return cached or fallback_table()


@cache
def fallback_table() -> dict[str, Price]:
    """Return the estimates from the table beside this module."""
    table = json.loads(TABLE_FILE.read_text())
    source = f"table of {table['date']}, {table['region']}"
    return {name: Price(price, source, estimate=True) for name, price in table["per_hour"].items()}


def fetch_prices(account: Account, usage: Usage) -> dict[str, float]:
    """Request the prices of all instance types in the account's region from the Price List API.

    Returns:
        US dollars per hour by instance type.

    Raises:
        UserError: If AWS refuses.
    """
    component, usage_prefix = COMPONENTS[usage]
    products = account.pages(
        "pricing",
        "get_products",
        "PriceList",
        region=API_REGION,
        ServiceCode="AmazonSageMaker",
        FormatVersion="aws_v1",
        Filters=[
            {"Type": "TERM_MATCH", "Field": field, "Value": value}
            for field, value in (("regionCode", account.region), ("component", component))
        ],
    )
    return parse_products(products, usage_prefix)


def parse_products(products: Iterable[str], usage_prefix: str) -> dict[str, float]:
    """Extract prices from the API's products.

    Fees that are not hourly, other usages and free allowances are skipped.

    Args:
        products: JSON text of each product.
        usage_prefix: Prefix of the relevant usage types, without the region.

    Returns:
        US dollars per hour by instance type.
    """
    prices: dict[str, float] = {}
    for product in map(json.loads, products):
        usage_type = product["product"]["attributes"].get("usagetype", "")
        match = re.fullmatch(rf"(?:[A-Z0-9]+-)?{usage_prefix}:(ml\.[\w-]+\.\w+)", usage_type)
        dollars = [
            float(dimension["pricePerUnit"].get("USD", 0))
            for term in product.get("terms", {}).get("OnDemand", {}).values()
            for dimension in term["priceDimensions"].values()
            if dimension["unit"].lower() in ("hrs", "hours", "hour")
        ]
        if match and dollars and max(dollars) > 0:
            prices[match[1]] = max(dollars)
    return prices


def _start_refresh(account: Account, usage: Usage) -> threading.Thread | None:
    """Refresh the cache in a thread, as the network may be down for minutes; None if that was tried recently."""
    key = account.region, usage
    with _refresh_lock:
        if time.monotonic() - _refreshed.get(key, -REFRESH_INTERVAL_SECONDS) < REFRESH_INTERVAL_SECONDS:
            return None
        _refreshed[key] = time.monotonic()
    thread = threading.Thread(target=_refresh_cache, args=(account, usage), daemon=True)
    thread.start()
    return thread


def _refresh_cache(account: Account, usage: Usage) -> None:
    with suppress(UserError, OSError):  # without permission, network or disk space, prices remain estimates
        if prices := fetch_prices(account, usage):
            write_atomically(_cache_path(account.region, usage), json.dumps(prices).encode())


def _read_cache(path: Path) -> dict[str, Price]:
    try:
        prices, written = json.loads(path.read_bytes()), path.stat().st_mtime
    except FileNotFoundError:
        return {}
    source, outdated = f"AWS's price list of {date.fromtimestamp(written)}", time.time() - written > CACHE_SECONDS
    return {name: Price(price, source, outdated) for name, price in prices.items()}


def _cache_path(region: str, usage: Usage) -> Path:
    cache_folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_folder) / "bytetrack-studio" / "prices" / f"{region}-{usage}.json"
