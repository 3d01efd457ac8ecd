"""What an instance costs per hour: from the AWS Price List API, kept on disk for a week, or from a dated table.

Prices are those of on-demand instances. What spot capacity costs is in no list: SageMaker tells a job's billable
seconds once it has ended, which are fewer. Disks are left out; they cost a fraction of a cent per hour.
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

from backend.errors import UserError
from backend.platforms.aws.account import Account
from bytetrack.files import write_atomically

FILE = Path(__file__).with_name("prices.json")
API_REGION = "us-east-1"  # the API is in few regions, and knows the prices of all
# SageMaker's components in the list, and what the usage on a bill begins with: `USE1-Train:ml.g5.xlarge`.
COMPONENTS = {
    "training": ("Training", "Train"),
    "processing": ("Processing", "Processing"),
    "hosting": ("Hosting", "Host"),
}
WEEK, HOUR = 7 * 86400, 3600
PATIENCE = 4.0  # seconds that a page waits for a first answer

_asking = threading.Lock()
_asked: dict[tuple[str, str], float] = {}  # when, by region and usage


@dataclass(frozen=True)
class Price:
    """In US dollars. An estimate is of another region or of long ago, as its source says."""

    per_hour: float
    source: str
    estimate: bool = False

    def __str__(self) -> str:
        return f"${self.per_hour:.2f} per hour" + (f" ({self.source})" if self.estimate else "")


def per_hour(account: Account, instance_type: str, usage: str) -> Price | None:
    """Of one instance for `usage`, a key of `COMPONENTS`; None where nobody tells."""
    return table(account, usage).get(instance_type)


def table(account: Account, usage: str) -> dict[str, Price]:
    """All that is known, by instance type. Never fails: without the API's answer, prices are estimates.

    What is kept answers at once; where it is older than a week, it is renewed meanwhile.
    """
    path = _path(account.region, usage)
    kept = _read(path)
    if not kept or any(price.estimate for price in kept.values()):
        asking = _ask(account, usage)
        if not kept and asking:
            asking.join(PATIENCE)
            kept = _read(path)
    return kept or fallback()


@cache
def fallback() -> dict[str, Price]:
    """The table that lies beside this module."""
    found = json.loads(FILE.read_text())
    source = f"table of {found['date']}, {found['region']}"
    return {name: Price(price, source, estimate=True) for name, price in found["per_hour"].items()}


def fetch(account: Account, usage: str) -> dict[str, float]:
    """Ask the Price List API for all instance types in the account's region.

    Raises:
        UserError: what AWS refused.
    """
    component, begins = COMPONENTS[usage]
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
    return parse(products, begins)


def parse(products: Iterable[str], begins: str) -> dict[str, float]:
    """From the API's products, each a JSON text: US dollars by instance type.

    Fees that are not by the hour, other usages than the one that `begins` so, and free allowances are passed over.
    """
    found: dict[str, float] = {}
    for product in map(json.loads, products):
        usage = product["product"]["attributes"].get("usagetype", "")
        named = re.fullmatch(rf"(?:[A-Z0-9]+-)?{begins}:(ml\.[\w-]+\.\w+)", usage)
        dollars = [
            float(each["pricePerUnit"].get("USD", 0))
            for term in product.get("terms", {}).get("OnDemand", {}).values()
            for each in term["priceDimensions"].values()
            if each["unit"].lower() in ("hrs", "hours", "hour")
        ]
        if named and dollars and max(dollars) > 0:
            found[named[1]] = max(dollars)
    return found


def _ask(account: Account, usage: str) -> threading.Thread | None:
    """Renew what is kept in a thread, as the network may be away for minutes; None where that was tried of late."""
    key = account.region, usage
    with _asking:
        if time.monotonic() - _asked.get(key, -HOUR) < HOUR:
            return None
        _asked[key] = time.monotonic()
    thread = threading.Thread(target=_renew, args=(account, usage), daemon=True)
    thread.start()
    return thread


def _renew(account: Account, usage: str) -> None:
    with suppress(UserError, OSError):  # without permission, network or room the prices are estimates, and say so
        if found := fetch(account, usage):
            write_atomically(_path(account.region, usage), json.dumps(found).encode())


def _read(path: Path) -> dict[str, Price]:
    """What is kept; nothing where nothing is."""
    try:
        found, written = json.loads(path.read_bytes()), path.stat().st_mtime
    except FileNotFoundError:
        return {}
    source, old = f"AWS's price list of {date.fromtimestamp(written)}", time.time() - written > WEEK
    return {name: Price(price, source, old) for name, price in found.items()}


def _path(region: str, usage: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "bytetrack-studio" / "prices" / f"{region}-{usage}.json"
