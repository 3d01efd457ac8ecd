"""The image's programs as child processes on this machine, with the folders and variables SageMaker gives them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bytetrack
from backend.errors import UserError
from backend.jobs.processes import describe_exit
from backend.platforms.base import LogLine

BASE_DIR = "SAGEMAKER_BASE_DIR"  # environment variable that replaces /opt/ml
STOP_TIMEOUT_SECONDS = 120  # SageMaker's time between SIGTERM and SIGKILL


def program(name: str) -> list[str]:
    """Return the command of `train`, `serve` or `process` as installed in this Python environment."""
    return [str(Path(sys.executable).parent / name)]


def sources_digest() -> str:
    """Return `bytetrack-` and a digest of the package's source files, which identifies the code that jobs run."""
    package = Path(bytetrack.__path__[0])
    files = sorted(package.rglob("*.py"))
    contents = b"".join(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() for path in files)
    return f"bytetrack-{hashlib.sha256(contents).hexdigest()[:12]}"


def environment(base: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a program whose base folder is `base`."""
    return {
        **os.environ,
        BASE_DIR: str(base),
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file and create its parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))


def link(target: Path, at: Path) -> None:
    """Make `at` a symbolic link to the folder or file `target`."""
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(target.resolve(), target_is_directory=target.is_dir())


def run(name: str, arguments: list[str], base: Path, failure: Path, log: LogLine) -> None:
    """Run a program to its end and pass each line that it prints to `log`.

    If this process is asked to stop, the program gets SIGTERM and, 120 seconds later, SIGKILL.

    Args:
        name: Name of the program.
        arguments: Its command-line arguments.
        base: Its base folder.
        failure: File in which the program writes the reason of a failure.
        log: Called with each line.

    Raises:
        UserError: If the program fails: with the reason from `failure`, or else with the exit code.
    """
    process = subprocess.Popen(
        program(name) + arguments,
        env=environment(base),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            log(line.rstrip("\n"))
        code = process.wait()
    finally:
        _end(process)
        process.stdout.close()
    if code != 0:
        reason = failure.read_text(errors="replace")[:1024].strip() if failure.exists() else ""
        raise UserError(reason or f"The {name} program ended: {describe_exit(code)}. See its log for the cause.")


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
