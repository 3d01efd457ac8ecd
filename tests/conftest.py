"""Fixtures for the tests of all packages, and which tests are slow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from aws_fixtures import aws_account, module_account, standin  # noqa: F401

from backend.workspace import Workspace
from bytetrack.video import VideoWriter

# The networks of the tests are so small that a second thread slows them down, and tests run in several processes.
# OpenMP reads this when PyTorch is imported, here and in the programs that the tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY_SIZE = (64, 48)
TINY_FRAMES = 20

# Tests that use one of these open a page, or start a browser, a console, a server for AWS or a job. They are slow.
SLOW_FIXTURES = {"open_page", "browser", "console", "standin", "finish"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and SLOW_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


def _numbered_frame(number: int) -> np.ndarray:
    """Return a `(48, 64, 3)` uint8 BGR image that shows the bits of a number as white stripes."""
    bits = [(number >> bit) & 1 for bit in range(8)]
    return np.repeat(np.repeat(np.array(bits, np.uint8) * 255, 8)[None, :, None], 48, 0).repeat(3, 2)


def _number_of(frame: np.ndarray) -> int:
    """Return the number that `_numbered_frame` painted, also from a compressed image."""
    stripes = frame[:48, :64].mean(axis=(0, 2)).reshape(8, 8).mean(axis=1)
    return sum(1 << bit for bit, level in enumerate(stripes) if level > 127)


@pytest.fixture(scope="session")
def numbered_frame() -> Callable[[int], np.ndarray]:
    return _numbered_frame


@pytest.fixture(scope="session")
def number_of() -> Callable[[np.ndarray], int]:
    return _number_of


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def step_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that sets the clock of this process forward by some seconds, as after a pause of a virtual machine.

    The boot time in `/proc/stat` moves along, because the kernel computes it from the clock.
    """
    boot_time, now = psutil._psplatform.boot_time, time.time

    def step(seconds: float) -> None:
        monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot_time() + seconds)
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return step


@pytest.fixture
def tiny_video(tmp_path: Path) -> Path:
    """A video of 20 frames of 64x48 pixels at 10 frames per second. Each shows its number, see `number_of`."""
    path = tmp_path / "tiny.mp4"
    with VideoWriter(path, 10, TINY_SIZE) as writer:
        for number in range(TINY_FRAMES):
            writer.write(_numbered_frame(number))
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real recordings and annotations, which are not part of the project."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the recordings that lie beside the checkout")
    return folder
