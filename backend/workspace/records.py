"""What a workspace holds: one small record per thing, its files in a folder of the same id."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field

from backend.errors import UserError
from backend.latency import drop_unreliable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,79}")


def check_name(name: str) -> str:
    """The name without surrounding blanks.

    Raises:
        UserError: if it is not 1 to 80 letters, digits, blanks, dots, dashes, underscores or brackets.
    """
    name = name.strip()
    if not NAME.fullmatch(name):
        raise UserError(
            f"“{name[:80]}” cannot be a name. Use 1 to 80 letters, digits, blanks, dots, dashes or underscores, "
            "starting with a letter or digit."
        )
    return name


@dataclass(kw_only=True)
class Record:
    """Common to all: `id` is `<kind>-<8 hex digits>`, `created` seconds since 1970."""

    name: str
    id: str = ""
    created: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.id = self.id or f"{type(self).__name__.lower()}-{secrets.token_hex(4)}"

    def owners(self) -> list[str]:
        """Ids of the records without which this one has no meaning: it is removed with any of them."""
        return []


@dataclass(kw_only=True)
class Video(Record):
    """A video file; a clip is a video with a `parent`, whose frame `start` is the clip's frame 0."""

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


@dataclass(kw_only=True)
class Labels(Record):
    """Labeled boxes of one video: `tracks.json` in its folder; only `labeled_frames` were looked at by a person."""

    video: str
    source: str  # "Ground Truth", "MOTChallenge", "COCO", "sample", …
    classes: list[str]
    labeled_frames: list[int]
    boxes: int
    objects: int
    notes: list[str] = field(default_factory=list)  # what the import found odd, a sentence each

    def owners(self) -> list[str]:
        return [self.video]


@dataclass(kw_only=True)
class LabelingJob(Record):
    """People at work on every `every`-th frame of clips, on a platform which finds the job by `ref`.

    `clips` maps the clips' names in the job to the ids of the videos, `labels` are the ids of those brought in.
    """

    clips: dict[str, str]
    every: int
    classes: list[str]
    platform: str
    ref: dict
    frames: int  # to be labeled, of all clips
    corrects: dict[str, str] = field(default_factory=dict)  # name → id of the Labels, Run or Model that it began with
    labels: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Dataset(Record):
    """COCO annotations and JPEG frames per split, copied from labels: `<split>/annotations.json`, `<split>/images/`."""

    splits: dict[str, list[str]]  # "train", "val", "test" → ids of Labels
    classes: list[str]
    frames: dict[str, int]
    boxes: dict[str, dict[str, int]]  # split → class → boxes
    problems: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Model(Record):
    """A model artifact (`model.safetensors`, `model.json`, `model.onnx`) in the record's folder."""

    size: str  # nano, tiny, s, m, l, x or "custom"
    classes: list[str]
    input_size: list[int]  # height, width in pixels
    source: str  # "trained", "YOLOX COCO", "ByteTrack MOT", "file"
    dataset: str | None = None
    labels: list[str] = field(default_factory=list)  # ids of the Labels that it learned from
    job: str | None = None
    base: str | None = None  # the model it was fine-tuned from
    image: str = ""  # the code that trained it: the image's digest, or that of the tracker's sources
    trained_as: str = ""  # the name of the training on its platform
    registered: str = ""  # its name in the platform's registry of models
    hyperparameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class Endpoint(Record):
    """A deployed model; `ref` is what the platform needs to find it again.

    During an update, `pending` is the other version: the `ref`, `model` and `options` of the new one until it is in
    service, of the old one from then until it is deleted; and `pid` and `pid_started` of the process that updates.
    """

    model: str
    mode: str  # "batch", "realtime", "async"
    platform: str
    ref: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)  # that were chosen for it, see `backend.platforms.base.Option`
    last_used: float | None = None
    pending: dict = field(default_factory=dict)

    def owners(self) -> list[str]:
        return [self.model]


@dataclass(kw_only=True)
class Run(Record):
    """Tracks of one video by one endpoint: `tracks.json`, `tracks.txt` (MOT), `tracks.csv`, `overlay.mp4`,
    and for batch runs `detections.npz` in the record's folder."""

    video: str
    endpoint: str  # may be gone by now, so its name, mode and model are kept here
    endpoint_name: str
    mode: str
    model: str
    frames: int
    objects: int
    seconds: float  # wall clock, from the first byte sent to the last received
    fps: float
    latency_ms: dict[str, float] = field(default_factory=dict)  # per request, see `backend.latency.percentiles`
    bytes_sent: int = 0
    requests: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.latency_ms = drop_unreliable(self.latency_ms, self.requests)

    def owners(self) -> list[str]:
        return [self.video]


@dataclass(kw_only=True)
class Score(Record):
    """How well a run's tracks match labels: HOTA, MOTA, IDF1 and their parts in percent; the rest are counts."""

    run: str
    labels: str
    metrics: dict[str, float]
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)

    def owners(self) -> list[str]:
        return [self.run, self.labels]


@dataclass(kw_only=True)
class TrackerSearch(Record):
    """The tracker's settings that fit labels best, of those that were tried on the detections of a run."""

    run: str
    labels: str
    settings: dict[str, float]  # empty where none was better than the model's own
    before: dict[str, float]  # the metrics with the model's own settings
    metrics: dict[str, float]  # with those found
    importances: dict[str, float]  # of each setting, shares of 1
    trials: list[dict[str, float]]  # HOTA and settings of each
    warning: str = ""  # a reason to doubt the result, see `backend.steps.unlabeled_tracks.unlabeled_warning`

    def owners(self) -> list[str]:
        return [self.run, self.labels]


@dataclass(kw_only=True)
class Comparison(Record):
    """One video through several endpoints, measured: one row per endpoint, see `backend.steps.comparison`."""

    video: str
    rows: list[dict]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rows = [
            {
                key: drop_unreliable(value, row["requests"]) if key.endswith("_ms") else value
                for key, value in row.items()
            }
            for row in self.rows
        ]

    def owners(self) -> list[str]:
        return [self.video]


@dataclass(kw_only=True)
class Job(Record):
    """A long step in a process of its own: `log.txt` in the record's folder is all it printed."""

    verb: str  # a key of `backend.jobs.worker.VERBS`
    params: dict
    status: str = "queued"  # queued, running, stopping, done, failed, stopped
    progress: float = 0.0  # 0..1
    first_progress: float = 0.0  # what it reported first: much, where a training is resumed
    first_reported: float | None = None  # when
    step: str = ""
    reason: str = ""  # why it failed, for people
    result: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)  # what it told of itself while it ran, see `backend.jobs.watch`
    started: float | None = None
    ended: float | None = None
    stop_asked: float | None = None
    pid: int | None = None
    pid_started: str | float | None = None  # the process's start ID, see `backend.jobs.processes.start_id`

    @property
    def active(self) -> bool:
        return self.status in ("queued", "running", "stopping")

    def seconds_left(self) -> float | None:
        """Estimated from the progress since the first report; None while there is too little to tell."""
        made = self.progress - self.first_progress
        if self.status != "running" or self.first_reported is None or made <= 0.01 or self.progress >= 1:
            return None
        return (time.time() - self.first_reported) * (1 - self.progress) / made


KINDS: dict[str, type[Record]] = {
    kind.__name__.lower(): kind
    for kind in (Video, Labels, LabelingJob, Dataset, Model, Endpoint, Run, Score, TrackerSearch, Comparison, Job)
}
