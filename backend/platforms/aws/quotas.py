"""How many instances of a type the account may have at once: from Service Quotas, which knows them by name."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from backend.platforms.aws.account import Account
from backend.platforms.aws.terminal import aws

# What is chosen an instance type for, and what its quotas are called: “ml.g5.xlarge for training job usage”.
USAGES = {
    "training": "training job usage",
    "spot": "spot training job usage",
    "batch": "processing job usage",
    "endpoint": "endpoint usage",
}
KEPT_SECONDS = 300  # there are some thousand quotas in pages of a hundred, which takes seconds

_lock = threading.Lock()
_kept: dict[tuple[str, str], tuple[float, dict[str, Quota]]] = {}  # by account and region: when, and all of them


@dataclass(frozen=True)
class Quota:
    """`value` is the number of instances that may run at once, `code` what Service Quotas calls it."""

    name: str
    code: str
    value: float


def quota(account: Account, usage: str, instance_type: str) -> Quota | None:
    """The quota of a type for a usage (a key of `USAGES`); None where AWS has none, as for types it does not know."""
    return _all(account).get(f"{instance_type} for {USAGES[usage]}")


def command(account: Account, quota: Quota, value: int) -> str:
    """What asks AWS for more, in a terminal."""
    code, desired = ("--quota-code", quota.code), ("--desired-value", str(value))
    return aws(
        account, "service-quotas", "request-service-quota-increase", "--service-code", "sagemaker", *code, *desired
    )


def link(account: Account, quota: Quota) -> str:
    """The quota's page in AWS's own console."""
    return (
        f"https://{account.region}.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas/{quota.code}"
        f"?region={account.region}"
    )


def _all(account: Account) -> dict[str, Quota]:
    """By name: AWS's defaults, and over them what this account has been given."""
    key = account.identity["Account"], account.region
    with _lock:
        asked, found = _kept.get(key, (0.0, {}))
        if not found or time.monotonic() - asked > KEPT_SECONDS:
            found = {}
            for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
                for each in account.pages(
                    "service-quotas", operation, "Quotas", ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
                ):
                    found[each["QuotaName"]] = Quota(each["QuotaName"], each["QuotaCode"], each["Value"])
            _kept[key] = time.monotonic(), found
        return found
