"""Reports: one HTML file about a run, for people without the console. It needs neither a network nor scripts."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from backend.jobs.results import ReportResult
from backend.progress import Progress, part
from backend.steps import models
from backend.steps.deployments import MODES
from backend.steps.tracker_units import setting_seconds
from backend.wording import count, enumerate_words
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY, REPORT, TRACKS_JSON
from backend.workspace.records import Dataset, Labels, Model, Run, Score, Video
from bytetrack.files import write_atomically
from bytetrack.tracking.config import SETTING_NAMES
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.arrays import ImageArray

PICTURES = 6
MAX_PICTURE_SIDE = 1280  # pixels; with JPEG's quality, the file stays far below the size of an attachment
JPEG_QUALITY = 80
TRAIL_SECONDS = 1.0  # of trails in pictures, if they have to be drawn
CURVE_SIZE = (960, 200)  # pixels
CURVE_LEFT = 40  # pixels for the numbers of the vertical axis
MAX_CURVE_POINTS = 480
MAX_CLASSES_NAMED = 12
SCORE_NAMES = {
    "HOTA": "balances finding objects and keeping them apart",
    "MOTA": "counts misses, false boxes and switched IDs against the labeled boxes",
    "IDF1": "how long objects keep their IDs",
}
COUNT_NAMES = {"IDSW": "ID switches", "FP": "False positives", "FN": "Misses"}


class Facts(NamedTuple):
    """A section of names and values."""

    title: str
    rows: list[tuple[str, str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A frame with its tracks, as a JPEG in a data address."""

    source: str
    width: int
    height: int
    alt: str
    caption: str


def make(workspace: Workspace, progress: Progress, *, run: str) -> ReportResult:
    """Write the report of a run: pictures, counts, scores, measurements, settings, and facts of model and video.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        run: Id or name of the run.
    """
    record = workspace.get(Run, run)
    video = workspace.get(Video, record.video)
    tracks = Tracks.load(workspace.folder(record) / TRACKS_JSON)
    pictures, reason = _pictures(workspace, part(progress, 0, 0.95), record, video, tracks)
    progress(0.95, "writing the report")
    content = _render(workspace, record, video, tracks, pictures, reason)
    write_atomically(workspace.folder(record) / REPORT, content.encode())
    return {"run": record.id}


def find_current(workspace: Workspace, run: Run) -> Path | None:
    """Return the report of a run; None if there is none, or if the run was scored or its model changed since."""
    path = workspace.folder(run) / REPORT
    if not path.exists():
        return None
    changes = [score.created for score in workspace.list(Score, run=run.id)]
    if model := workspace.find(Model, run.model):
        changes += [file.stat().st_mtime for file in workspace.folder(model).glob("*.json")]
    return path if path.stat().st_mtime >= max(changes, default=0.0) else None


def picture_frames(tracks: Tracks, frames: int, pictures: int = PICTURES) -> list[int]:
    """Choose frames over the length of a video: of each of several equal parts, the first with the most boxes.

    Args:
        tracks: Tracks of the video.
        frames: Number of frames of the video.
        pictures: Number of parts; fewer if the video has fewer frames.
    """
    boxes = np.bincount(tracks.frame[tracks.frame < frames], minlength=frames)
    parts = np.array_split(np.arange(frames), min(pictures, frames))
    return [int(part[np.argmax(boxes[part])]) for part in parts]


def _pictures(
    workspace: Workspace, progress: Progress, run: Run, video: Video, tracks: Tracks
) -> tuple[list[Picture], str]:
    """Return pictures of the video with its tracks; or none, and why."""
    pictures: list[Picture] = []
    chosen = picture_frames(tracks, video.frames)
    try:
        for number, image in zip(chosen, _drawn_frames(workspace, run, video, tracks, chosen)):
            progress(len(pictures) / len(chosen), f"picture {len(pictures) + 1} of {len(chosen)}")
            pictures.append(_picture(image, number, video, tracks))
    except (ValueError, OSError):
        return [], f"The video file could not be read, so there are no pictures: {Path(video.path).name}."
    return pictures, ""


