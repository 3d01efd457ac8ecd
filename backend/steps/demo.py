"""All steps from a video to scores, without the console: `demo` on the sample, `run` on the user's video and labels."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from backend import jobs
from backend.errors import UserError
from backend.progress import Progress, part
from backend.steps import datasets, deployments, training
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY, TRACKS_JSON, TRACKS_MOT
from backend.workspace.records import Endpoint, Job, Labels, Model, Run, Score, Verb


class ServingResult(TypedDict, total=False):
    """Measurements of one serving mode; `requests` and `latency_ms` are missing for batch, which sends no requests."""

    fps: float
    requests: int
    latency_ms: dict[str, float]  # per request, see `backend.latency.percentiles`
    HOTA: float  # percent
    tracks: str  # path of the tracks as MOTChallenge text
    overlay: str  # path of the video with the tracks drawn on it


JourneyResult = TypedDict(
    "JourneyResult",
    {
        "seconds": dict[str, float],  # by step
        "train_images_per_second": float,
        "AP50": float | None,  # of the detector on the validation split, 0..1
        "HOTA": float,  # percent, of the held-out part tracked as a batch, as are MOTA and IDF1
        "MOTA": float,
        "IDF1": float,
        "batch": ServingResult,
        "realtime": ServingResult,
        "async": ServingResult,
        "agree": bool,  # whether all modes gave the same tracks
    },
)
"""What `demo` and `run` return."""


def demo(workspace: Workspace, progress: Progress) -> JourneyResult:
    """Make the sample, train on it, serve the model in every mode, track and score the held-out part."""
    steps = _Steps(workspace, progress)
    sample = steps.run("make", "make sample", "Sample", until=0.05)
    labels = [workspace.get(Labels, labels_id) for labels_id in sample["labels"]]
    return _train_and_measure(steps, labels, "sample", "nano")


def run(
    workspace: Workspace,
    progress: Progress,
    *,
    video: Path,
    labels: str,
    model: str = "nano",
    start_from: str | None = None,
    start_normalization: str | None = None,
    start_input_size: list[int] | None = None,
    epochs: int | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> JourneyResult:
    """Train on a video and its labels, serve the model in every mode, track and score the held-out part.

    Args:
        workspace: Workspace for everything that is made.
        progress: Called with the progress of the whole.
        video: Video file.
        labels: Output folder of a Ground Truth job (its `s3://` address on AWS), MOTChallenge text, or COCO.
        model: Size of the network, see `bytetrack.training.hyperparameters.SIZES`. Ignored with `start_from`.
        start_from: Model that the training starts from: its name or id in the workspace, or the path of a checkpoint
            (`.pth`, `.pth.tar`) or an artifact, which is added as a model first. If omitted, it starts from scratch.
        start_normalization: Pixel values that the checkpoint expects, see `backend.steps.model_import.add`; “both”
            tries both on the middle frame of the video. Not needed if the file says it.
        start_input_size: Height and width of the checkpoint's input in pixels. Not needed if the file says it.
        epochs: Number of epochs. If omitted, as many as suit the dataset and the start.
        step: Frames of the video from one labeled image to the next, see `backend.steps.importing.import_labels`.
        first_frame: Frame of the video, counted from 0, that the first labeled image shows.

    Raises:
        UserError: If a step fails, or `start_from` is neither a model nor a path.
    """
    steps = _Steps(workspace, progress)
    start = _find_start(workspace, start_from) if start_from else None
    video_id = steps.run("video", "add video", f"Add {video.name}", until=0.02, source=str(video.resolve()))["video"]
    if isinstance(start, Path):
        added = steps.run(
            "model",
            "add model",
            "Add the model to start from",
            until=0.025,
            source=str(start),
            normalization=start_normalization,
            input_size=start_input_size,
            video=video_id,
        )
        start = workspace.get(Model, added["model"])
    imported = steps.run(
        "label",
        "import labels",
        f"Labels of {video.name}",
        until=0.05,
        path=labels if "://" in labels else str(Path(labels).resolve()),
        video=video_id,
        step=step,
        first_frame=first_frame,
    )
    if len(imported["labels"]) == 1:
        imported = steps.run("label", "split labels", "Split in time", until=0.07, labels=imported["labels"][0])
    sets = [workspace.get(Labels, labels_id) for labels_id in imported["labels"]]
    return _train_and_measure(steps, sets, video.stem, model, start, epochs)


class _Steps:
    """Runs jobs one after another, measures how long each step takes, and divides the progress between them."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self.workspace = workspace
        self.seconds: dict[str, float] = {}  # by step
        self._progress = progress
        self._done = 0.0  # share of the whole

    def run(self, step: str, verb: Verb, title: str, /, *, until: float, **params: Any) -> dict[str, Any]:
        """Run a job to its end and return its result. `until` is the share of the whole that is done then, 0..1."""
        return self.follow(step, jobs.start(self.workspace, verb, title, **params), until=until).result

    def follow(self, step: str, job: Job, *, until: float) -> Job:
        """Wait for a job, which is stopped if this process is interrupted."""
        started = time.perf_counter()
        try:
            job = jobs.wait(self.workspace, job.id, part(self._progress, self._done, until))
        except BaseException:
            jobs.stop(self.workspace, job.id)
            raise
        self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - started, 2)
        self._done = until
        return job


