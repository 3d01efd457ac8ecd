"""Comparisons: one video through several endpoints, measured in time, bytes and money."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from backend.errors import UserError
from backend.jobs.results import ComparisonResult
from backend.latency import live_lag, percentiles
from backend.platforms.base import Platform
from backend.platforms.registry import platform_of
from backend.progress import Progress, part, silent
from backend.steps.other_work import OtherWorkMeter
from backend.steps.tracking import PIECE_FRAMES, Tracked, track_through
from backend.workspace import Workspace
from backend.workspace.query import Query
from backend.workspace.records import Comparison, ComparisonRow, Endpoint, Model, Run, ServingMode, Video, check_name
from bytetrack.video import pieces

WARM_UP_REQUESTS: Mapping[ServingMode, int] = {"batch": 0, "realtime": 3, "async": 1}
"""Requests that are sent before the measurement and not counted. Every batch job starts anew."""

RECENT_COMPARISONS = 10  # that are read for an estimate

Thoroughness = Literal["quick", "standard", "thorough"]


@dataclass(frozen=True)
class Repeats:
    """How often a video is sent through each endpoint.

    Attributes:
        passes: Number of times at least. Their differences are the spread.
        requests: Number of counted requests at least, by serving mode. A video that takes fewer is sent again.
    """

    passes: int
    requests: Mapping[ServingMode, int] = field(default_factory=dict)


REPEATS: dict[Thoroughness, Repeats] = {
    "quick": Repeats(2, {"realtime": 10}),
    "standard": Repeats(3, {"realtime": 100, "async": 10}),
    "thorough": Repeats(10, {"realtime": 300, "async": 30}),
}


class Estimate(NamedTuple):
    """What a comparison is expected to take.

    Attributes:
        seconds: Time for the endpoints of which earlier runs are known.
        cost: What the batch jobs among them cost, in US dollars. Endpoints cost the same whether or not they are used.
        unknown: Names of the endpoints of which no run is known.
    """

    seconds: float
    cost: float
    unknown: list[str]


@dataclass
class Measurement:
    """What was measured at one endpoint."""

    passes: list[Tracked] = field(default_factory=list)
    error: str = ""
    other_work: float = 0.0
    other_programs: list[str] = field(default_factory=list)

    @property
    def counted_requests(self) -> int:
        """Number of requests of all passes."""
        return sum(len(tracked.requests) for tracked in self.passes)


def compare(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    video: str,
    endpoints: list[str],
    repeats: Thoroughness = "standard",
) -> ComparisonResult:
    """Measure endpoints one after another on the same video.

    Each endpoint is warmed up, then gets the video several times. An endpoint that fails has its error in its row; what
    was measured before is kept. The tracks of the first pass are stored, see `tracks_path`.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        name: Name of the comparison.
        video: Id of the video.
        endpoints: Ids of the endpoints.
        repeats: How often the video is sent, see `REPEATS`.

    Returns:
        The id of the `Comparison`.

    Raises:
        UserError: If there are no endpoints, or if all fail.
    """
    name = check_name(name)
    source = workspace.get(Video, video)
    chosen = [workspace.get(Endpoint, endpoint) for endpoint in endpoints]
    if not chosen:
        raise UserError("Choose at least one endpoint to compare.")
    if repeats not in REPEATS:
        raise UserError(f"“{repeats}” is not a number of repeats. Choose one of {', '.join(REPEATS)}.")
    record = Comparison(name=name, video=source.id, rows=[])
    passes = [expected_passes(endpoint.mode, source.frames, REPEATS[repeats]) for endpoint in chosen]
    starts = [sum(passes[:number]) / sum(passes) for number in range(len(passes) + 1)]
    try:
        for number, endpoint in enumerate(chosen):
            step = part(progress, starts[number], starts[number + 1])
            print(f"measuring {endpoint.name}", flush=True)
            measurement = _measure(workspace, step, source, endpoint, REPEATS[repeats])
            if measurement.passes:
                measurement.passes[0].tracks.save(tracks_path(workspace, record, number))
            record.rows.append(_row(workspace, source, endpoint, measurement))
        if all(not row["frames"] for row in record.rows):
            raise UserError(f"All endpoints failed. {record.rows[0]['endpoint']}: {record.rows[0]['error']}")
    except BaseException:
        shutil.rmtree(workspace.folder(record), ignore_errors=True)
        raise
    return {"comparison": workspace.add(record).id}


def tracks_path(workspace: Workspace, comparison: Comparison, row: int) -> Path:
    """Return the file with the tracks of a row's endpoint. It does not exist if the endpoint failed."""
    return workspace.folder(comparison) / f"{row}.json"


def expected_passes(mode: ServingMode, frames: int, repeats: Repeats) -> int:
    """Return how often a video of this length is sent so that there are enough passes and requests."""
    requests_per_pass = 1 if mode == "async" else max(1, math.ceil(frames / PIECE_FRAMES))
    return max(repeats.passes, math.ceil(repeats.requests.get(mode, 0) / requests_per_pass))


def estimate(workspace: Workspace, video: Video, endpoints: Sequence[Endpoint], repeats: Repeats) -> Estimate:
    """Estimate a comparison from the last run or comparison of each endpoint, or else of its model on its platform."""
    seconds, cost, unknown = 0.0, 0.0, []
    for endpoint in endpoints:
        fps = _last_rate(workspace, endpoint)
        if not fps:
            unknown.append(endpoint.name)
            continue
        spent = expected_passes(endpoint.mode, video.frames, repeats) * video.frames / fps
        seconds += spent
        if not endpoint.keeps_running:
            platform = platform_of(workspace, endpoint.platform)
            cost += spent / 3600 * platform.cost_per_hour(endpoint.mode, endpoint.options)
    return Estimate(seconds, cost, unknown)


