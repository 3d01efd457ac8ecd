"""Checkpoints of very small networks, as YOLOX's trainer writes them."""

from __future__ import annotations

from pathlib import Path

import torch
from yolox.config import YoloxConfig

from backend.progress import silent
from backend.steps import model_import
from backend.workspace import Workspace
from backend.workspace.records import Model

CLASSES = ["person", "car", "dog"]


def save_checkpoint(path: Path, classes: int, width: float = 0.125) -> Path:
    network = YoloxConfig("", num_classes=classes, depth=0.33, width=width, depthwise=True).get_model()
    torch.save({"model": network.state_dict(), "start_epoch": 1, "optimizer": {}}, path)
    return path


def add(workspace: Workspace, path: Path, **options) -> Model:
    """Import a file; a checkpoint as one of `CLASSES` on 64x64 pixels, unless the options say otherwise."""
    options = {"classes": CLASSES, "normalization": "raw", "input_size": [64, 64], **options}
    return workspace.get(Model, model_import.add(workspace, silent, source=str(path), **options)["model"])


def files(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.root.rglob("*") if path.is_file() and not path.name.startswith("studio.db")]
