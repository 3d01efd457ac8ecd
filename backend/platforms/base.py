"""The interface of a platform: what this machine, Amazon SageMaker or another platform to run jobs and endpoints.

A platform is a `Platform`, which is composed of one service per task. Each service is a protocol below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from backend.labels.labeling_folder import LabelingFolder
from backend.labels.labeling_spec import LabelingLimits, LabelingSpec
from backend.progress import Progress, silent
from backend.workspace.records import LabelingRef

LogLine = Callable[[str], None]
OptionValue = str | int | float | bool
Options = Mapping[str, OptionValue]
"""Chosen values by the names of `Option`s; an option that is missing has its default."""

Purpose = Literal["training", "hyperparameter_search", "batch", "realtime", "async", "labeling"]
"""The kinds of job and endpoint for which a platform has options. The serving modes are among them."""
TRAINING: Final = "training"
HYPERPARAMETER_SEARCH: Final = "hyperparameter_search"
BATCH: Final = "batch"
REALTIME: Final = "realtime"
ASYNC: Final = "async"
LABELING: Final = "labeling"

EndpointMode = Literal["realtime", "async"]
"""The serving modes in which a server runs until it is deleted."""
EndpointStatus = Literal["starting", "in service", "failed", "gone"]
CheckState = Literal["ok", "missing", "failed", "busy", "optional"]
TrialStatus = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Option:
    """A setting that a platform lets the user choose, shown as one field of a form.

    The type of `default` is the type of the value. `choices` maps each allowed value to its label. Options of the same
    `group` are shown together; the unnamed group comes first.
    """

    name: str
    label: str
    default: OptionValue
    help: str = ""
    choices: Mapping[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Hardware:
    """What a kind of job runs on."""

    cores: int  # of one instance
    gpus: int  # of one instance
    gpu: str = ""  # name of the GPU; empty if there is none, or if it is not known
    instances: int = 1


@dataclass(frozen=True)
class JobState:
    """The state of a job as its platform reports it."""

    status: str  # the platform's own word, such as "Downloading"
    job_name: str = ""  # on the platform
    link: str = ""  # URL of the job's page on the platform
    billable_seconds: float = 0.0
    cost: float = 0.0  # so far, in US dollars


@dataclass(frozen=True)
class Watch:
    """Callbacks for the lines that a job prints, for changes of its state, and for the progress of file transfers.

    File progress is 0..0.5 before the job's own work and 0.5..1 after it.
    """

    log: LogLine
    state: Callable[[JobState], None] = lambda state: None
    progress: Progress = silent


@dataclass(frozen=True)
class TrainingSpec:
    """One training job.

    `channels` maps a channel name (`train`, `val`, and `model` for the model to start from) to its folder.
    """

    name: str
    channels: dict[str, Path]
    hyperparameters: dict[str, str]
    checkpoints: str  # name of the stored checkpoints: a job that is started with the same name resumes from them
    output: Path  # folder for the files of the model artifact
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """The search space of one hyperparameter: from `low` to `high`, or one of `choices`."""

    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    logarithmic: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class HyperparameterSearchSpec:
    """A search for the hyperparameters with the best `objective`, which is a name of `metric_definitions`."""

    training: TrainingSpec  # its hyperparameters are the same in all trials; its output receives the best model
    ranges: dict[str, Range]
    objective: str
    maximize: bool
    trials: int
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One training of a hyperparameter search; `value` is its objective, or None if it has not been measured."""

    name: str
    hyperparameters: dict[str, str]  # only those that are searched
    status: TrialStatus
    value: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class ProcessingSpec:
    """One batch job over a folder of videos; `arguments` are passed to the `process` program."""

    name: str
    videos: Path
    model: Path
    output: Path
    arguments: list[str] = field(default_factory=list)
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointState:
    """The state of an endpoint at this moment."""

    status: EndpointStatus
    reason: str = ""
    since: float | None = None  # seconds since 1970
    cost_per_hour: float = 0.0  # US dollars
    location: str = ""  # URL or instance type, to be shown to the user


@dataclass(frozen=True)
class Answer:
    """The response of an endpoint to one request."""

    body: bytes
    new_session: str | None = None
    closed_session: str | None = None


@dataclass(frozen=True)
class SampleFiles:
    """Files that examples of requests send, by absolute paths."""

    image: Path  # a frame, as JPEG
    piece: Path  # a short piece of video, as MP4
    video: Path  # a whole video
    frame_rate: float  # frames per second of the video


@dataclass(frozen=True)
class Example:
    """A complete program, or commands, that send requests to an endpoint."""

    title: str
    language: str  # for the highlighting: "bash" or "python"
    code: str


@dataclass(frozen=True)
class Traffic:
    """Figures of an endpoint for each minute of the last hour; `minutes` are their starts in seconds since 1970."""

    minutes: list[float]
    invocations: list[float]
    model_ms: list[float]  # mean time in the container, in milliseconds
    overhead_ms: list[float]  # mean time that the platform added, in milliseconds
    waiting: list[float]  # requests in the queue of an asynchronous endpoint


