"""The instance types that jobs and endpoints can use, with their CPUs, GPUs, memory and price.

Their names come from SageMaker's own service model, their properties from a table of EC2's data (`instances.json`,
written by `tests/backend/platforms/aws/make_instances.py`). The table leaves out types that the image cannot run on
(Arm, Trainium, Inferentia, GPUs older than CUDA 13 supports) and those that EC2 has retired.
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
from backend.platforms.aws.prices import Price, Usage

TABLE_FILE = Path(__file__).with_name("instances.json")
TYPE_LISTS: dict[Usage, str] = {  # SageMaker's names of its lists of instance types
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
    "hosting": "ProductionVariantInstanceType",
}
CPU_FAMILIES = ("t3", "c5", "c6i", "c7i", "c8i", "m5", "m6i", "m7i", "m8i")  # other families pay for memory or disk
MAX_CPUS = 64  # with more, adding instances is the better choice


@dataclass(frozen=True)
class Instance:
    """An instance type. `memory` is in GiB, `gpu_memory` in GiB per GPU, `disk` in GB of local disk."""

    name: str
    cpus: int
    memory: float
    gpu: str
    gpus: int
    gpu_memory: int
    disk: int


def choices(account: Account, usage: Usage) -> dict[str, str]:
    """Return the instance types for a usage with their labels: those with GPUs first, the cheapest first."""
    known_prices = prices.price_table(account, usage)
    return {
        instance.name: describe(instance, known_prices.get(instance.name)) for instance in offered(usage, known_prices)
    }


def offered(usage: Usage, known_prices: dict[str, Price]) -> list[Instance]:
    """Return the instance types in the order of `choices`; those without a price by size."""
    instances = [instance_table()[name] for name in type_names(usage) if name in instance_table()]

    def sort_key(instance: Instance) -> tuple[bool, float, int, int, float, str]:
        price = known_prices[instance.name].per_hour if instance.name in known_prices else math.inf
        total_gpu_memory = instance.gpus * instance.gpu_memory
        return not instance.gpus, price, total_gpu_memory, instance.cpus, instance.memory, instance.name

    return sorted((instance for instance in instances if instance.gpus or _is_common(instance)), key=sort_key)


def describe(instance: Instance, price: Price | None) -> str:
    """Return a label such as “ml.g5.xlarge: 1 x A10G 22 GiB, 4 vCPU, 16 GiB, $1.41 per hour”."""
    gpu = [f"{instance.gpus} x {instance.gpu} {instance.gpu_memory} GiB"] if instance.gpus else []
    facts = [*gpu, f"{instance.cpus} vCPU", f"{instance.memory:g} GiB", *([str(price)] if price else [])]
    return f"{instance.name}: {', '.join(facts)}"


def has_own_disk(name: str) -> bool:
    """Return whether the type has a local disk, for which SageMaker accepts neither a size nor a key."""
    return name in instance_table() and instance_table()[name].disk > 0


def has_gpu(name: str) -> bool:
    """Return whether the type has an NVIDIA GPU."""
    return name in instance_table() and instance_table()[name].gpus > 0


@cache
def instance_table() -> dict[str, Instance]:
    """Return all instance types that the image can run on, by name."""
    return {name: Instance(name, *facts) for name, facts in json.loads(TABLE_FILE.read_text())["types"].items()}


@cache
def type_names(usage: Usage) -> list[str]:
    """Return the names (`ml.…`) of all types that SageMaker's service model lists for a usage."""
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for(TYPE_LISTS[usage])
    return list(shape.enum)


def _is_common(instance: Instance) -> bool:
    return instance.name.split(".")[1] in CPU_FAMILIES and instance.cpus <= MAX_CPUS