def _drawn_frames(
    workspace: Workspace, run: Run, video: Video, tracks: Tracks, chosen: Sequence[int]
) -> Iterator[ImageArray]:
    """Yield the chosen frames with their tracks: from the video that was drawn, or else drawn now."""
    from bytetrack.video import read_frames

    drawn = workspace.folder(run) / OVERLAY
    if drawn.exists():
        for number in chosen:
            yield from read_frames(drawn, number, number + 1)
        return
    from bytetrack.video.overlay import Overlay  # takes seconds to import

    for number in chosen:
        first = max(0, number - round(TRAIL_SECONDS * video.fps))
        overlay = Overlay(tracks.classes, (video.width, video.height), video.fps)
        image = None
        for frame, content in enumerate(read_frames(video.path, first, number + 1), first):
            image = overlay.draw(content, tracks.at(frame))
        if image is None:
            raise ValueError(f"Frame {number} could not be read.")
        yield image


def _picture(image: ImageArray, number: int, video: Video, tracks: Tracks) -> Picture:
    import cv2

    height, width = image.shape[:2]
    if (scale := MAX_PICTURE_SIDE / max(height, width)) < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = image.shape[:2]
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    objects = count(len(tracks.at(number)), "object")
    return Picture(
        source=f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}",
        width=width,
        height=height,
        alt=f"Frame {number} with {objects} in colored boxes with their IDs",
        caption=f"Frame {number} of 0–{video.frames - 1}{_at(number, video)}: {objects}",
    )