@dataclass(frozen=True)
class Check:
    """One requirement of a platform and whether it is met."""

    key: str
    title: str
    state: CheckState
    detail: str  # the finding, or the problem and how to solve it
    fix_label: str = ""  # label of the button that runs `PlatformSetup.fix`; no button if empty
    command: str = ""  # terminal command that does the same
    revert_label: str = ""  # label of the button that runs `PlatformSetup.revert`; no button if empty
    revert_detail: str = ""  # what reverting removes, and what it keeps


@dataclass(frozen=True)
class Resource:
    """Something on the platform that this console created."""

    id: str  # the platform's own id, as `Inventory.delete` takes it
    kind: str  # such as "endpoint" or "training job"
    name: str
    status: str
    since: float | None = None
    idle_since: float | None = None  # time of the last request, if the platform counts requests
    cost_per_hour: float = 0.0
    size: int = 0  # bytes, for files
    deletable: bool = True


LabelingStatus = Literal["starting", "in progress", "done", "failed", "stopping", "stopped", "gone"]


@dataclass(frozen=True)
class LabelingState:
    """Progress of a labeling job.

    Attributes:
        status: What the job is doing; "gone" if the platform does not have it.
        labeled: Number of clips whose labels are done.
        failed: Number of clips that could not be labeled.
        total: Number of clips.
        reason: Why the job failed.
        link: Address of the page on which people label, if the platform has one.
        location: Name of the job on the platform, or "this machine".
    """

    status: LabelingStatus
    labeled: int = 0
    failed: int = 0
    total: int = 0
    reason: str = ""
    link: str = ""
    location: str = ""


class LabelingService(Protocol):
    """The part of a platform that runs labeling jobs."""

    @property
    def limits(self) -> LabelingLimits:
        """How large a job may be. `start` relies on it that the caller has checked them."""

    @property
    def is_team(self) -> bool:
        """Whether a team labels elsewhere and needs instructions, not the user in this console."""

    def start(self, spec: LabelingSpec, progress: Progress) -> LabelingRef:
        """Start a job.

        Returns:
            The reference of the job. Store it before anything else: the people who label may be paid.
        """

    def jobs(self) -> dict[str, LabelingRef]:
        """Return the references of all jobs on the platform by name, the newest first, whoever started them."""

    def state(self, ref: LabelingRef) -> LabelingState:
        """Return the progress of a job."""

    def stop(self, ref: LabelingRef) -> None:
        """Stop a job. No-op if it has ended."""

    def remove(self, ref: LabelingRef) -> None:
        """Stop a job, and delete what the platform lets a user delete of it."""

    def fetch(self, ref: LabelingRef, folder: Path, progress: Progress) -> str:
        """Copy the labels of a job into `folder`, in the layout of Ground Truth's output.

        Returns:
            The label attribute of the manifest that holds the labels of this job; a correction job's manifest has
            the initial labels, too.
        """

    def labeling_folder(self, ref: LabelingRef) -> LabelingFolder | None:
        """Return the folder of a job whose clips are labeled in this console, None if they are labeled elsewhere."""

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        """Copy the output of any job into `folder`, as `fetch` does.

        Args:
            address: Address of the output on this platform, such as `s3://bucket/folder`.
            folder: Folder to copy to.
            progress: Receives the share of the files that are copied.
        """


R = TypeVar("R")  # a platform's own dictionary for one endpoint, stored as JSON in the record; opaque to callers


class PlatformSetup(Protocol):
    """Checks of what the platform needs before it can run jobs, and actions that provide it."""

    def access(self) -> Check:
        """Check whether the platform can be reached; the first of `checks`, if there are any."""

    def checks(self, chosen: Sequence[tuple[Purpose, Options]] = ()) -> list[Check]:
        """Return all checks, in the order in which the user should resolve them.

        Args:
            chosen: Purposes and options of recent jobs and of all endpoints, to check that quotas leave room for them.
        """

    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        """Do what the `fix_label` of a check says and return the settings that this changes."""

    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        """Do what the `revert_label` of a check says and return the settings that this changes."""


class Inventory(Protocol):
    """The resources on the platform that this console created, whether or not a record refers to them."""

    def resources(self) -> list[Resource]:
        """List all resources."""

    def delete(self, resource_id: str) -> None:
        """Delete a resource. No-op if it does not exist."""


class FileStore(Protocol):
    """Files that have an address on the platform, such as `s3://bucket/key`."""

    def download(self, address: str, target: Path, progress: Progress) -> None:
        """Download a file to the path `target`."""


class TrainingService(Protocol):
    """Training jobs and their checkpoints."""

    def code_version(self) -> str:
        """Return which code jobs run: the digest of the image, or of the tracker's sources."""

    def run(self, spec: TrainingSpec, watch: Watch) -> None:
        """Run a training job to its end.

        If a job with the same checkpoints still runs on the platform, it is followed instead of started again.
        """

    def can_resume(self, checkpoints: str) -> bool:
        """Return whether there are checkpoints, or a job, of that name from which training can continue."""

    def delete_checkpoints(self, checkpoints: str) -> None:
        """Delete the checkpoints of that name. No-op if there are none."""


