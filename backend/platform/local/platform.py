"""The platform that needs nothing: jobs and endpoints are processes of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import UserError
from backend.platform.base import Answer, EndpointState, LogLine, ProcessingSpec, TrainingSpec
from backend.platform.local import endpoints, programs

HOST = {"current_host": "algo-1", "hosts": ["algo-1"]}


class LocalPlatform:
    """Implements `backend.platform.base.Platform` below one folder."""

    name = "local"

    def __init__(self, root: Path) -> None:
        self.root = root

    def train(self, spec: TrainingSpec, log: LogLine) -> None:
        with self._base() as base:
            config = base / "input" / "config"
            programs.write_json(config / "hyperparameters.json", spec.hyperparameters)
            programs.write_json(config / "resourceconfig.json", HOST)
            programs.write_json(
                config / "inputdataconfig.json", {name: {"TrainingInputMode": "File"} for name in spec.channels}
            )
            for name, folder in spec.channels.items():
                programs.link(folder, base / "input" / "data" / name)
            spec.checkpoints.mkdir(parents=True, exist_ok=True)
            programs.link(spec.checkpoints, base / "checkpoints")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, base / "model")
            programs.run("train", [], base, base / "output" / "failure", log)

    def process(self, spec: ProcessingSpec, log: LogLine) -> None:
        with self._base() as base:
            folder = base / "processing"
            programs.write_json(base / "config" / "processingjobconfig.json", {"ProcessingJobName": spec.name})
            programs.write_json(base / "config" / "resourceconfig.json", HOST)
            programs.link(spec.videos, folder / "input" / "videos")
            programs.link(spec.model, folder / "input" / "model")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, folder / "output")
            programs.run("process", spec.arguments, base, base / "output" / "failure", log)

    def deploy(self, name: str, model: Path, mode: str) -> dict:
        return endpoints.start(self.root / "endpoints", model, mode)

    def endpoint(self, ref: dict) -> EndpointState:
        return endpoints.state(ref)

    def delete_endpoint(self, ref: dict) -> None:
        endpoints.stop(ref)

    def endpoint_log(self, ref: dict, lines: int = 200) -> str:
        return endpoints.log(ref, lines)

    def invoke(
        self, ref: dict, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        return endpoints.invoke(ref, body, content_type, session, attributes)

    def submit(self, ref: dict, body: Path, content_type: str, attributes: str = "") -> str:
        return endpoints.submit(ref, body, content_type, attributes)

    def collect(self, ref: dict, ticket: str) -> bytes | None:
        return endpoints.collect(ref, ticket)

    @contextmanager
    def _base(self) -> Iterator[Path]:
        """A fresh `SAGEMAKER_BASE_DIR`, removed afterwards: what is kept lies where its links point to."""
        try:
            temporary = tempfile.TemporaryDirectory()
        except OSError as error:
            raise UserError(f"No job can start: there is no room for its files ({error.strerror}).") from error
        with temporary as base:
            yield Path(base)
