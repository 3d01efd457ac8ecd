"""The platform that needs nothing: jobs and endpoints are processes of this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from backend.errors import UserError
from backend.platforms.base import (
    Answer,
    Check,
    EndpointState,
    HyperparameterSearchSpec,
    Option,
    Options,
    ProcessingSpec,
    Resource,
    Traffic,
    TrainingSpec,
    Trial,
    Watch,
)
from backend.platforms.local import endpoints, hyperparameter_search, programs
from backend.platforms.local.labeling import LocalLabeling
from backend.progress import Progress

HOST = {"current_host": "algo-1", "hosts": ["algo-1"]}


class LocalPlatform:
    """Implements `backend.platforms.base.Platform` below one folder. Nothing is to be chosen or set up, or costs."""

    name = "local"
    has_registry = False

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def labeling(self) -> LocalLabeling:
        return LocalLabeling(self.root / "labeling")

    def options(self, what: str) -> list[Option]:
        return []

    def cost_per_hour(self, what: str, options: Options) -> float:
        return 0.0

    def checks(self, chosen: Sequence[tuple[str, Options]] = ()) -> list[Check]:
        return []

    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        raise UserError("There is nothing to set up: everything runs on this machine.")

    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        return self.fix(key, watch)

    def inventory(self) -> list[Resource]:
        return []  # all that runs here has a record in the workspace

    def delete_resource(self, id: str) -> None:
        pass

    def download(self, address: str, target: Path, progress: Progress) -> None:
        raise UserError(
            f"“{address}” lies in Amazon S3, which needs an AWS account. Choose AWS on Account, or download the file."
        )

    def image(self) -> str:
        return programs.sources()

    def train(self, spec: TrainingSpec, watch: Watch) -> None:
        with self._base() as base:
            config = base / "input" / "config"
            programs.write_json(config / "hyperparameters.json", spec.hyperparameters)
            programs.write_json(config / "resourceconfig.json", HOST)
            programs.write_json(
                config / "inputdataconfig.json", {name: {"TrainingInputMode": "File"} for name in spec.channels}
            )
            for name, folder in spec.channels.items():
                programs.link(folder, base / "input" / "data" / name)
            checkpoints = self._checkpoints(spec.checkpoints)
            checkpoints.mkdir(parents=True, exist_ok=True)
            programs.link(checkpoints, base / "checkpoints")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, base / "model")
            programs.run("train", [], base, base / "output" / "failure", watch.log)

    def resumable(self, checkpoints: str) -> bool:
        folder = self._checkpoints(checkpoints)
        return folder.is_dir() and any(folder.iterdir())

    def forget(self, checkpoints: str) -> None:
        shutil.rmtree(self._checkpoints(checkpoints), ignore_errors=True)

    def search_hyperparameters(
        self, spec: HyperparameterSearchSpec, watch: Watch, tell: Callable[[list[Trial]], None]
    ) -> Trial:
        return hyperparameter_search.search(self, spec, watch, tell)

    def process(self, spec: ProcessingSpec, watch: Watch) -> None:
        with self._base() as base:
            folder = base / "processing"
            programs.write_json(base / "config" / "processingjobconfig.json", {"ProcessingJobName": spec.name})
            programs.write_json(base / "config" / "resourceconfig.json", HOST)
            programs.link(spec.videos, folder / "input" / "videos")
            programs.link(spec.model, folder / "input" / "model")
            spec.output.mkdir(parents=True, exist_ok=True)
            programs.link(spec.output, folder / "output")
            programs.run("process", spec.arguments, base, base / "output" / "message", watch.log)

    def publish(self, name: str, model: Path, facts: Mapping[str, str | float]) -> str:
        raise UserError("This machine has no registry of models beside the page Models. Choose AWS on Account for one.")

    def deploy(self, name: str, model: Path, mode: str, options: Options) -> dict:
        return endpoints.start(self.root / "endpoints", model, mode)

    def wait_in_service(self, ref: dict, progress: Progress) -> None:
        endpoints.wait_in_service(ref, progress)

    def update(self, ref: dict, model: Path, options: Options) -> dict:
        return endpoints.start(self.root / "endpoints", model, ref["mode"])

    def retire(self, ref: dict, kept: dict) -> None:
        endpoints.stop(ref)

    def sweep(self, recorded: Callable[[], list[dict]]) -> None:
        """End servers of this workspace that no ref in `recorded()` names, see `endpoints.sweep`."""
        endpoints.sweep(self.root / "endpoints", recorded)

    def endpoint(self, ref: dict) -> EndpointState:
        return endpoints.state(ref)

    def traffic(self, ref: dict) -> Traffic | None:
        return None

    def delete_endpoint(self, ref: dict) -> None:
        endpoints.stop(ref)

    def endpoint_log(self, ref: dict, lines: int = 200) -> str:
        return endpoints.log(ref, lines)

    def example(self, ref: dict) -> str:
        return endpoints.example(ref)

    def invoke(
        self, ref: dict, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        return endpoints.invoke(ref, body, content_type, session, attributes)

    def submit(self, ref: dict, body: Path, content_type: str, attributes: str = "") -> str:
        return endpoints.submit(ref, body, content_type, attributes)

    def collect(self, ref: dict, ticket: str) -> bytes | None:
        return endpoints.collect(ref, ticket)

    def _checkpoints(self, name: str) -> Path:
        return self.root / "checkpoints" / name

    @contextmanager
    def _base(self) -> Iterator[Path]:
        """A fresh `SAGEMAKER_BASE_DIR`, removed afterwards: what is kept lies where its links point to."""
        try:
            temporary = tempfile.TemporaryDirectory()
        except OSError as error:
            raise UserError(f"No job can start: there is no room for its files ({error.strerror}).") from error
        with temporary as base:
            yield Path(base)