class HyperparameterSearchService(Protocol):
    """Hyperparameter searches."""

    def run(self, spec: HyperparameterSearchSpec, watch: Watch, on_trials: Callable[[list[Trial]], None]) -> Trial:
        """Run all trials and return the best.

        Args:
            spec: The search.
            watch: Callbacks for the search as a whole.
            on_trials: Called with all trials so far, whenever one changed.
        """


class BatchService(Protocol):
    """Batch jobs, which run the `process` program over a folder of videos."""

    def run(self, spec: ProcessingSpec, watch: Watch) -> None:
        """Run a batch job to its end."""


class ModelRegistry(Protocol):
    """The platform's registry of models."""

    def publish(self, name: str, model: Path, facts: Mapping[str, str | float]) -> str:
        """Add a model to the registry as a new version.

        Args:
            name: Name of the model.
            model: Folder of the artifact.
            facts: Properties to store with it.

        Returns:
            The version's name in the registry.
        """


class EndpointService(Protocol[R]):
    """Real-time and asynchronous endpoints.

    A `ref` holds what the platform needs to find an endpoint again.
    """

    def start(self, name: str, model: Path, mode: EndpointMode, options: Options) -> R:
        """Start an endpoint and return its `ref` without waiting for it.

        The caller must store the `ref` at once: it is the only trace of something that may cost money.
        """

    def wait_in_service(self, ref: R, progress: Progress) -> None:
        """Wait until the endpoint answers requests.

        Raises:
            UserError: With the endpoint's last log lines, if it fails to start.
        """

    def update(self, ref: R, model: Path, options: Options) -> R:
        """Start another version of an endpoint and return the version's `ref` without waiting for it.

        The current version keeps answering until the new one is in service or has failed. The caller then retires the
        version that is no longer needed.
        """

    def retire(self, ref: R, kept: R) -> None:
        """Delete after an update whatever belongs to the version `ref` and not to the version `kept`."""

    def state(self, ref: R) -> EndpointState:
        """Return the current state of an endpoint."""

    def traffic(self, ref: R) -> Traffic | None:
        """Return the figures of the last hour, or None if the platform does not count requests."""

    def process_ids(self, ref: R) -> list[int]:
        """Return the processes of this machine that serve the endpoint, without their children; none if elsewhere."""

    def delete(self, ref: R) -> None:
        """Delete an endpoint with everything that costs money. No-op if it does not exist."""

    def invoke(
        self, ref: R, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        """Send one real-time request.

        Args:
            ref: The endpoint.
            body: Body of the request.
            content_type: MIME type of the body.
            session: None, `NEW_SESSION`, or an id from `Answer.new_session`.
            attributes: Value of SageMaker's header `CustomAttributes`.
        """

    def submit(self, ref: R, body: Path, content_type: str, attributes: str = "") -> str:
        """Queue one asynchronous request and return a ticket for `collect`."""

    def collect(self, ref: R, ticket: str) -> bytes | None:
        """Return the answer to a queued request, or None if it is not ready."""

    def examples(self, ref: R, files: SampleFiles) -> list[Example]:
        """Return how other programs call the endpoint. They run as they are, in any folder."""

    def log(self, ref: R, lines: int = 200) -> str:
        """Return the last lines that the endpoint printed."""


class Platform(Protocol):
    """A place where jobs and endpoints run, composed of services.

    Methods that run a job block until it ends. If the calling process is asked to stop (`Stopped`), they stop the job.
    All methods raise `UserError`, with the container's own reason if a job, an endpoint or a request fails.
    """

    @property
    def name(self) -> str:
        """Key of the platform in `backend.platforms.registry.PLATFORMS`."""

    @property
    def runs_here(self) -> bool:
        """Whether jobs and endpoints run on this machine, which makes them free and shares its processor."""

    @property
    def setup(self) -> PlatformSetup:
        """Checks and setup."""

    @property
    def inventory(self) -> Inventory:
        """The resources that the console created."""

    @property
    def files(self) -> FileStore:
        """Files with an address on the platform."""

    @property
    def training(self) -> TrainingService:
        """Training jobs."""

    @property
    def hyperparameter_search(self) -> HyperparameterSearchService:
        """Hyperparameter searches."""

    @property
    def batch(self) -> BatchService:
        """Batch jobs."""

    @property
    def endpoints(self) -> EndpointService[Any]:
        """Real-time and asynchronous endpoints."""

    @property
    def labeling(self) -> LabelingService:
        """Labeling jobs."""

    @property
    def model_registry(self) -> ModelRegistry | None:
        """The registry of models, or None if the platform has none."""

    def options(self, purpose: Purpose) -> list[Option]:
        """Return the options of a kind of job or endpoint."""

    def hardware(self, purpose: Purpose, options: Options) -> Hardware | None:
        """Return what a kind of job runs on, or None if the platform does not know it."""

    def cost_per_hour(self, purpose: Purpose, options: Options) -> float:
        """Return the price of a running job or endpoint in US dollars per hour, or 0 if it is free or unknown."""
