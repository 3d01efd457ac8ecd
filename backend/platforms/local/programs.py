"""The image's programs as child processes of this machine, with the folders and variables SageMaker gives them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import bytetrack
from backend.errors import UserError
from backend.jobs.processes import describe_exit
from backend.platforms.base import LogLine

BASE_DIR = "SAGEMAKER_BASE_DIR"  # the variable that moves /opt/ml
STOP_SECONDS = 120  # what SageMaker gives a container between SIGTERM and SIGKILL


def program(name: str) -> list[str]:
    """The command of one of the image's programs, `train`, `serve` or `process`, as this environment installed it."""
    return [str(Path(sys.executable).parent / name)]


def sources() -> str:
    """Which code the programs are: `bytetrack-` and a digest of the package's sources."""
    package = Path(bytetrack.__path__[0])
    files = sorted(package.rglob("*.py"))
    named = b"".join(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() for path in files)
    return f"bytetrack-{hashlib.sha256(named).hexdigest()[:12]}"


def environment(base: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        BASE_DIR: str(base),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def write_json(path: Path, document: Mapping) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))


def link(target: Path, at: Path) -> None:
    """Let `at` stand for the folder or file `target`, without copying it."""
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(target.resolve(), target_is_directory=target.is_dir())


def run(name: str, arguments: list[str], base: Path, failure: Path, log: LogLine) -> None:
    """Run a program to its end, line by line; told to stop, it gets SIGTERM and, 120 s later, SIGKILL.

    Raises:
        UserError: with the reason that the program left in `failure`, or how it ended.
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
    if code != 0:
        reason = failure.read_text(errors="replace")[:1024].strip() if failure.exists() else ""
        raise UserError(reason or f"The {name} program ended: {describe_exit(code)}. Its log says more.")


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
