"""The whole journey without the console: `demo` on the sample, `run` on one's own video and labels."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend import jobs
from backend.progress import Progress, part
from backend.steps import datasets, deployments, training
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY, TRACKS_JSON, TRACKS_MOT
from backend.workspace.records import Endpoint, Job, Labels, Model, Run, Score, Verb


def demo(workspace: Workspace, progress: Progress) -> dict:
    """Make the sample, then everything that `run` does with a video and its labels.

    Returns:
        see `_from_labels`.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "make"):
        made = _do(workspace, part(progress, 0, 0.05), "make sample", "Sample")
    labels = [workspace.get(Labels, each) for each in made["labels"]]
    return _from_labels(workspace, part(progress, 0.05, 1), labels, "sample", "nano", None, seconds)


def run(
    workspace: Workspace,
    progress: Progress,
    *,
    video: Path,
    labels: str,
    model: str = "nano",
    epochs: int | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> dict:
    """Train on a video and its labels, and measure what comes out on the part held out.

    Args:
        labels: a Ground Truth job's output folder (its `s3://` address on AWS), MOTChallenge text, or COCO.
        model: a size of `bytetrack.training.hyperparameters.SIZES`, trained from scratch.
        epochs: as many as suit the size of the dataset where None.
        step: Frames of the video from one labeled picture to the next, see `backend.steps.importing.import_labels`.
        first_frame: Frame of the video, counted from 0, that the first labeled picture is.

    Returns:
        see `_from_labels`.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "video"):
        added = _do(workspace, part(progress, 0, 0.02), "add video", f"Add {video.name}", source=str(video.resolve()))
    with _timed(seconds, "label"):
        imported = _do(
            workspace,
            part(progress, 0.02, 0.05),
            "import labels",
            f"Labels of {video.name}",
            path=labels if "://" in labels else str(Path(labels).resolve()),
            video=added["video"],
            step=step,
            first_frame=first_frame,
        )
        if len(imported["labels"]) == 1:
            imported = _do(
                workspace, part(progress, 0.05, 0.07), "split labels", "Split in time", labels=imported["labels"][0]
            )
    sets = [workspace.get(Labels, each) for each in imported["labels"]]
    return _from_labels(workspace, part(progress, 0.07, 1), sets, video.stem, model, epochs, seconds)


def _from_labels(
    workspace: Workspace,
    progress: Progress,
    labels: list[Labels],
    name: str,
    size: str,
    epochs: int | None,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Dataset, training, three ways of serving, tracks, scores.

    Returns:
        `seconds` per step, `train_images_per_second`, `AP50` (0..1), `HOTA`, `MOTA`, `IDF1` (percent) of the held-out
        part tracked as a batch; for `batch`, `realtime`, `async` the `fps`, where there are requests their number
        `requests` and `latency_ms` per request (see `backend.latency.percentiles`), `HOTA`, and the paths `tracks` and
        `overlay`; `agree`: whether all tracks are equal.
    """
    split = datasets.suggest_split(labels)
    held_out = workspace.get(Labels, (split["test"] or split["val"])[0])
    with _timed(seconds, "build"):
        built = _do(workspace, part(progress, 0, 0.03), "build dataset", f"Dataset {name}", name=name, **split)
    with _timed(seconds, "train"):
        hyperparameters = training.suggest(workspace, built["dataset"], size, epochs)
        job = training.start(
            workspace, name=f"{name} {size}", dataset=built["dataset"], hyperparameters=hyperparameters
        )
        job = _follow(workspace, job, part(progress, 0.03, 0.85))
    model = workspace.get(Model, job.result["model"])
    steps = training.curves(workspace, job)["steps"]
    result: dict[str, Any] = {
        "seconds": seconds,
        "train_images_per_second": round(statistics.median(step["images_per_second"] for step in steps), 2),
        "AP50": model.metrics.get("AP50"),
    }
    try:
        _serve_and_track(workspace, part(progress, 0.85, 1), model, held_out, name, result)
    finally:
        for endpoint in workspace.list(Endpoint):
            if endpoint.model == model.id and endpoint.keeps_running:
                deployments.deployment_of(workspace, endpoint).delete()  # a script leaves no server running behind it
    return result


def _serve_and_track(
    workspace: Workspace, progress: Progress, model: Model, held_out: Labels, name: str, result: dict[str, Any]
) -> None:
    """Deploy in each way, track and score the held-out part; adds to `result`."""
    seconds, documents = result["seconds"], []
    for number, mode in enumerate(deployments.MODES):
        step = part(progress, number / 3, (number + 1) / 3)
        with _timed(seconds, f"deploy {mode}"):
            deployed = _do(
                workspace,
                part(step, 0, 0.3),
                "deploy",
                f"Deploy {mode}",
                name=f"{name} {mode}",
                model=model.id,
                mode=mode,
            )
        with _timed(seconds, f"track {mode}"):
            tracked = _do(
                workspace,
                part(step, 0.3, 0.9),
                "track",
                f"Track {mode}",
                video=held_out.video,
                endpoint=deployed["endpoint"],
            )
        with _timed(seconds, f"evaluate {mode}"):
            scored = _do(
                workspace, part(step, 0.9, 1), "evaluate", f"Evaluate {mode}", run=tracked["run"], labels=held_out.id
            )
        made = workspace.get(Run, tracked["run"])
        folder = workspace.folder(made)
        metrics = workspace.get(Score, scored["score"]).metrics
        documents.append((folder / TRACKS_JSON).read_bytes())
        result[mode] = {
            "fps": made.fps,
            **({"requests": made.requests, "latency_ms": made.latency_ms} if made.requests else {}),
            "HOTA": round(metrics["HOTA"], 2),
            "tracks": str(folder / TRACKS_MOT),
            "overlay": str(folder / OVERLAY),
        }
        if mode == "batch":
            result.update({name: round(metrics[name], 2) for name in ("HOTA", "MOTA", "IDF1")})
    result["agree"] = all(each == documents[0] for each in documents)


def _do(workspace: Workspace, progress: Progress, verb: Verb, title: str, /, **params: Any) -> dict:
    return _follow(workspace, jobs.start(workspace, verb, title, **params), progress).result


def _follow(workspace: Workspace, job: Job, progress: Progress) -> Job:
    try:
        return jobs.wait(workspace, job.id, progress)
    except BaseException:
        jobs.stop(workspace, job.id)  # who interrupts the journey does not want its step to go on
        raise


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - started, 2)
