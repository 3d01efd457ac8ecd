"""The machine that the console runs on, disk usage, running endpoints, and removing everything."""

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

FOLDERS_WITHOUT_RECORDS = (UPLOADS_FOLDER, LOCAL_PLATFORM_FOLDER)
STOP_TIMEOUT_SECONDS = 10  # shorter than for a single job, because nobody will resume the jobs
GPU_QUERY_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Machine:
    """State of the machine that runs the console. Memory and the workspace's disk are in bytes."""

    system: str
    processor: str
    cores: int
    load: float  # share of the cores in use over the last minute; above 1 if processes wait
    memory: int
    memory_free: int
    disk: int
    disk_free: int
    gpus: list[str]  # name and memory of each


@dataclass(frozen=True)
class Usage:
    """Number and disk usage of the records of one kind."""

    kind: type[Record]
    count: int
    bytes: int


@dataclass(frozen=True)
class RunningEndpoint:
    """An endpoint that keeps a server running, and its state."""

    endpoint: Endpoint
    state: EndpointState


def machine(workspace: Workspace) -> Machine:
    """Measure this machine."""
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
    """Return name and memory of each NVIDIA GPU, as the driver reports them; importing PyTorch would take seconds."""
    if not shutil.which("nvidia-smi"):
        return []
    try:
        query = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=GPU_QUERY_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # without a working driver, no GPU can be used
        return []
    return [line.strip() for line in query.stdout.splitlines() if line.strip()]


def usage(workspace: Workspace) -> list[Usage]:
    """Count records and bytes of each kind, in the order of `KINDS`. Videos outside the workspace count no bytes."""
    return [Usage(kind, workspace.count(kind), disk_bytes(workspace.folder_of(kind))) for kind in KINDS.values()]


def largest_records(workspace: Workspace, limit: int) -> list[tuple[Record, int]]:
    """Return the records whose folders use most of the disk, with their bytes, the largest first."""
    sized = [
        (disk_bytes(folder), kind, folder.name)
        for kind in KINDS.values()
        if workspace.folder_of(kind).is_dir()
        for folder in workspace.folder_of(kind).iterdir()
    ]
    sized.sort(key=lambda entry: -entry[0])
    found = ((workspace.find(kind, record_id), size) for size, kind, record_id in sized[:limit])
    return [(record, size) for record, size in found if record]


def disk_bytes(folder: Path) -> int:
    """Return the bytes of all files below `folder`; hard links to the same file count once."""
    sizes: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                file = os.lstat(os.path.join(parent, name))
            except OSError:  # deleted since the folder was listed
                continue
            sizes[file.st_dev, file.st_ino] = file.st_size
    return sum(sizes.values())


def running(workspace: Workspace) -> list[RunningEndpoint]:
    """Return the endpoints that keep a server running, newest first; batch endpoints run only during a job."""
    endpoints = [
        endpoint for endpoint in workspace.list(Endpoint, mode=("realtime", "async")) if endpoint.keeps_running
    ]
    return [RunningEndpoint(endpoint, deployments.deployment_of(workspace, endpoint).state()) for endpoint in endpoints]


def remove_everything(workspace: Workspace) -> None:
    """Stop every job, delete every endpoint, remove every record and its files.

    Video files outside the workspace stay, as do other files in the workspace's folder.

    Raises:
        UserError: If an endpoint cannot be deleted on its platform, or a job cannot be ended. Records that were not
            removed before that stay.
    """
    _stop_jobs(workspace)
    for kind in reversed(KINDS.values()):  # dependents first
        removal.remove(workspace, *workspace.list(kind))
    for name in FOLDERS_WITHOUT_RECORDS:
        shutil.rmtree(workspace.root / name, ignore_errors=True)


def _stop_jobs(workspace: Workspace) -> None:
    """Ask all jobs to stop, and kill those that have not after `STOP_TIMEOUT_SECONDS`."""
    for job in jobs.active(workspace):
        jobs.stop(workspace, job.id)
    for job in _wait_for_end(workspace, STOP_TIMEOUT_SECONDS):
        processes.kill_group(job.pid, job.pid_started)
    _wait_for_end(workspace, STOP_TIMEOUT_SECONDS)


def _wait_for_end(workspace: Workspace, seconds: float) -> list[Job]:
    """Wait until all jobs have ended, and return those that have not after `seconds`."""
    deadline = time.monotonic() + seconds
    while (active := jobs.active(workspace)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return active


def _processor() -> str:
    """Return the processor's model name on Linux, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
