"""Quotas: how many instances of a type the account may run at once, from Service Quotas."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Literal

from backend.platforms.aws.account import Account
from backend.platforms.aws.terminal import aws

QuotaUsage = Literal["training", "spot", "batch", "endpoint"]
"""What instances are used for. Each usage has quotas of its own."""
QUOTA_NAMES: dict[QuotaUsage, str] = {  # the end of their names, such as “ml.g5.xlarge for training job usage”
    "training": "training job usage",
    "spot": "spot training job usage",
    "batch": "processing job usage",
    "endpoint": "endpoint usage",
}
CACHE_SECONDS = 300  # listing some thousand quotas in pages of a hundred takes seconds

_lock = threading.Lock()
_cache: dict[tuple[str, str], tuple[float, dict[str, Quota]]] = {}  # by account and region: time and all quotas


@dataclass(frozen=True)
class Quota:
    """A quota: `value` instances may run at once; `code` is its id in Service Quotas."""

    name: str
    code: str
    value: float


def quota_of(account: Account, usage: QuotaUsage, instance_type: str) -> Quota | None:
    """Return the quota of an instance type for a usage, or None if AWS has none, as for an unknown type."""
    return _all_quotas(account).get(f"{instance_type} for {QUOTA_NAMES[usage]}")


def request_command(account: Account, quota: Quota, value: int) -> str:
    """Return the terminal command that requests a higher quota."""
    code, desired = ("--quota-code", quota.code), ("--desired-value", str(value))
    return aws(
        account, "service-quotas", "request-service-quota-increase", "--service-code", "sagemaker", *code, *desired
    )


def link(account: Account, quota: Quota) -> str:
    """Return the URL of the quota's page on AWS's own console."""
    return (
        f"https://{account.region}.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/{quota.code}"
        f"?region={account.region}"
    )


def _all_quotas(account: Account) -> dict[str, Quota]:
    """Return all quotas by name: AWS's defaults, overridden by those of this account."""
    key = account.identity["Account"], account.region
    with _lock:
        fetched, quotas = _cache.get(key, (0.0, {}))
        if not quotas or time.monotonic() - fetched > CACHE_SECONDS:
            quotas = {}
            for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
                for entry in account.pages(
                    "service-quotas", operation, "Quotas", ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
                ):
                    quotas[entry["QuotaName"]] = Quota(entry["QuotaName"], entry["QuotaCode"], entry["Value"])
            _cache[key] = time.monotonic(), quotas
        return quotas
