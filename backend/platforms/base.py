"""What a platform can do: the one interface behind which this machine, SageMaker or a third one lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backend.progress import Progress, silent
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from backend.labels.box_attributes import BoxAttributes
    from backend.labels.labeling_folder import LabelingFolder

LogLine = Callable[[str], None]
Options = Mapping[str, str | int | float | bool]  # by the names of `Option`s; what is missing has its default

# For what options can be asked: jobs, endpoints, and the platform itself.
TRAINING, HYPERPARAMETER_SEARCH, BATCH, REALTIME, ASYNC, LABELING, SETTINGS = (
    "training", "hyperparameter_search", "batch", "realtime", "async", "labeling", "settings",
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """Something that a platform lets people choose, as a page draws it; the default's type is the value's.

    `choices` maps each value to how it reads. Options with the same `group` belong together; the unnamed group is
    what one looks at first.
    """

    name: str
    label: str
    default: str | int | float | bool
    help: str = ""
    choices: Mapping[str, str] | None = None
    min: float | None = None
    max: float | None = None
    group: str = ""


@dataclass(frozen=True)
class JobState:
    """What a platform tells of a job while it waits for it."""

    status: str  # the platform's own word, such as "Downloading"
    where: str = ""  # its name on the platform
    link: str = ""  # a page about it
    billable_seconds: float = 0.0
    cost: float = 0.0  # so far, in US dollars


@dataclass(frozen=True)
class Watch:
    """Who is told what a job does: each line it prints, each change of its state, how far files have come.

    Progress of files is 0..0.5 before the job's own work and 0.5..1 after it.
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
    checkpoints: str  # kept between attempts under this name: a job started again with the same one resumes
    output: Path  # where the model artifact's files go
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """What a hyperparameter may be in a search: from `low` to `high`, or one of `choices`."""

    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    logarithmic: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class HyperparameterSearchSpec:
    """Many trainings, each with other hyperparameters, for the best `objective` (a name of `metric_definitions`)."""

    training: TrainingSpec  # its hyperparameters hold for all trials, its output gets the best model
    ranges: dict[str, Range]
    objective: str
    maximize: bool
    trials: int
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One training of a search; `value` is the objective's, None while there is none."""

    name: str
    hyperparameters: dict[str, str]  # those that are searched
    status: str  # "running", "done", "failed", "stopped"
    value: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class ProcessingSpec:
    """One batch job over a folder of videos; `arguments` go to the `process` program."""

    name: str
    videos: Path
    model: Path
    output: Path
    arguments: list[str] = field(default_factory=list)
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointState:
    status: str  # "starting", "in service", "failed", "gone"
    reason: str = ""
    since: float | None = None
    cost_per_hour: float = 0.0  # US dollars
    where: str = ""  # address or instance type, for people


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered."""

    body: bytes
    new_session: str | None = None
    closed_session: str | None = None


@dataclass(frozen=True)
class Traffic:
    """What an endpoint did per minute over the last hour: start of the minute (seconds since 1970) and its figures."""

    minutes: list[float]
    invocations: list[float]
    model_ms: list[float]  # mean time in the container, in milliseconds
    overhead_ms: list[float]  # mean time that the platform added
    waiting: list[float]  # requests in the queue of an asynchronous endpoint


@dataclass(frozen=True)
class Check:
    """One thing that a platform needs before it can work, and how it stands."""

    key: str
    title: str
    state: str  # "ok", "missing", "failed", "busy", "optional"
    detail: str  # what was found, or what is wrong and what to do
    fix_label: str = ""  # what a button to `fix` it says; none where it is empty
    command: str = ""  # what a person may run instead, in a terminal
    revert_label: str = ""  # what a button to `revert` it says
    revert_detail: str = ""  # what that removes, and what stays


@dataclass(frozen=True)
class Resource:
    """Something that exists on the platform because this console made it."""

    id: str  # the platform's own name for it, as `delete_resource` takes it
    kind: str  # "endpoint", "training job", …
    name: str
    status: str
    since: float | None = None
    idle_since: float | None = None  # when it was last of use, where the platform can tell
    cost_per_hour: float = 0.0
    size: int = 0  # bytes, of files
    deletable: bool = True


@dataclass(frozen=True)
class ClipToLabel:
    """Every `every`-th of the `length` frames of a clip as JPEG in `folder`, in the order of their names.

    `earlier` are boxes to be corrected, by the clip's own frame numbers, and `box_attributes` what was noted of them.
    """

    folder: Path
    length: int
    every: int = 1
    earlier: Tracks | None = None
    box_attributes: BoxAttributes = field(default_factory=dict)


@dataclass(frozen=True)
class LabelingSpec:
    """A labeling job for people: boxes with identities on the frames of clips.

    Its limits are those of `backend.labels.formats.ground_truth.job_input.check`.
    Either all clips have earlier labels or none.
    """

    name: str  # for people
    token: str  # makes its name on the platform unique
    clips: dict[str, ClipToLabel]  # by their names
    classes: list[str]
    short_instructions: str
    full_instructions: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class LabelingState:
    status: str  # "starting", "in progress", "done", "failed", "stopping", "stopped", "gone"
    labeled: int = 0  # clips
    failed: int = 0
    total: int = 0
    reason: str = ""
    link: str = ""  # where the people work
    where: str = ""  # its name on the platform


class LabelingService(Protocol):
    """The part of a platform that has people label clips."""

    def start(self, spec: LabelingSpec, progress: Progress) -> dict:
        """Start a job; returns its `ref`: store it before anything else, for people may be paid for it."""

    def jobs(self) -> dict[str, dict]:
        """The `ref` of every job that the platform knows, also of those started elsewhere, by its name there."""

    def state(self, ref: dict) -> LabelingState: ...

    def stop(self, ref: dict) -> None:
        """Take it from the people. Fine if it has ended."""

    def remove(self, ref: dict) -> None:
        """Stop it, and delete what the platform lets one delete of it."""

    def fetch(self, ref: dict, folder: Path, progress: Progress) -> str:
        """Copy what was labeled into `folder`, in Ground Truth's layout.

        Returns:
            The attribute under which its manifest has the labels of this job, as there may be earlier ones.
        """

    def labeling_folder(self, ref: dict) -> LabelingFolder | None:
        """Where people label, if that is this console; None where they have a place of their own."""

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        """The same for the output of any job, which lies at an address on this platform (`s3://…`)."""


class Platform(Protocol):
    """Blocking calls run until done and stop their work when the calling process is told to stop (`Stopped`).

    All raise `UserError` with the container's own reason when a job, endpoint or request fails.
    """

    @property
    def name(self) -> str: ...

    @property
    def has_registry(self) -> bool:
        """Whether models can be registered."""

    @property
    def labeling(self) -> LabelingService: ...

    # --- What it offers and what it needs -------------------------------------------------------------------------

    def options(self, what: str) -> list[Option]:
        """What can be chosen for one purpose: `TRAINING`, `HYPERPARAMETER_SEARCH`, `BATCH`, `REALTIME`, `ASYNC`, …"""

    def cost_per_hour(self, what: str, options: Options) -> float:
        """What such a job or endpoint costs while it works, in US dollars; 0 where it costs nothing or is not known."""

    def checks(self, chosen: Sequence[tuple[str, Options]] = ()) -> list[Check]:
        """What must be there before it can work, in the order in which to see to it.

        Args:
            chosen: the options of what was started of late, each with what it is for (`TRAINING`, …): whether the
                platform has room for that is a part of it.
        """

    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        """Do what the `action` of a check says; returns the settings that this changed."""

    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        """Do what the `revert` of a check says; returns the settings that this changed."""

    def inventory(self) -> list[Resource]:
        """Everything that exists there because of this console, whether or not a record names it."""

    def delete_resource(self, id: str) -> None:
        """Remove a holding. Fine if it is gone already."""

    def download(self, address: str, target: Path, progress: Progress) -> None:
        """Fetch a file that has an address on this platform (`s3://…`)."""

    # --- Jobs -----------------------------------------------------------------------------------------------------

    def image(self) -> str:
        """Which code jobs run: the digest of the image, or of the tracker's sources."""

    def train(self, spec: TrainingSpec, watch: Watch) -> None:
        """Run a training job to its end. A job of the same name that still runs there is followed, not repeated."""

    def resumable(self, checkpoints: str) -> bool:
        """Whether a training left something under this name to go on from."""

    def forget(self, checkpoints: str) -> None:
        """Remove what a training left under this name."""

    def search_hyperparameters(
        self, spec: HyperparameterSearchSpec, watch: Watch, tell: Callable[[list[Trial]], None]
    ) -> Trial:
        """Run the trials; returns the best. `tell` gets all trials whenever something changed."""

    def process(self, spec: ProcessingSpec, watch: Watch) -> None:
        """Run a batch job to its end."""

    def publish(self, name: str, model: Path, facts: Mapping[str, str | float]) -> str:
        """Enter a model into the platform's registry of models; returns its name there.

        Raises:
            UserError: also where the platform has none.
        """

    # --- Endpoints ------------------------------------------------------------------------------------------------

    def deploy(self, name: str, model: Path, mode: str, options: Options) -> dict:
        """Start a `realtime` or `async` endpoint and return its `ref` at once; `wait_in_service` waits for it.

        The ref is all that is known of something that may cost money: store it before anything else.
        """

    def wait_in_service(self, ref: dict, progress: Progress) -> None:
        """Wait until it answers.

        Raises:
            UserError: with what it printed, if it fails to start.
        """

    def update(self, ref: dict, model: Path, options: Options) -> dict:
        """Begin to give an endpoint another model or other options; returns its new `ref` at once.

        The old one goes on answering until the new one is in service, or has failed; whichever is not needed then is
        to be retired.
        """

    def retire(self, ref: dict, kept: dict) -> None:
        """Delete what `ref` has and `kept` has not, after an update."""

    def endpoint(self, ref: dict) -> EndpointState: ...

    def traffic(self, ref: dict) -> Traffic | None:
        """What it did of late; None where the platform does not count."""

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

    def example(self, ref: dict) -> str:
        """How other programs ask it, as lines for a shell."""

    def endpoint_log(self, ref: dict, lines: int = 200) -> str:
        """The last lines that the endpoint printed."""
