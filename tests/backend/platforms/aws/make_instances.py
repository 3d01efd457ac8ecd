"""Rewrite `backend/platforms/aws/instances.json`: `PYTHONPATH=. python tests/backend/platforms/aws/make_instances.py`.

The facts are EC2's own: moto ships what `DescribeInstanceTypes` answers. Of the types that SageMaker has, those stay
that can run the image: x86-64 processors, and NVIDIA GPUs that its CUDA supports, or none. Run it after a new moto or
botocore.
"""

from __future__ import annotations

import gzip
import json
from importlib import metadata, resources
from typing import Any

from backend.platforms.aws import instances

# CUDA 13 dropped every GPU before Turing (compute capability 7.5): its release notes, "Deprecated Architectures".
TOO_OLD = {"K80", "M60", "P100", "V100"}


def make() -> dict[str, Any]:
    packed = resources.files("moto.ec2.resources").joinpath("instance_types.json.gz").read_bytes()
    described = json.loads(gzip.decompress(packed))
    names = sorted({name for usage in instances.TYPE_LISTS for name in instances.type_names(usage)})
    descriptions = {name: described[ec2] for name in names if (ec2 := name.removeprefix("ml.")) in described}
    return {
        "source": f"DescribeInstanceTypes of Amazon EC2, as moto {metadata.version('moto')} has it",
        "columns": ["vCPU", "memory GiB", "GPU", "GPUs", "GiB of each GPU", "local disk GB"],
        "types": {name: facts(value) for name, value in descriptions.items() if runs_the_image(value)},
    }


def facts(description: dict[str, Any]) -> list[str | int | float]:
    (gpu,) = description.get("GpuInfo", {}).get("Gpus") or [{"Name": "", "Count": 0, "MemoryInfo": {"SizeInMiB": 0}}]
    return [
        description["VCpuInfo"]["DefaultVCpus"],
        description["MemoryInfo"]["SizeInMiB"] / 1024,
        gpu["Name"],
        gpu["Count"],
        round(gpu["MemoryInfo"]["SizeInMiB"] / 1024),
        description.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
    ]


def runs_the_image(description: dict[str, Any]) -> bool:
    return (
        "x86_64" in description["ProcessorInfo"]["SupportedArchitectures"]
        and not description.get("NeuronInfo")
        and all(
            gpu["Manufacturer"] == "NVIDIA" and gpu["Name"] not in TOO_OLD
            for gpu in description.get("GpuInfo", {}).get("Gpus", [])
        )
    )


if __name__ == "__main__":
    made = make()
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in made.pop("types").items())
    head = json.dumps(made, indent=1).removesuffix("\n}")
    instances.TABLE_FILE.write_text(f'{head},\n "types": {{\n{lines}\n }}\n}}\n')
