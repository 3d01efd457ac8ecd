"""Subcommands for tracks and scores: track, evaluate, search the tracker's settings, compare, export."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import CycloptsError, Group, Parameter

from backend.cli.app import FILES, TRACKING, command
from backend.cli.options import (
    Benchmark,
    ClassNames,
    EndpointName,
    EndpointNames,
    LabelsName,
    ModelName,
    RunName,
    VideoName,
)
from backend.cli.session import get, ids, progress_line, run_job
from backend.cli.videos import run_or_labels
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace.records import Endpoint, Labels, Model, Run, Video

TrackFormat = Literal["mot", "csv", "json", "ground_truth", "cvat"]

SUFFIXES = {"mot": ".txt", "csv": ".csv", "json": ".json", "ground_truth": ".zip", "cvat": ".xml"}
DOWNLOADABLE = tuple(key for key, entry in CATALOG.items() if entry.url)
RUN_GROUP = Group("A run of the workspace", sort_key=1)
FILES_GROUP = Group("Two MOTChallenge files", sort_key=2)


@command(TRACKING, 'track --video site --endpoint "streets nano batch" --classes person car')
def track(
    *, video: VideoName, endpoint: EndpointName, classes: ClassNames | None = None, draw: bool = True
) -> dict[str, Any]:
    """Track a video with a deployed model.

    Args:
        video: Video to track.
        endpoint: Endpoint to track with.
        classes: Classes to track; all of the model if omitted.
        draw: Whether to make the MP4 file with the tracks drawn on the video.
    """
    source, served = get(Video, video), get(Endpoint, endpoint)
    return run_job(
        "track",
        f"Track {source.name} - {served.name}",
        video=source.id,
        endpoint=served.id,
        classes=classes,
        draw=draw,
    )


@command(
    TRACKING,
    "track-video --video site",
    "track-video --video site --download yolox_nano --classes person car",
)
def track_video(
    *,
    video: VideoName,
    model: ModelName | None = None,
    download: Annotated[str | None, Parameter(metavar="MODEL", choices=DOWNLOADABLE)] = None,
    classes: ClassNames | None = None,
    draw: bool = False,
) -> dict[str, Any]:
    """Track a video with a model, which is downloaded and deployed as a batch job if it is not yet.

    Args:
        video: Video to track.
        model: Model to track with; the best fitting one of the workspace if omitted.
        download: Published model to track with; downloaded unless the workspace has it.
        classes: Classes to track; all of the model if omitted.
        draw: Whether to make the MP4 file with the tracks drawn on the video.
    """
    source = get(Video, video)
    return run_job(
        "track video",
        f"Track {source.name}",
        video=source.id,
        model=get(Model, model).id if model else None,
        download=download,
        classes=classes,
        draw=draw,
    )


@command(
    TRACKING,
    'evaluate --run "site - streets nano batch" --labels site',
    "evaluate --gt gt.txt --tracks tracks.txt --benchmark MOT17",
)
def evaluate(
    *,
    run: Annotated[RunName | None, Parameter(group=RUN_GROUP)] = None,
    labels: Annotated[LabelsName | None, Parameter(group=RUN_GROUP)] = None,
    gt: Annotated[Path | None, Parameter(group=FILES_GROUP)] = None,
    tracks: Annotated[Path | None, Parameter(group=FILES_GROUP)] = None,
    benchmark: Annotated[Benchmark | None, Parameter(group=FILES_GROUP)] = None,
) -> dict[str, Any]:
    """Score tracks: HOTA, MOTA, IDF1 and their components.

    Give a run and labels of the workspace, or two MOTChallenge files. Ground-truth rows with score 0 are ignored.
    Other ignored rows are reported on stderr.

    Args:
        run: Run to score.
        labels: Labels of the same video to score the run against.
        gt: Ground truth.
        tracks: Tracks to score against the ground truth.
        benchmark: Benchmark whose rules apply. MOT16, MOT17 and MOT20 score pedestrians (class 1) only and ignore
            tracks on distractors; MOT15 ignores classes. If omitted, it is inferred from the ground truth.
    """
    if run and labels and not (gt or tracks or benchmark):
        run_record = get(Run, run)
        return run_job("evaluate", f"Evaluate {run_record.name}", run=run_record.id, labels=get(Labels, labels).id)
    if gt and tracks and not (run or labels):
        from backend.steps import mot_files

        return dict(mot_files.evaluate(gt, tracks, benchmark, lambda text: print(text, file=sys.stderr, flush=True)))
    raise CycloptsError(msg="give --run and --labels, or --gt and --tracks.")


@command(
    TRACKING,
    'search-tracker-settings --run "site - streets nano batch" --labels site --trials 50',
    'search-tracker-settings --run "site - nano" --labels site --check-run "yard - nano" --check-labels yard',
)
def search_tracker_settings(
    *,
    run: RunName,
    labels: LabelsName,
    trials: int = 100,
    check_run: RunName | None = None,
    check_labels: LabelsName | None = None,
) -> dict[str, Any]:
    """Find the tracker's settings with the best HOTA on labels, and check them on other labels.

    The tracker runs again on the run's stored detections. The settings are checked on the last third of the labeled
    frames, which the search leaves out, or on another video.

    Args:
        run: Run of a batch or an asynchronous deployment.
        labels: Labels of the same video.
        trials: Number of combinations of settings to try.
        check_run: Run of another video to check the settings on.
        check_labels: Labels of that other video.
    """
    run_record = get(Run, run)
    return run_job(
        "search tracker settings",
        f"Search settings for {run_record.name}",
        run=run_record.id,
        labels=get(Labels, labels).id,
        trials=trials,
        check_run=get(Run, check_run).id if check_run else None,
        check_labels=get(Labels, check_labels).id if check_labels else None,
    )


@command(
    TRACKING,
    'compare --video site --endpoints "nano batch" "nano realtime"',
    'compare --video site --endpoints "nano realtime" --repeats quick',
)
def compare(
    *,
    video: VideoName,
    endpoints: EndpointNames,
    name: str | None = None,
    repeats: Literal["quick", "standard", "thorough"] = "standard",
) -> dict[str, Any]:
    """Measure latency, throughput and cost of endpoints on one video.

    Each endpoint is warmed up and then gets the video several times, one endpoint after another.

    Args:
        video: Video to send through each endpoint.
        endpoints: Endpoints to measure.
        name: Name of the comparison; the video's name if omitted.
        repeats: How often the video is sent. quick: 2 times. standard: at least 3 times, and until there are 100
            real-time or 10 asynchronous requests. thorough: at least 10 times, 300 and 30 requests.
    """
    source = get(Video, video)
    return run_job(
        "compare",
        f"Compare on {source.name}",
        name=name or source.name,
        video=source.id,
        endpoints=ids(Endpoint, endpoints),
        repeats=repeats,
    )


@command(TRACKING, 'export --run "site - streets nano batch" --format csv', "export --labels site --out gt.txt")
def export(
    *,
    run: RunName | None = None,
    labels: LabelsName | None = None,
    format: TrackFormat = "mot",  # noqa: A002 (the option is --format)
    out: Path | None = None,
) -> dict[str, Any]:
    """Export the tracks of a run, or labels, to a file.

    Args:
        run: Run to export.
        labels: Labels to export.
        format: Format of the file. MOTChallenge counts frames from 1, the others from 0.
        out: File to write; the record's name in the current folder if omitted.
    """
    from backend.cli.session import workspace
    from backend.steps.export import export as export_tracks

    record = run_or_labels(run, labels)
    target = out or Path(record.name + SUFFIXES[format])
    shutil.copyfile(export_tracks(workspace(), record, format), target)
    return {"file": str(target)}


@command(
    TRACKING,
    'make-report --run "site - streets nano batch"',
    'make-report --run "site - nano batch" --out report.html',
)
def make_report(*, run: RunName, out: Path | None = None) -> dict[str, Any]:
    """Make the report of a run: one HTML file with pictures, counts, scores and facts, for people without the console.

    Args:
        run: Run to report on.
        out: File to write; the run's name in the current folder if omitted.
    """
    from backend.cli.session import workspace
    from backend.workspace.paths import REPORT

    record = get(Run, run)
    result = run_job("make report", f"Report on {record.name}", run=record.id)
    source, target = workspace().folder(record) / REPORT, out or Path(f"{record.name} report.html")
    if source.exists():
        shutil.copyfile(source, target)
    return {**result, "file": str(target)}


@command(FILES, "track-detections det.txt --out tracks.txt --frame-rate 25")
def track_detections(
    detections: Path,
    /,
    *,
    out: Path,
    track_thresh: float = 0.5,
    match_thresh: float = 0.8,
    track_buffer: int = 30,
    frame_rate: float = 30.0,
    min_box_area: float = 0.0,
    class_votes: int = 0,
    min_length: int = 0,
    fill_gaps: int = 0,
    smooth: int = 0,
) -> dict[str, Any]:
    """Track the detections in a MOTChallenge file.

    Args:
        detections: File of detections.
        out: File that the tracks are written to.
        track_thresh: Score above which detections are matched first.
        match_thresh: Maximum distance (1 - IoU × score) of a match.
        track_buffer: Number of frames (at 30 frames/s) for which a lost track is kept.
        frame_rate: Frames per second of the video.
        min_box_area: Minimum area in square pixels; smaller boxes are not reported.
        class_votes: 1 gives each track the class of most of its detections.
        min_length: Minimum number of boxes per track; shorter tracks are removed.
        fill_gaps: Longest gap to interpolate, in frames; 0 for none.
        smooth: Smoothing window in frames; 0 for none.
    """
    from backend.steps import mot_files

    settings = {
        "track_thresh": track_thresh,
        "match_thresh": match_thresh,
        "track_buffer": track_buffer,
        "frame_rate": frame_rate,
        "min_box_area": min_box_area,
        "class_votes": class_votes,
        "min_length": min_length,
        "fill_gaps": fill_gaps,
        "smooth": smooth,
    }
    with progress_line() as progress:
        return dict(mot_files.track_detections(progress, detections, out, settings))
