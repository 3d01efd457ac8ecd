"""Helpers for tests that deploy: a model that detects colored squares, and a video of them."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from moving_squares import CLASSES, HEIGHT, WIDTH, save_model, save_video
from waiting import until

from backend.progress import silent
from backend.steps import deployments, videos
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Model, Video


def add_model(workspace: Workspace) -> Model:
    model = workspace.add(
        Model(name="squares", size="nano", classes=CLASSES, input_size=[HEIGHT, WIDTH], source="file")
    )
    save_model(workspace.folder(model))
    return model


def add_video(workspace: Workspace, folder: Path) -> Video:
    path = save_video(folder / "squares.mp4")
    return workspace.get(Video, videos.add(workspace, silent, source=str(path))["video"])


def deploy(workspace: Workspace, model: Model, mode: str) -> Endpoint:
    result = deployments.deploy(workspace, silent, name=mode, model=model.id, mode=mode)
    return workspace.get(Endpoint, result["endpoint"])


def processes_about(text: object) -> list[psutil.Process]:
    """Return the running processes with `text` in their command or environment."""
    matching = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(text) in value for value in texts):
                matching.append(process)
        except psutil.Error:
            continue
    return matching


def all_ended(text: object, seconds: float = 10) -> bool:
    """Wait until no process with `text` runs; a process that has recorded its end takes a moment to exit."""
    return until(lambda: not processes_about(text), seconds)


def servers(workspace: Workspace) -> set[str]:
    """Return the folders of all endpoints with a running process, whether or not a record refers to them."""
    running = processes_about(workspace.root / "local" / "endpoints")
    return {process.environ()["SAGEMAKER_BASE_DIR"] for process in running}


def never_ready(model: Path) -> None:
    """Make servers of the model wait for its configuration, so that they run but are never in service."""
    (model / "model.json").unlink()
    os.mkfifo(model / "model.json")
