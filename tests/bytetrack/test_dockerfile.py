"""Checks of the image that do not need it to be built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from bytetrack.serving.options import Options

CONTEXT = Path(__file__).parents[2] / "containers" / "tracker"
DOCKERFILE = (CONTEXT / "Dockerfile").read_text()


def test_hadolint_has_no_complaints() -> None:
    beside_python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    hadolint = shutil.which("hadolint", path=beside_python)
    assert hadolint, "hadolint is missing: install requirements.txt"
    checked = subprocess.run([hadolint, CONTEXT / "Dockerfile"], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_base_image_is_pinned() -> None:
    assert re.findall(r"^FROM (.*)", DOCKERFILE, re.MULTILINE) == ["nvidia/cuda:13.0.2-base-ubuntu24.04"]


@pytest.mark.parametrize("source", re.findall(r"^COPY (\S+)", DOCKERFILE, re.MULTILINE))
def test_copied_files_are_in_the_build_context(source: str) -> None:
    assert (CONTEXT / source).exists()
    assert f"!{source}" in (CONTEXT / ".dockerignore").read_text().splitlines()


def test_the_programs_are_installed() -> None:
    scripts = tomllib.loads((CONTEXT / "pyproject.toml").read_text())["project"]["scripts"]
    assert {"train", "serve", "process"} <= set(scripts)
    for program in scripts:
        assert (Path(sys.executable).parent / program).is_file()


def test_the_port_of_serve_is_exposed() -> None:
    assert f"EXPOSE {Options.port}" in DOCKERFILE


def test_the_image_has_the_tested_version_of_opencv() -> None:
    assert f"opencv-python-headless=={version('opencv-python-headless')}" in DOCKERFILE


@pytest.mark.parametrize("setting", ["ORT_DISABLE_TELEMETRY=1", "NVIDIA_DISABLE_REQUIRE=1"])
def test_the_environment_is_set(setting: str) -> None:
    assert re.search(rf"^ENV(?:.*\\\n)*?.*\b{setting}\b", DOCKERFILE, re.MULTILINE)
