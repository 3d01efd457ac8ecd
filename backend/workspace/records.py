"""The kinds of records in a workspace, each a small dataclass whose files are in a folder named after its id."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NotRequired, TypedDict, cast

from backend.errors import UserError
from backend.latency import LiveLag, drop_unreliable

MAX_NAME_LENGTH = 80
MAX_TAG_LENGTH = 40
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,79}")
INVALID_IN_NAME = re.compile(r"[^A-Za-z0-9 ._()-]")

ServingMode = Literal["batch", "realtime", "async"]
"""How a deployed model is served."""

JobStatus = Literal["queued", "running", "stopping", "done", "failed", "stopped"]
ACTIVE_STATUSES: tuple[JobStatus, ...] = ("queued", "running", "stopping")

Verb = Literal[
    "make sample",
    "add video",
    "cut video",
    "draw tracks",
    "make browser copy",
    "extract frames",
    "import labels",
    "start labeling",
    "fetch labels",
    "split labels",
    "build dataset",
    "train",
    "search hyperparameters",
    "add model",
    "try model",
    "change model input",
    "download model",
    "publish model",
    "deploy",
    "restart endpoint",
    "update endpoint",
    "track",
    "track video",
    "evaluate",
    "search tracker settings",
    "compare",
    "make report",
    "set up",
    "take down",
]
"""What a job does; `backend.jobs.worker.VERBS` has the function for each."""


class JobFacts(TypedDict, total=False):
    """What a job reports about its counterpart on a platform while it runs."""

    states: list[tuple[str, float]]  # the platform's words, each with its start in seconds since 1970
    where: str  # the job's name on the platform
    link: str  # a page about it
    billable_seconds: float
    cost: float  # US dollars so far
    trials: list[dict[str, Any]]  # of a hyperparameter search, fields of `backend.platforms.base.Trial`


class HeldOut(TypedDict):
    """Metrics of tracker settings on labels that the search for them did not use."""

    run: str  # the run whose detections were tracked
    labels: str
    name: str  # which labels, for the user: "frames 200–299", or the name of another video's labels
    labeled_frames: int
    before: dict[str, float]  # with the model's own settings
    after: dict[str, float]  # with those of the search


class Attempt(TypedDict):
    """An earlier attempt of a job that was started again: when it ran, how it ended and what it cost."""

    status: JobStatus
    started: float | None  # seconds since 1970
    ended: float | None
    cost: float  # US dollars


class ComparisonRow(TypedDict):
    """Measurements of one endpoint; times in milliseconds are percentiles per request, see `backend.latency`.

    The video was sent several times, after requests for warming up that are not counted. Rows that versions before 1.1
    stored are of one pass and get the fields from `passes` on when they are read.
    """

    endpoint: str  # names of endpoint and model, which may be deleted later
    mode: ServingMode
    model: str
    frames: int  # of all passes
    seconds: float  # wall clock of all passes, from the first byte sent to the last received
    fps: float
    requests: int
    bytes_sent: int
    client_ms: dict[str, float]  # cutting the video into pieces, reading the answers
    network_ms: dict[str, float]  # in transit, and waiting in the queue
    model_ms: dict[str, float]  # in the container
    total_ms: dict[str, float]
    latency: list[float]  # total of each request, in milliseconds
    cost_per_hour: float  # US dollars
    cost_per_1000_frames: float  # US dollars
    error: str  # why the endpoint could not be measured, or not to the end; empty if it could
    passes: int
    pass_fps: list[float]  # frames per second of each pass
    pass_frame_ms: list[float]  # median milliseconds per frame of each pass with requests
    frame_ms: dict[str, float]  # percentiles over requests of their milliseconds per frame
    frame_latency: list[float]  # milliseconds per frame of each request
    warm_up_requests: int
    video_fps: float
    live: LiveLag | None  # None if it does not answer while the video runs
    cost_per_video_hour: float  # US dollars for an hour of recorded video that is sent without pause
    runs_here: bool  # on this machine, and therefore free
    other_work: float  # share of this machine's processor that other programs took meanwhile, 0..1
    other_programs: list[str]


LATENCIES: tuple[Literal["client_ms", "network_ms", "model_ms", "total_ms"], ...] = (
    "client_ms",
    "network_ms",
    "model_ms",
    "total_ms",
)
"""Keys of a `ComparisonRow` that hold percentiles."""


def _complete_row(row: ComparisonRow) -> ComparisonRow:
    """Return a row with the fields that earlier versions did not store, and without percentiles of too few requests."""
    per_frame = row["requests"] / row["frames"] if row.get("frames") else 0.0
    latency = row.get("latency", [])
    defaults: dict[str, Any] = {
        "passes": 1 if row.get("frames") else 0,
        "pass_fps": [row["fps"]] if row.get("frames") else [],
        "pass_frame_ms": [],
        "frame_ms": {name: round(value * per_frame, 2) for name, value in row.get("total_ms", {}).items()},
        "frame_latency": [round(value * per_frame, 3) for value in latency],
        "warm_up_requests": 0,
        "video_fps": 0.0,
        "live": None,
        "cost_per_video_hour": 0.0,
        "runs_here": not row.get("cost_per_hour"),
        "other_work": 0.0,
        "other_programs": [],
    }
    complete = cast(ComparisonRow, {**defaults, **row})
    for key in LATENCIES:
        if key in row:
            complete[key] = drop_unreliable(row[key], row["requests"])
    complete["frame_ms"] = drop_unreliable(complete["frame_ms"], row["requests"])
    return complete


def check_name(name: str) -> str:
    """Return the name without surrounding blanks.

    Raises:
        UserError: If it is not 1 to 80 letters, digits, spaces, dots, dashes, underscores or parentheses.
    """
    name = name.strip()
    if not NAME.fullmatch(name):
        raise UserError(
            f"“{name[:MAX_NAME_LENGTH]}” cannot be a name. Use 1 to {MAX_NAME_LENGTH} letters, digits, blanks, dots, "
            "dashes, underscores or brackets, starting with a letter or digit."
        )
    return name


def check_tag(tag: str) -> str:
    """Return the tag without surrounding blanks.

    Raises:
        UserError: If it is empty, longer than 40 characters, or has a comma or a line break.
    """
    tag = tag.strip()
    if not tag or len(tag) > MAX_TAG_LENGTH or not tag.isprintable() or "," in tag:
        raise UserError(
            f"“{tag[:MAX_TAG_LENGTH]}” cannot be a tag. Use 1 to {MAX_TAG_LENGTH} characters without commas."
        )
    return tag


def name_from(text: str, fallback: str = "") -> str:
    """Return the valid name that is most like a text, such as a file name.

    Args:
        text: Text to turn into a name. Unsupported characters become `_`.
        fallback: Name to return if nothing is left of the text.
    """
    return INVALID_IN_NAME.sub("_", text).lstrip(" ._()-")[:MAX_NAME_LENGTH].strip() or fallback


@dataclass(kw_only=True)
class Record:
    """Fields that all kinds have.

    Attributes:
        name: Unique among the records of its kind.
        id: `<kind>-<8 hex digits>`.
        created: In seconds since 1970.
        tags: Words by which the user groups records.
        description: What the user notes about it.
    """

    OWNERS: ClassVar[tuple[str, ...]] = ()  # fields with ids of records that this one is removed with

    name: str
    id: str = ""
    created: float = field(default_factory=time.time)
    tags: list[str] = field(default_factory=list)
    description: str = ""

    def __post_init__(self) -> None:
        self.id = self.id or f"{stored_kind(type(self))}-{secrets.token_hex(4)}"

    def owners(self) -> list[str]:
        """Return the ids of the records without which this one has no meaning."""
        return [getattr(self, name) for name in self.OWNERS]


@dataclass(kw_only=True)
class Video(Record):
    """A video file. A clip is a video with a `parent`, whose frame `start` is the clip's frame 0."""

    path: str
    width: int  # pixels, as displayed
    height: int
    fps: float
    frames: int
    seconds: float
    codec: str
    size: int  # bytes
    variable_rate: bool = False
    rotation: int = 0  # degrees, already applied to width and height
    parent: str | None = None
    start: int = 0
    is_range: bool = False  # a clip that was cut as a range of its own, not as one of equal pieces


