"""Decide whether the programs run on an NVIDIA GPU or on the CPU.

A GPU that is present but cannot be used raises an error: the CPU never takes over at the GPU's price.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path("/")  # tests point it at a folder with fake device files
WSL_DRIVER = "usr/lib/wsl/lib/nvidia-smi"  # Windows mounts it where it has NVIDIA's driver
OLDEST_DRIVER = {12: 525, 13: 580}  # by CUDA's major version: https://docs.nvidia.com/deploy/cuda-compatibility/
DRIVER_VERSION = re.compile(r"\s(\d{3,}\.\d+(?:\.\d+)*)\s")


class UnusableGpu(ValueError):
    """There is a GPU, but PyTorch cannot compute on it."""


def gpu_count() -> int:
    """Return the number of NVIDIA GPUs to use; 0 if there is none, or `CUDA_VISIBLE_DEVICES` is empty or -1.

    PyTorch is imported only where there is a GPU, since importing it takes seconds.

    Raises:
        UnusableGpu: if there is a GPU but PyTorch cannot use it. The message names the driver found, the driver
            needed, and what to do.
    """
    if not is_gpu_present() or os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return 0
    import torch

    try:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        for number in range(count):  # computing is the only proof: a GPU can be listed and still be too old for PyTorch
            torch.ones(1, device=f"cuda:{number}").add_(1).item()
    except RuntimeError as error:
        raise UnusableGpu(_explanation(torch.version.cuda, str(error).strip().splitlines()[0])) from error
    if not count:
        raise UnusableGpu(_explanation(torch.version.cuda, "PyTorch does not find it"))
    return count


def is_gpu_present() -> bool:
    """Return whether the operating system shows an NVIDIA GPU, usable or not."""
    return any(ROOT.glob("dev/nvidia[0-9]*")) or ((ROOT / "dev/dxg").exists() and (ROOT / WSL_DRIVER).exists())


def driver_version() -> str:
    """Return the version of NVIDIA's kernel driver, such as "535.54.03", or "" if it cannot be read."""
    try:
        text = (ROOT / "proc/driver/nvidia/version").read_text()
    except OSError:
        return ""
    match = DRIVER_VERSION.search(text)
    return match[1] if match else ""


def _explanation(cuda: str | None, reason: str) -> str:
    """Say why the GPU cannot be used, for the CUDA version that PyTorch is built for (None: without CUDA)."""
    found = driver_version() or "an unknown one"
    if cuda is None:
        needed = "PyTorch is built without CUDA here"
    elif oldest := OLDEST_DRIVER.get(int(cuda.split(".")[0])):
        needed = f"PyTorch's CUDA {cuda} needs {oldest} or newer"
    else:
        needed = f"PyTorch is built for CUDA {cuda}"
    return (
        f"This machine has an NVIDIA GPU that cannot be used: {reason}. The driver is {found}; {needed}. Update the "
        "driver or choose another instance type; an endpoint on SageMaker needs an InferenceAmiVersion with such a "
        "driver. To compute on the CPU on purpose, set CUDA_VISIBLE_DEVICES to -1."
    )