def _last_rate(workspace: Workspace, endpoint: Endpoint) -> float:
    """Return the last measured frames per second of an endpoint, or else of its model; 0 if there are none."""
    comparisons, _ = workspace.search(Comparison, Query(descending=True, limit=RECENT_COMPARISONS))
    rates = [row["fps"] for comparison in comparisons for row in comparison.rows if row["endpoint"] == endpoint.name]
    rates += [run.fps for run in workspace.list(Run, endpoint=endpoint.id)]
    rates += [run.fps for run in workspace.list(Run, model=endpoint.model)]
    return next((rate for rate in rates if rate > 0), 0.0)


def _measure(
    workspace: Workspace, progress: Progress, video: Video, endpoint: Endpoint, repeats: Repeats
) -> Measurement:
    measurement = Measurement()
    platform = platform_of(workspace, endpoint.platform)
    expected = expected_passes(endpoint.mode, video.frames, repeats)
    needed_requests = repeats.requests.get(endpoint.mode, 0)
    try:
        progress(0.0, f"{endpoint.name}: warming up")
        _warm_up(workspace, video, endpoint)
        meter = OtherWorkMeter(_process_ids(platform, endpoint))
        try:
            while len(measurement.passes) < repeats.passes or measurement.counted_requests < needed_requests:
                number = len(measurement.passes)
                expected = max(expected, number + 1)
                share = part(progress, number / expected, (number + 1) / expected)
                step = _describe_pass(share, endpoint, number, expected)
                with tempfile.TemporaryDirectory() as folder:
                    tracked = track_through(workspace, step, video, endpoint, Path(folder))
                measurement.passes.append(tracked)
                print(f"pass {number + 1}: {tracked.frames / tracked.seconds:.1f} frames/s", flush=True)
        finally:
            measurement.other_work, measurement.other_programs = meter.stop()
    except UserError as reason:
        measurement.error = str(reason)
        print(measurement.error, flush=True)
    return measurement


def _describe_pass(progress: Progress, endpoint: Endpoint, number: int, expected: int) -> Progress:
    """Return a callback that says, in place of the step, which pass runs."""
    return lambda fraction, step: progress(fraction, f"{endpoint.name}: pass {number + 1} of {expected}")


def _warm_up(workspace: Workspace, video: Video, endpoint: Endpoint) -> None:
    """Send the beginning of the video, whose answers are not counted: the first requests of a server are slower."""
    if not WARM_UP_REQUESTS[endpoint.mode]:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "beginning.mp4"
        try:
            _, frames, content = next(pieces(video.path, PIECE_FRAMES))
        except ValueError as error:
            raise UserError(f"“{video.name}”: {error}") from error
        path.write_bytes(content)
        beginning = replace(video, path=str(path), frames=frames)
        for _ in range(WARM_UP_REQUESTS[endpoint.mode]):
            track_through(workspace, silent, beginning, endpoint, Path(folder))


def _process_ids(platform: Platform, endpoint: Endpoint) -> list[int]:
    return platform.endpoints.process_ids(endpoint.ref) if endpoint.keeps_running and endpoint.ref else []


def _row(workspace: Workspace, video: Video, endpoint: Endpoint, measurement: Measurement) -> ComparisonRow:
    platform = platform_of(workspace, endpoint.platform)
    cost_per_hour = platform.cost_per_hour(endpoint.mode, endpoint.options)
    passes, model = measurement.passes, workspace.find(Model, endpoint.model)
    requests = [request for tracked in passes for request in tracked.requests]
    frames, seconds = sum(tracked.frames for tracked in passes), sum(tracked.seconds for tracked in passes)
    seconds_per_frame = seconds / frames if frames else 0.0
    is_live = endpoint.mode == "realtime" and requests and video.fps > 0
    lags = [
        live_lag([(request.frames, request.total_ms) for request in tracked.requests], video.fps)
        for tracked in passes
        if is_live
    ]
    return {
        "endpoint": endpoint.name,
        "mode": endpoint.mode,
        "model": model.name if model else endpoint.model,
        "frames": frames,
        "seconds": round(seconds, 3),
        "fps": round(1 / seconds_per_frame, 2) if seconds_per_frame else 0.0,
        "requests": len(requests),
        "bytes_sent": sum(tracked.bytes_sent for tracked in passes),
        "client_ms": percentiles([request.client_ms for request in requests]),
        "network_ms": percentiles([request.network_ms for request in requests]),
        "model_ms": percentiles([request.model_ms for request in requests]),
        "total_ms": percentiles([request.total_ms for request in requests]),
        "latency": [round(request.total_ms, 2) for request in requests],
        "cost_per_hour": cost_per_hour,
        "cost_per_1000_frames": round(cost_per_hour / 3600 * seconds_per_frame * 1000, 6),
        "error": measurement.error,
        "passes": len(passes),
        "pass_fps": [round(tracked.frames / tracked.seconds, 2) for tracked in passes],
        "pass_frame_ms": [
            percentiles([request.total_ms / request.frames for request in tracked.requests])["p50"]
            for tracked in passes
            if tracked.requests
        ],
        "frame_ms": percentiles([request.total_ms / request.frames for request in requests]),
        "frame_latency": [round(request.total_ms / request.frames, 3) for request in requests],
        "warm_up_requests": WARM_UP_REQUESTS[endpoint.mode],
        "video_fps": video.fps,
        "live": max(lags, key=lambda lag: (lag["falls_behind"], lag["frames_behind"]), default=None),
        "cost_per_video_hour": round(cost_per_hour * seconds_per_frame * video.fps, 6),
        "runs_here": platform.runs_here,
        "other_work": measurement.other_work,
        "other_programs": measurement.other_programs,
    }
