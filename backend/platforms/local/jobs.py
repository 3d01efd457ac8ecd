"""Training and batch jobs as child processes on this machine, in the folders that SageMaker would give them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from backend.errors import UserError
from backend.platforms.base import BatchService, ProcessingSpec, TrainingService, TrainingSpec, Watch
from backend.platforms.local import programs

HOST_CONFIG = {"current_host": "algo-1", "hosts": ["algo-1"]}


class LocalTraining(TrainingService):
    """Implements `backend.platforms.base.TrainingService`, with checkpoints in subfolders of `checkpoints`."""

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints = checkpoints

    @override
    def code_version(self) -> str:
        return programs.sources_digest()

    @override
    def run(self, spec: TrainingSpec, watch: Watch) -> None:
        with _base_folder() as base:
            config = base / "input" / "config"
            programs.write_json(config / "hyperparameters.json", spec.hyperparameters)
            programs.write_json(config / "resourceconfig.json", HOST_CONFIG)
            programs.write_json(
                config / "inputdataconfig.json", {channel: {"TrainingInputMode": "File"} for channel in spec.channels}
            )
            for channel, folder in spec.channels.items():
                programs.link(folder, base / "input" / "data" / channel)
            checkpoints = self._checkpoints / spec.checkpoints
            checkpoints.mkdir(parents=True, exist_ok=True)
            programs.link(checkpoints, base / "checkpoints")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, base / "model")
            programs.run("train", [], base, base / "output" / "failure", watch.log)

    @override
    def can_resume(self, checkpoints: str) -> bool:
        folder = self._checkpoints / checkpoints
        return folder.is_dir() and any(folder.iterdir())

    @override
    def delete_checkpoints(self, checkpoints: str) -> None:
        shutil.rmtree(self._checkpoints / checkpoints, ignore_errors=True)


class LocalBatch(BatchService):
    """Implements `backend.platforms.base.BatchService`."""

    @override
    def run(self, spec: ProcessingSpec, watch: Watch) -> None:
        with _base_folder() as base:
            folder = base / "processing"
            programs.write_json(base / "config" / "processingjobconfig.json", {"ProcessingJobName": spec.name})
            programs.write_json(base / "config" / "resourceconfig.json", HOST_CONFIG)
            programs.link(spec.videos, folder / "input" / "videos")
            programs.link(spec.model, folder / "input" / "model")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, folder / "output")
            programs.run("process", spec.arguments, base, base / "output" / "message", watch.log)


@contextmanager
def _base_folder() -> Iterator[Path]:
    """Provide a temporary `SAGEMAKER_BASE_DIR`. Results survive it, because its output folders are symbolic links."""
    try:
        temporary = tempfile.TemporaryDirectory()
    except OSError as error:
        raise UserError(f"The job cannot start: its temporary files have no room ({error.strerror}).") from error
    with temporary as base:
        yield Path(base)
