"""Fixtures: each platform as a user would set it up, and a model and a video to run on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from moving_squares import save_model, save_video

from backend.platforms.base import Platform
from backend.platforms.local.platform import LocalPlatform


@pytest.fixture(scope="module", params=["local", "aws"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    if request.param == "aws":
        from backend.platforms.aws.platform import AwsPlatform
        from backend.platforms.aws.settings import AwsSettings

        return AwsPlatform(AwsSettings.parse(request.getfixturevalue("module_account")))
    return LocalPlatform(tmp_path_factory.mktemp("workspace") / "local")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model artifact that detects blue and red squares."""
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of blue and red squares."""
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")