def _find_start(workspace: Workspace, start_from: str) -> Model | Path:
    """Return the model of the workspace, or the file, that a training starts from.

    Raises:
        UserError: If there is neither.
    """
    if model := workspace.find(Model, start_from):
        return model
    path = Path(start_from).expanduser().resolve()
    if not path.exists():
        raise UserError(
            f"“{start_from}” is neither a model in this workspace nor a file. List the models with "
            "`bytetrack-studio list model`, or give the path of a checkpoint."
        )
    return path


class _Tracked(NamedTuple):
    run: Run
    score: Score


def _train_and_measure(
    steps: _Steps, labels: list[Labels], name: str, size: str, base: Model | None = None, epochs: int | None = None
) -> JourneyResult:
    workspace = steps.workspace
    split = datasets.suggest_split(labels)
    held_out = workspace.get(Labels, (split["test"] or split["val"])[0])
    dataset = steps.run("build", "build dataset", f"Dataset {name}", until=0.1, name=name, **split)["dataset"]
    training_job = training.start(
        workspace,
        name=f"{name} {base.name if base else size}"[:80],
        dataset=dataset,
        hyperparameters=training.suggest(workspace, dataset, size, epochs, pretrained=base is not None),
        base=base.id if base else None,
    )
    training_job = steps.follow("train", training_job, until=0.85)
    speeds = [step["images_per_second"] for step in training.curves(workspace, training_job)["steps"]]
    model = workspace.get(Model, training_job.result["model"])
    try:
        tracked = {
            mode: _serve_and_track(steps, model, mode, held_out, name, until=0.85 + 0.05 * number)
            for number, mode in enumerate(deployments.MODES, 1)
        }
    finally:
        _delete_servers(workspace, model)
    metrics = tracked["batch"].score.metrics
    documents = {(workspace.folder(run) / TRACKS_JSON).read_bytes() for run, _ in tracked.values()}
    return {
        "seconds": steps.seconds,
        "train_images_per_second": round(statistics.median(speeds), 2),
        "AP50": model.metrics.get("AP50"),
        "HOTA": round(metrics["HOTA"], 2),
        "MOTA": round(metrics["MOTA"], 2),
        "IDF1": round(metrics["IDF1"], 2),
        "batch": _serving_result(workspace, tracked["batch"]),
        "realtime": _serving_result(workspace, tracked["realtime"]),
        "async": _serving_result(workspace, tracked["async"]),
        "agree": len(documents) == 1,
    }


def _serve_and_track(steps: _Steps, model: Model, mode: str, held_out: Labels, name: str, *, until: float) -> _Tracked:
    """Deploy the model in one mode, then track and score the video of the held-out labels."""
    deployed = steps.run(
        f"deploy {mode}",
        "deploy",
        f"Deploy {mode}",
        until=until - 0.035,
        name=f"{name} {mode}",
        model=model.id,
        mode=mode,
    )
    run = steps.run(
        f"track {mode}",
        "track",
        f"Track {mode}",
        until=until - 0.005,
        video=held_out.video,
        endpoint=deployed["endpoint"],
    )["run"]
    score = steps.run(f"evaluate {mode}", "evaluate", f"Evaluate {mode}", until=until, run=run, labels=held_out.id)
    return _Tracked(steps.workspace.get(Run, run), steps.workspace.get(Score, score["score"]))


def _serving_result(workspace: Workspace, tracked: _Tracked) -> ServingResult:
    run, score = tracked
    result: ServingResult = {
        "fps": run.fps,
        "HOTA": round(score.metrics["HOTA"], 2),
        "tracks": str(workspace.folder(run) / TRACKS_MOT),
        "overlay": str(workspace.folder(run) / OVERLAY),
    }
    if run.requests:
        result |= {"requests": run.requests, "latency_ms": run.latency_ms}
    return result


def _delete_servers(workspace: Workspace, model: Model) -> None:
    """Delete the model's endpoints that keep a server running, which a script must not leave behind."""
    for endpoint in workspace.list(Endpoint):
        if endpoint.model == model.id and endpoint.keeps_running:
            deployments.deployment_of(workspace, endpoint).delete()
