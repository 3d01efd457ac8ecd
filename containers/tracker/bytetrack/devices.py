"""Choice between NVIDIA GPUs and the CPU.

A GPU that is present but unusable is an error. Falling back to the CPU would cost the price of the GPU unnoticed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path("/")  # Tests replace it with a folder of fake device files.
WSL_DRIVER = "usr/lib/wsl/lib/nvidia-smi"  # Windows mounts it in WSL if it has an NVIDIA driver.
# Oldest driver for each major version of CUDA, from https://docs.nvidia.com/deploy/cuda-compatibility/
MIN_DRIVER = {12: 525, 13: 580}
DRIVER_VERSION = re.compile(r"\s(\d{3,}\.\d+(?:\.\d+)*)\s")


class UnusableGpu(ValueError):
    """A GPU is present, but PyTorch cannot use it."""


def gpu_count() -> int:
    """Return the number of NVIDIA GPUs to use, 0 if there is none or if `CUDA_VISIBLE_DEVICES` is empty or -1.

    PyTorch is imported only if a GPU is present, because the import takes seconds.

    Raises:
        UnusableGpu: If a GPU is present, but PyTorch cannot use it. The message names the installed and the required
            driver, and what to do.
    """
    if not is_gpu_present() or os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return 0
    import torch

    try:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        for index in range(count):  # PyTorch also lists GPUs that are too old for it.
            torch.ones(1, device=f"cuda:{index}").add_(1).item()
    except RuntimeError as error:
        raise UnusableGpu(_explanation(torch.version.cuda, str(error).strip().splitlines()[0])) from error
    if not count:
        raise UnusableGpu(_explanation(torch.version.cuda, "PyTorch does not detect it"))
    return count


def is_gpu_present() -> bool:
    """Return whether the operating system lists an NVIDIA GPU, usable or not."""
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
    """Return an error message that says why the GPU cannot be used, and what to do.

    Args:
        cuda: CUDA version that PyTorch was built for, such as "13.0". None if it was built without CUDA.
        reason: What failed.
    """
    installed = driver_version() or "unknown"
    if cuda is None:
        requirement = "PyTorch was built without CUDA"
    elif min_driver := MIN_DRIVER.get(int(cuda.split(".")[0])):
        requirement = f"CUDA {cuda} of PyTorch needs {min_driver} or newer"
    else:
        requirement = f"PyTorch was built for CUDA {cuda}"
    return (
        f"The NVIDIA GPU of this machine cannot be used: {reason}. The driver version is {installed}; {requirement}. "
        "Update the driver, or choose another instance type. A SageMaker endpoint needs an InferenceAmiVersion with "
        "this driver. To use the CPU instead, set CUDA_VISIBLE_DEVICES=-1."
    )
