"""The instance types that jobs and endpoints can have, with their processors, GPUs, memory and price.

Which there are SageMaker's own service model tells, what they have a table of EC2's data (`instances.json`, written by
`tests/backend/platforms/aws/make_instances.py`). Types that the image cannot run on (Arm, Trainium, Inferentia, GPUs
older than CUDA 13 supports) and those that EC2 has retired are not in it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import botocore.session

from backend.platforms.aws import prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.prices import Price

FILE = Path(__file__).with_name("instances.json")
USAGES = {  # as `prices` calls them, with the names of SageMaker's lists
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "hosting": "ProductionVariantInstanceType",
}
CPU_FAMILIES = ("t3", "c5", "c6i", "c7i", "c8i", "m5", "m6i", "m7i", "m8i")  # others add memory or disk, at a price
MOST_CPUS = 64  # beyond, another instance is the better choice


@dataclass(frozen=True)
class Instance:
    """One type. Memory is in GiB, `gpu_memory` that of each GPU, `disk` the local one in GB."""

    name: str
    cpus: int
    memory: float
    gpu: str
    gpus: int
    gpu_memory: int
    disk: int


def choices(account: Account, usage: str) -> dict[str, str]:
    """What is offered for `usage` (a key of `USAGES`) and how it reads: with GPUs first, the cheapest first."""
    known = prices.table(account, usage)
    return {each.name: describe(each, known.get(each.name)) for each in offered(usage, known)}


def offered(usage: str, known: dict[str, Price]) -> list[Instance]:
    """The types in the order of `choices`; of those without a price, the smallest first."""
    found = [table()[name] for name in types(usage) if name in table()]

    def rank(each: Instance) -> tuple:
        price = known[each.name].per_hour if each.name in known else math.inf
        return not each.gpus, price, each.gpus * each.gpu_memory, each.cpus, each.memory, each.name

    return sorted((each for each in found if each.gpus or _is_ordinary(each)), key=rank)


def describe(each: Instance, price: Price | None) -> str:
    """Such as “ml.g5.xlarge: 1 x A10G 22 GiB, 4 vCPU, 16 GiB, $1.41 per hour”."""
    gpu = [f"{each.gpus} x {each.gpu} {each.gpu_memory} GiB"] if each.gpus else []
    return f"{each.name}: " + ", ".join(
        [*gpu, f"{each.cpus} vCPU", f"{each.memory:g} GiB", *([str(price)] if price else [])]
    )


def has_own_disk(name: str) -> bool:
    """Whether it brings a local disk, for which SageMaker takes neither size nor key."""
    return name in table() and table()[name].disk > 0


def has_gpu(name: str) -> bool:
    """Return whether the type has an NVIDIA GPU."""
    return name in table() and table()[name].gpus > 0


@cache
def table() -> dict[str, Instance]:
    return {name: Instance(name, *facts) for name, facts in json.loads(FILE.read_text())["types"].items()}


@cache
def types(usage: str) -> list[str]:
    """All that SageMaker's service model lists, `ml.…`."""
    return list(botocore.session.get_session().get_service_model("sagemaker").shape_for(USAGES[usage]).enum)


def _is_ordinary(each: Instance) -> bool:
    return each.name.split(".")[1] in CPU_FAMILIES and each.cpus <= MOST_CPUS