DRAWN_HERE = "Drawn here"
"""`Labels.source` of labels that were drawn in this console."""


class LabelStatistics(TypedDict):
    """Counts of boxes, so that pages and checks need not read them."""

    boxes_per_class: dict[str, int]  # only classes that occur
    small_boxes: int  # with a side below `backend.labels.label_statistics.SMALL_SIDE_PIXELS`
    boxes_outside: int  # that reach beyond the frame
    objects_with_one_box: int


@dataclass(kw_only=True)
class Labels(Record):
    """Boxes with object ids that people drew on one video; frames other than `labeled_frames` were not looked at."""

    OWNERS = ("video",)

    video: str
    source: str  # `DRAWN_HERE`, "Ground Truth", "MOTChallenge", "COCO", "sample", …
    classes: list[str]
    labeled_frames: list[int]
    boxes: int
    objects: int
    notes: list[str] = field(default_factory=list)  # oddities that the import found, a sentence each
    statistics: LabelStatistics | None = None  # None if they are not counted yet
    # Fields of `backend.labels.attributes.AttributeDefinition`, of each attribute that the objects can have
    attributes: list[dict[str, Any]] = field(default_factory=list)


class LabelingRef(TypedDict):
    """Where a platform finds a labeling job: by its name there, and on AWS by its region."""

    job: str
    region: NotRequired[str]


