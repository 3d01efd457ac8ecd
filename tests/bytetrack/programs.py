"""The image's programs as child processes, started as the platform starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests


@contextmanager
def serving(base: Path, **environment: str) -> Iterator[str]:
    """A `serve` that answers pings, at the address that this gives, until the block ends; SIGTERM must end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment |= {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": port, "BYTETRACK_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "bytetrack.serve"], env=os.environ | environment)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                if requests.get(f"{address}/ping", timeout=2).ok:
                    break
            except requests.ConnectionError:
                assert process.poll() is None, "serve ended"
                time.sleep(0.05)
        yield address
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
    finally:
        process.kill()
        process.wait()
