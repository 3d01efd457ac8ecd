"""Models in files, which several modules of tests read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_checkpoints import add, save_checkpoint

from backend.workspace import Workspace


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a very small network with three classes."""
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint") / "mine.pth", classes=3)


@pytest.fixture(scope="session")
def tiny_coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of an untrained YOLOX-nano with COCO's number of classes."""
    return save_checkpoint(tmp_path_factory.mktemp("coco") / "coco.pth", classes=80, width=0.25)


@pytest.fixture(scope="session")
def artifact(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an artifact, made from `checkpoint`."""
    workspace = Workspace(tmp_path_factory.mktemp("artifact"))
    return workspace.folder(add(workspace, checkpoint))
