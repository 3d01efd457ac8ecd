"""Start a console as a user does: `python -m app`, as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import until

PROJECT = Path(__file__).parents[2]


@contextmanager
def running_console(folder: Path, *arguments: str) -> Iterator[str]:
    """Run a console with the workspace `folder / "workspace"` and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = folder / "console.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "--port", str(port), "--workspace", str(folder / "workspace"), *arguments],
            cwd=PROJECT,
            stdout=file,
            stderr=file,
        )
    try:
        until(lambda: _is_healthy(address, process, log))
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _is_healthy(address: str, process: subprocess.Popen, log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"The console ended: {log.read_text()}")
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