@dataclass(kw_only=True)
class LabelingJob(Record):
    """People labeling every `every`-th frame of clips on a platform, which finds the job by `ref`."""

    clips: dict[str, str]  # the clip's name in the job → id of the Video
    every: int
    classes: list[str]
    platform: str
    ref: LabelingRef
    frames: int  # to be labeled, in all clips together
    corrects: dict[str, str] = field(default_factory=dict)  # clip → id of the Labels, Run or Model to be corrected
    labels: list[str] = field(default_factory=list)  # ids of the Labels that were fetched from it


@dataclass(kw_only=True)
class Dataset(Record):
    """COCO annotations and JPEG frames, copied from labels: `<split>/annotations.json`, `<split>/images/`."""

    splits: dict[str, list[str]]  # "train", "val", "test" → ids of Labels
    classes: list[str]
    frames: dict[str, int]  # by split
    boxes: dict[str, dict[str, int]]  # split → class → boxes
    problems: list[str] = field(default_factory=list)  # a sentence each


@dataclass(kw_only=True)
class Model(Record):
    """A detector, as the model artifact that `bytetrack.detection.artifact` describes."""

    size: str  # nano, tiny, s, m, l, x or "custom"
    classes: list[str]
    input_size: list[int]  # height, width in pixels
    source: str  # "trained", "YOLOX COCO", "ByteTrack MOT", "file"
    dataset: str | None = None
    labels: list[str] = field(default_factory=list)  # ids of the Labels that it was trained on
    job: str | None = None
    base: str | None = None  # id of the model that it was fine-tuned from
    image: str = ""  # digest of the image, or of the tracker's sources, that trained it
    trained_as: str = ""  # name of the training on its platform
    registered: str = ""  # name in the platform's model registry
    hyperparameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class Endpoint(Record):
    """A deployed model, which the platform finds by `ref`.

    During an update, `pending` describes the other version: the `ref`, `model` and `options` of the new one until it is
    in service, then of the old one until it is deleted; and `pid` and `pid_started` of the process that updates.
    """

    OWNERS = ("model",)

    model: str
    mode: ServingMode
    platform: str
    ref: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # chosen values of `backend.platforms.base.Option`s
    last_used: float | None = None  # seconds since 1970
    pending: dict[str, Any] = field(default_factory=dict)
    model_changed: bool = False  # whether the input of the model was changed after the server loaded it

    @property
    def keeps_running(self) -> bool:
        """Whether a server runs until the endpoint is deleted. A batch endpoint has none: each job starts its own."""
        return self.mode != "batch"


@dataclass(kw_only=True)
class Run(Record):
    """Tracks of one video by one endpoint; its files are listed in `backend.workspace.paths`."""

    OWNERS = ("video",)

    video: str
    endpoint: str  # it may be deleted later, so its name, mode and model are copied here
    endpoint_name: str
    mode: ServingMode
    model: str
    frames: int
    objects: int
    seconds: float  # wall clock, from the first byte sent to the last received
    fps: float
    latency_ms: dict[str, float] = field(default_factory=dict)  # per request, see `backend.latency.percentiles`
    bytes_sent: int = 0
    requests: int = 0
    classes: list[str] = field(default_factory=list)  # that were asked for; all of the model's if empty
    warnings: list[str] = field(default_factory=list)  # reasons to doubt the tracks, a sentence or two each

    def __post_init__(self) -> None:
        super().__post_init__()
        self.latency_ms = drop_unreliable(self.latency_ms, self.requests)


