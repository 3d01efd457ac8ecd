"""What a platform can do: the one interface behind which this machine, SageMaker or a third one lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

LogLine = Callable[[str], None]


@dataclass(frozen=True)
class TrainingSpec:
    """One training job.

    `channels` maps a channel name (`train`, `val`, and `model` for the model to start from) to its folder.
    """

    name: str
    channels: dict[str, Path]
    hyperparameters: dict[str, str]
    checkpoints: Path  # kept between attempts: a job started again with the same folder resumes
    output: Path  # where the model artifact's files go


@dataclass(frozen=True)
class ProcessingSpec:
    """One batch job over a folder of videos; `arguments` go to the `process` program."""

    name: str
    videos: Path
    model: Path
    output: Path
    arguments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EndpointState:
    status: str  # "starting", "in service", "failed", "gone"
    reason: str = ""
    since: float | None = None
    cost_per_hour: float = 0.0  # US dollars
    where: str = ""  # address or instance type, for people


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered; `model_ms` is the time inside the container where the platform can tell."""

    body: bytes
    new_session: str | None = None
    closed_session: str | None = None
    model_ms: float | None = None


class Platform(Protocol):
    """Blocking calls run until done and stop their work when the calling process is told to stop (`Stopped`).

    All raise `UserError` with the container's own reason when a job, endpoint or request fails.
    """

    name: str

    def train(self, spec: TrainingSpec, log: LogLine) -> None:
        """Run a training job to its end; every line it prints goes to `log`."""

    def process(self, spec: ProcessingSpec, log: LogLine) -> None:
        """Run a batch job to its end."""

    def deploy(self, name: str, model: Path, mode: str) -> dict:
        """Start a `realtime` or `async` endpoint and return its `ref` at once; `endpoint` tells when it is in service.

        The ref is all that is known of something that may cost money: store it before anything else.
        """

    def endpoint(self, ref: dict) -> EndpointState: ...

    def delete_endpoint(self, ref: dict) -> None:
        """Delete it and everything that would go on costing money. Fine if it is gone already."""

    def invoke(
        self, ref: dict, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        """One real-time request. `session` is None, `NEW_SESSION` or an id from `Answer.new_session`."""

    def submit(self, ref: dict, body: Path, content_type: str, attributes: str = "") -> str:
        """Queue one asynchronous request; returns a ticket."""

    def collect(self, ref: dict, ticket: str) -> bytes | None:
        """The answer to a ticket, None while it is not there yet."""

    def endpoint_log(self, ref: dict, lines: int = 200) -> str:
        """The last lines that the endpoint printed."""
