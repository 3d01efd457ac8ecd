"""Launching a training: one process per GPU or CPU core on every host, by torchrun."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
import torch.distributed as distributed

from bytetrack.devices import gpu_count
from bytetrack.files import read_json_object
from bytetrack.training.hyperparameters import Hyperparameters

T = TypeVar("T")


def launch_workers(base: Path) -> None:
    """Replace this process by torchrun if the training takes several processes; otherwise return.

    torchrun starts this program again, once per worker. Every host runs one worker per GPU. On a CPU there is one
    worker per core, as far as the batch has two images for each: with small networks and images, two workers of one
    thread are nearly twice as fast as one worker of two threads.

    Args:
        base: SageMaker's root folder. `input/config/resourceconfig.json` names the hosts.
    """
    if distributed.is_torchelastic_launched():
        return
    config = base / "input" / "config"
    resources = read_json_object(config / "resourceconfig.json") if (config / "resourceconfig.json").is_file() else {}
    hosts = resources.get("hosts") or ["localhost"]
    workers = gpu_count()
    if not workers:
        batch_size = Hyperparameters.parse(read_json_object(config / "hyperparameters.json")).batch_size
        workers = max(1, min(torch.get_num_threads(), batch_size // 2 // len(hosts)))
        os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads() // workers)
    if len(hosts) * workers == 1:
        return
    if resources.get("network_interface_name"):
        for library in ("NCCL", "GLOO"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", resources["network_interface_name"])
    _exec_torchrun(workers, hosts, hosts.index(resources["current_host"]) if len(hosts) > 1 else 0)


def _exec_torchrun(workers: int, hosts: list[str], host_rank: int) -> NoReturn:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(workers)]
    if len(hosts) > 1:
        command += ["--nnodes", str(len(hosts)), "--node-rank", str(host_rank)]
        command += ["--master-addr", hosts[0], "--master-port", os.environ.get("MASTER_PORT", "29500")]
    else:
        command += ["--standalone"]  # picks a free port, as another training may be running on this host
    os.execv(sys.executable, [*command, "-m", "bytetrack.train"])


@contextlib.contextmanager
def process_group() -> Iterator[tuple[int, int]]:
    """Join the process group of the workers that torchrun started.

    Yields:
        The rank of this worker and the number of workers; (0, 1) if torchrun did not start it.
    """
    if not distributed.is_torchelastic_launched():
        yield 0, 1
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo")
    yield distributed.get_rank(), distributed.get_world_size()
    # Not in a `finally`: after an error, destroying the group would wait for the others. They end when torchrun sees
    # that this worker has ended.
    distributed.destroy_process_group()


def any_worker(flag: bool) -> bool:
    """Return whether the flag is true in any worker. All workers have to call this at the same step."""
    if not distributed.is_initialized():
        return flag
    value = torch.tensor(float(flag), device="cuda" if torch.cuda.is_available() else "cpu")
    distributed.all_reduce(value, distributed.ReduceOp.MAX)
    return bool(value)


def gather_lists(items: list[T]) -> list[T]:
    """Return the concatenated lists of all workers. All workers have to call this at the same step."""
    if not distributed.is_initialized():
        return items
    lists: list[list[T]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(lists, items)
    return [item for worker_items in lists for item in worker_items]


def watch_for_stop() -> Callable[[], bool]:
    """Return a function that tells whether to stop: SIGTERM has arrived, or the parent process has ended."""
    sigterm, parent = threading.Event(), os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sigterm.set())
    return lambda: sigterm.is_set() or os.getppid() != parent