def _at(frame: int, video: Video) -> str:
    """Return when a frame is shown, if the frame rate is known and constant."""
    return f", {_clock(frame / video.fps)}" if video.fps > 0 and not video.variable_rate else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _render(
    workspace: Workspace, run: Run, video: Video, tracks: Tracks, pictures: list[Picture], no_pictures: str
) -> str:
    environment = Environment(
        loader=PackageLoader("backend.steps"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    scores = workspace.list(Score, run=run.id)
    return environment.get_template("report.html.jinja").render(
        title=f"Tracks of {video.name}",
        subtitle=f"{run.endpoint_name} ({MODES[run.mode]}){_asked_for(run)}, tracked on {_date(run.created)}",
        warnings=run.warnings,
        figures=_figures(run, video, tracks, scores),
        pictures=pictures,
        no_pictures=no_pictures,
        classes=_class_rows(tracks, video),
        curve=_curve(tracks, video),
        score_names=[*SCORE_NAMES, *COUNT_NAMES.values()],
        scores=[_score_row(workspace, score) for score in scores],
        score_meanings=" ".join(f"{name}: {meaning}." for name, meaning in SCORE_NAMES.items()),
        facts=[_measurements(run, video), _video_facts(workspace, video), *_model_facts(workspace, run, video)],
        footer=f"Made with ByteTrack Studio on {_date(time.time())}. Frames count from 0.",
    )


def _asked_for(run: Run) -> str:
    """Return which classes the run was limited to; empty if it was not."""
    return f", only {enumerate_words(run.classes)}" if run.classes else ""


def _figures(run: Run, video: Video, tracks: Tracks, scores: list[Score]) -> list[dict[str, str]]:
    boxes = np.bincount(tracks.frame, minlength=1)
    figures = {
        "objects (track IDs)": f"{run.objects:,}",
        "at once, at most": f"{int(boxes.max()):,}",
        "length of the video": _clock(video.seconds),
        "frames per second tracked": f"{run.fps:,.1f}",
    }
    if scores:
        figures["HOTA against labels"] = f"{scores[0].metrics['HOTA']:.1f} %"
        figures["MOTA against labels"] = f"{scores[0].metrics['MOTA']:.1f} %"
    return [{"label": label, "value": value} for label, value in figures.items()]


def _class_rows(tracks: Tracks, video: Video) -> list[dict[str, str]]:
    """Return the counts of each class that occurs, the most frequent first."""
    rows = []
    for class_id in np.unique(tracks.class_id).tolist():
        of_class = tracks.select(tracks.class_id == class_id)
        objects = len(np.unique(of_class.id))
        in_view = len(of_class) / objects
        rows.append(
            {
                "name": tracks.classes[class_id],
                "objects": f"{objects:,}",
                "most": f"{int(np.bincount(of_class.frame).max()):,}",
                "boxes": f"{len(of_class):,}",
                "time": f"{in_view / video.fps:.1f} s" if video.fps > 0 else f"{in_view:.0f} frames",
            }
        )
    return sorted(rows, key=lambda row: -int(row["boxes"].replace(",", "")))


def _curve(tracks: Tracks, video: Video) -> dict[str, Any]:
    """Return the drawing of the number of objects in view: the most in each of up to `MAX_CURVE_POINTS` parts."""
    boxes = np.bincount(tracks.frame[tracks.frame < video.frames], minlength=video.frames)
    values = [int(part.max()) for part in np.array_split(boxes, min(MAX_CURVE_POINTS, len(boxes)))]
    highest = max(1, *values)
    width, height = CURVE_SIZE
    top, bottom = 12, height - 22

    def y_of(value: float) -> float:
        return round(bottom - (bottom - top) * value / highest, 1)

    x = np.linspace(CURVE_LEFT, width, max(2, len(values))).round(1).tolist()
    points = list(zip(x, values if len(values) > 1 else values * 2))
    ticks = sorted({0, round(highest / 2), highest})
    return {
        "width": width,
        "height": height,
        "left": CURVE_LEFT,
        "points": " ".join(f"{place},{y_of(value)}" for place, value in points),
        "ticks": [{"y": y_of(value), "text": str(value)} for value in ticks],
        "end": _clock(video.seconds),
        "label": f"Number of objects in view over the video, at most {max(values)}",
    }


def _score_row(workspace: Workspace, score: Score) -> dict[str, Any]:
    labels = workspace.find(Labels, score.labels)
    name = f"{labels.name} ({count(len(labels.labeled_frames), 'labeled frame')})" if labels else "deleted labels"
    percentages = [f"{score.metrics[name]:.1f} %" for name in SCORE_NAMES]
    return {"labels": name, "cells": percentages + [f"{score.metrics[name]:,.0f}" for name in COUNT_NAMES]}


def _measurements(run: Run, video: Video) -> Facts:
    rows = [
        (
            "Speed",
            f"{run.fps:,.1f} frames/s" + (f", {run.fps / video.fps:.1f} times the video's rate" if video.fps else ""),
        ),
        ("Duration", f"{run.seconds:,.1f} s for {count(run.frames, 'frame')}"),
    ]
    if run.requests:
        rows.append(("Requests", f"{run.requests:,}, {run.bytes_sent / run.requests / 1000:,.0f} kB each"))
    percentiles = [f"{name} {milliseconds:,.0f} ms" for name, milliseconds in run.latency_ms.items()]
    if percentiles and run.requests > 1:
        rows.append(("Time per request", ", ".join(percentiles)))
    return Facts("Measurements", rows)


def _video_facts(workspace: Workspace, video: Video) -> Facts:
    rate = f"{video.fps:g} frames/s" + (" on average" if video.variable_rate else "")
    rows = [
        ("Name", video.name),
        ("Length", f"{_clock(video.seconds)}, {count(video.frames, 'frame')} (0–{video.frames - 1}) at {rate}"),
        ("Resolution", f"{video.width} × {video.height} pixels"),
        ("Codec", video.codec),
    ]
    if video.parent and (parent := workspace.find(Video, video.parent)):
        rows.append(("Clip of", f"{parent.name}, from its frame {video.start}"))
    return Facts("Video", rows)


def _model_facts(workspace: Workspace, run: Run, video: Video) -> list[Facts]:
    model = workspace.find(Model, run.model)
    if not model:
        return [Facts("Model", [("Name", "deleted since")])]
    more = f" and {len(model.classes) - MAX_CLASSES_NAMED} more" if len(model.classes) > MAX_CLASSES_NAMED else ""
    height, width = model.input_size
    rows = [
        ("Name", model.name),
        ("Network", f"YOLOX {model.size}, input {width} × {height} pixels"),
        ("Classes", ", ".join(model.classes[:MAX_CLASSES_NAMED]) + more),
        ("Source", model.source),
    ]
    if model.dataset:
        dataset = workspace.find(Dataset, model.dataset)
        rows.append(("Trained on", f"dataset {dataset.name}" if dataset else "a dataset that was deleted"))
    if "AP" in model.metrics:
        rows.append(("AP on the validation frames", f"{model.metrics['AP']:.3f}"))
    settings = [
        (name, _setting(name, value, video))
        for name, value in models.thresholds(workspace, model.id).items()
        if name in SETTING_NAMES
    ]
    note = "As they are stored with the model now; they may have been changed since the video was tracked."
    return [Facts("Model", rows), Facts("Tracker settings", settings, note)]


def _setting(name: str, value: float, video: Video) -> str:
    seconds = setting_seconds(name, value, video.fps)
    return f"{value:g}" if seconds is None else f"{value:g} ({seconds:.1f} s)"


def _date(timestamp: float) -> str:
    return time.strftime("%d %B %Y, %H:%M", time.localtime(timestamp)).lstrip("0")
