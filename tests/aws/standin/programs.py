"""The image's programs, started as SageMaker does, with their output in CloudWatch Logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

STOP_TIMEOUT_SECONDS = 120
SECONDS_BETWEEN_LINES = 0.3


class Log:
    """One log stream; lines are sent a few times a second."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._group, self._stream = logs, group, stream
        self._waiting: list[dict[str, Any]] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self.lines: list[str] = []
        for create, names in (
            (logs.create_log_group, {"logGroupName": group}),
            (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                create(**names)

    def add(self, line: str) -> None:
        with self._lock:
            self.lines.append(line)
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": line or " "})
            if self._timer is None:
                self._timer = threading.Timer(SECONDS_BETWEEN_LINES, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        with self._lock:
            while self._waiting:
                self._logs.put_log_events(
                    logGroupName=self._group, logStreamName=self._stream, logEvents=self._waiting[:1000]
                )
                del self._waiting[:1000]
            self._timer = None


class Program:
    """A program with `base` in place of `/opt/ml`."""

    def __init__(self, name: str, arguments: list[str], base: Path, log: Log, **environment: str) -> None:
        self._log = log
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / name), *arguments],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._log.add(line.rstrip("\n"))
        self._log.flush()

    def wait(self) -> int:
        """Return the exit code after killing what the program left running, as the end of a container does."""
        code = self.process.wait()
        self.kill()
        self._reader.join()
        return code

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def failure(base: Path, name: str = "failure") -> str:
    path = base / "output" / name
    return path.read_text(errors="replace")[:1024] if path.exists() else ""
