"""Comparisons: one video through several endpoints, measured in time, bytes and money."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from backend.errors import UserError
from backend.jobs.results import ComparisonResult
from backend.latency import percentiles
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps.tracking import Tracked, track_through
from backend.workspace import Workspace
from backend.workspace.records import Comparison, ComparisonRow, Endpoint, Model, Video, check_name


def compare(
    workspace: Workspace, progress: Progress, *, name: str, video: str, endpoints: list[str]
) -> ComparisonResult:
    """Measure endpoints one after another on the same video.

    An endpoint that fails has its error in its row. The tracks of the others are stored, see `tracks_path`.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        name: Name of the comparison.
        video: Id of the video.
        endpoints: Ids of the endpoints.

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
    record = Comparison(name=name, video=source.id, rows=[])
    try:
        for number, endpoint in enumerate(chosen):
            step = part(progress, number / len(chosen), (number + 1) / len(chosen))
            print(f"measuring {endpoint.name}", flush=True)
            record.rows.append(_measure(workspace, step, source, endpoint, tracks_path(workspace, record, number)))
        if all(row["error"] for row in record.rows):
            raise UserError(f"All endpoints failed. {record.rows[0]['endpoint']}: {record.rows[0]['error']}")
    except BaseException:
        shutil.rmtree(workspace.folder(record), ignore_errors=True)
        raise
    return {"comparison": workspace.add(record).id}


def tracks_path(workspace: Workspace, comparison: Comparison, row: int) -> Path:
    """Return the file with the tracks of a row's endpoint. It does not exist if the endpoint failed."""
    return workspace.folder(comparison) / f"{row}.json"


def _measure(workspace: Workspace, progress: Progress, video: Video, endpoint: Endpoint, target: Path) -> ComparisonRow:
    cost_per_hour = platform_of(workspace, endpoint.platform).cost_per_hour(endpoint.mode, endpoint.options)
    tracked, error = Tracked.empty(), ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            tracked = track_through(workspace, progress, video, endpoint, Path(folder))
            tracked.tracks.save(target)
        except UserError as reason:
            error = str(reason)
            print(error, flush=True)
    requests = tracked.requests
    model = workspace.find(Model, endpoint.model)
    seconds_per_frame = tracked.seconds / tracked.frames if tracked.frames else 0.0
    return {
        "endpoint": endpoint.name,
        "mode": endpoint.mode,
        "model": model.name if model else endpoint.model,
        "frames": tracked.frames,
        "seconds": round(tracked.seconds, 3),
        "fps": round(1 / seconds_per_frame, 2) if seconds_per_frame else 0.0,
        "requests": len(requests),
        "bytes_sent": tracked.bytes_sent,
        "client_ms": percentiles([request.client_ms for request in requests]),
        "network_ms": percentiles([request.network_ms for request in requests]),
        "model_ms": percentiles([request.model_ms for request in requests]),
        "total_ms": percentiles([request.total_ms for request in requests]),
        "latency": [round(request.total_ms, 2) for request in requests],
        "cost_per_hour": cost_per_hour,
        "cost_per_1000_frames": round(cost_per_hour / 3600 * seconds_per_frame * 1000, 6),
        "error": error,
    }
