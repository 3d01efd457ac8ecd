"""What the console takes up: the machine it runs on, the disk, what is running, and removing it all."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from backend import jobs
from backend.jobs import processes
from backend.platforms.base import EndpointState
from backend.steps import deployments, removal
from backend.workspace import Workspace
from backend.workspace.paths import LOCAL_PLATFORM_FOLDER, UPLOADS_FOLDER
from backend.workspace.records import KINDS, Endpoint, Job, Record

LEFTOVERS = (UPLOADS_FOLDER, LOCAL_PLATFORM_FOLDER)  # folders in the workspace that belong to no record
PATIENCE = 10  # seconds a job gets to stop when everything goes anyway


@dataclass(frozen=True)
class Machine:
    """The machine that runs the console, as it is now; memory and disk in bytes, the disk being the workspace's."""

    system: str
    processor: str
    cores: int
    load: float  # share of the cores in use over the last minute, 0..1, more where processes wait
    memory: int
    memory_free: int
    disk: int
    disk_free: int
    gpus: list[str]  # name and memory of each


@dataclass(frozen=True)
class Usage:
    """What one kind of record takes on disk."""

    kind: type[Record]
    count: int
    bytes: int


@dataclass(frozen=True)
class Running:
    """An endpoint and its state; `state.cost_per_hour` is in US dollars."""

    endpoint: Endpoint
    state: EndpointState


def machine(workspace: Workspace) -> Machine:
    """The facts of this machine."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(workspace.root)
    cores = psutil.cpu_count() or 1
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=cores,
        load=psutil.getloadavg()[0] / cores,
        memory=memory.total,
        memory_free=memory.available,
        disk=disk.total,
        disk_free=disk.free,
        gpus=gpus(),
    )


def gpus() -> list[str]:
    """NVIDIA GPUs as their driver names them; asking PyTorch would cost seconds to import it."""
    if not shutil.which("nvidia-smi"):
        return []
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # a driver that does not work is no GPU
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def usage(workspace: Workspace) -> list[Usage]:
    """Records and bytes per kind, in the order of `KINDS`; a video outside the workspace takes nothing in it."""
    return [Usage(kind, len(workspace.list(kind)), disk_bytes(workspace.folder_of(kind))) for kind in KINDS.values()]


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below `folder`, 0 where there is none; a file with several names in it counts once."""
    seen: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(parent, name))
            except OSError:  # gone since it was listed
                continue
            seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())


def running(workspace: Workspace) -> list[Running]:
    """The endpoints that are kept up, newest first; batch ones run, and cost, only with a job."""
    kept_up = [each for each in workspace.list(Endpoint) if each.keeps_running]
    return [Running(each, deployments.deployment_of(workspace, each).state()) for each in kept_up]


def remove_everything(workspace: Workspace) -> None:
    """Stop every job, delete every endpoint, remove every record and its files.

    A video's file outside the workspace is a person's own, and stays, as does whatever else lies in the folder.

    Raises:
        UserError: if an endpoint cannot be deleted on its platform, or a job cannot be ended; what was not removed
            until then is still there.
    """
    _stop_jobs(workspace)
    for kind in reversed(KINDS.values()):  # dependents before what they depend on
        for record in workspace.list(kind):
            removal.remove(workspace, record)
    for name in LEFTOVERS:
        shutil.rmtree(workspace.root / name, ignore_errors=True)


def _stop_jobs(workspace: Workspace) -> None:
    """Ask all to stop; those that take longer than `PATIENCE` are killed, as nobody will resume them."""
    for job in jobs.active(workspace):
        jobs.stop(workspace, job.id)
    for job in _still_active(workspace, PATIENCE):
        processes.kill_group(job.pid, job.pid_started)
    _still_active(workspace, PATIENCE)


def _still_active(workspace: Workspace, seconds: float) -> list[Job]:
    """The jobs that have not ended after so long."""
    deadline = time.monotonic() + seconds
    while (active := jobs.active(workspace)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return active


def _processor() -> str:
    """The processor's own name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
