"""The image's programs as child processes, started as the platform does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from waiting import until


@contextmanager
def serving(base: Path, **environment: str) -> Iterator[str]:
    """Run `serve` for the length of the block and provide its address. SIGTERM must end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment |= {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": port, "BYTETRACK_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "bytetrack.serve"], env=os.environ | environment)
    try:
        address = f"http://127.0.0.1:{port}"

        def is_ready() -> bool:
            assert process.poll() is None, "serve ended"
            try:
                return requests.get(f"{address}/ping", timeout=2).ok
            except requests.ConnectionError:
                return False

        until(is_ready, seconds=180)  # in a new checkout, it compiles the tracker first
        yield address
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
    finally:
        process.kill()
        process.wait()