@dataclass(kw_only=True)
class Score(Record):
    """Metrics of a run's tracks against labels: HOTA, MOTA, IDF1 and their parts in percent; the others are counts."""

    OWNERS = ("run", "labels")

    run: str
    labels: str
    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(kw_only=True)
class TrackerSearch(Record):
    """The best tracker settings of those tried on the detections of a run, scored against labels."""

    OWNERS = ("run", "labels")

    run: str
    labels: str
    settings: dict[str, float]  # empty if none beat the model's own
    before: dict[str, float]  # metrics with the model's own settings on the searched frames
    metrics: dict[str, float]  # metrics with `settings` on the same frames
    importances: dict[str, float]  # setting → share of the difference between trials that it explains, 0..1
    trials: list[dict[str, float]]  # HOTA and settings of each
    warning: str = ""  # reasons to doubt the result, see `backend.steps.tracker_search.find_doubts`
    is_doubtful: bool = False  # whether they are so strong that the settings should not be suggested
    space: dict[str, list[float]] = field(default_factory=dict)  # setting → lowest and highest value that was tried
    searched: str = ""  # the frames that trials were scored on, for the user
    held_out: HeldOut | None = None  # None in searches of earlier versions


@dataclass(kw_only=True)
class Comparison(Record):
    """Measurements of one video sent through several endpoints."""

    OWNERS = ("video",)

    video: str
    rows: list[ComparisonRow]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rows = [_complete_row(row) for row in self.rows]


@dataclass(kw_only=True)
class Job(Record):
    """A long step in a process of its own, whose output goes to `log.txt` in the record's folder."""

    verb: Verb
    params: dict[str, Any]
    status: JobStatus = "queued"
    progress: float = 0.0  # 0..1
    first_progress: float = 0.0  # the first that was reported: far above 0 if a training is resumed
    first_reported: float | None = None  # when that was, in seconds since 1970, as are the other times
    step: str = ""  # what it does now, in a few words
    reason: str = ""  # why it failed, as a message for the user
    result: dict[str, Any] = field(default_factory=dict)  # a type of `backend.jobs.results`
    facts: JobFacts = field(default_factory=JobFacts)
    started: float | None = None
    ended: float | None = None
    stop_asked: float | None = None
    pid: int | None = None
    pid_started: str | float | None = None  # see `backend.jobs.processes.start_id`
    attempts: list[Attempt] = field(default_factory=list)  # earlier ones, if it was started again; oldest first
    queued: float | None = None  # when it was started again

    @property
    def active(self) -> bool:
        """Whether the job has not ended."""
        return self.status in ACTIVE_STATUSES

    def seconds_worked(self) -> float:
        """Return for how long it has run so far, in all attempts together."""
        now = time.time()
        spans = [(attempt["started"], attempt["ended"]) for attempt in self.attempts]
        spans.append((self.started, self.ended or (now if self.active else None)))
        return sum(max(ended - started, 0.0) for started, ended in spans if started is not None and ended is not None)

    def cost(self) -> float:
        """Return what it has cost so far in US dollars, in all attempts together."""
        return sum(attempt["cost"] for attempt in self.attempts) + self.facts.get("cost", 0.0)

    def seconds_left(self) -> float | None:
        """Estimate the time left from the progress since the first report; None until there is enough of it."""
        gained = self.progress - self.first_progress
        if self.status != "running" or self.first_reported is None or gained <= 0.01 or self.progress >= 1:
            return None
        return (time.time() - self.first_reported) * (1 - self.progress) / gained


def stored_kind(kind: type[Record]) -> str:
    """Return the name of a kind in the database and in ids, such as `labelingjob`."""
    return kind.__name__.lower()


def noun(kind: type[Record]) -> str:
    """Return the words for a record of this kind, such as `labeling job`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def command_line_kind(kind: type[Record]) -> str:
    """Return the name of a kind on the command line, such as `labeling-job`."""
    return noun(kind).replace(" ", "-")


KINDS: dict[str, type[Record]] = {
    stored_kind(kind): kind
    for kind in (Video, Labels, LabelingJob, Dataset, Model, Endpoint, Run, Score, TrackerSearch, Comparison, Job)
}
"""Every kind of record by its name in the database; dependents come after what they depend on."""
