"""A console as a user starts it: `python -m app` in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
START_SECONDS = 60


@contextmanager
def running_console(folder: Path, *arguments: str) -> Iterator[str]:
    """Give the address of a console with the workspace `folder / "workspace"`, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = folder / "console.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "--port", str(port), "--workspace", str(folder / "workspace"), *arguments],
            cwd=PROJECT,
            env={**os.environ, "OMP_NUM_THREADS": "2"},
            stdout=file,
            stderr=file,
        )
    try:
        _wait_for(f"{address}/_stcore/health", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the console ended: {log.read_text()}")
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the console did not start: {log.read_text()}")
