"""Tracking a video with a deployed model, the same tracks whichever way it is served."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from backend.errors import UserError
from backend.jobs.results import RunResult
from backend.jobs.watch import make_watch
from backend.latency import percentiles
from backend.platforms.base import Options, Platform, ProcessingSpec
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import overlays
from backend.steps.export import FILES, export
from backend.workspace import Workspace
from backend.workspace.paths import DETECTIONS, OVERLAY, TRACKS_JSON
from backend.workspace.records import Endpoint, Model, Run, Video
from bytetrack import video
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.refinement import refine
from bytetrack.tracks import Tracks

WORK = (0.1, 0.95)  # of a batch's progress: before it the video goes to where it runs, after it the tracks come back
FRAME_LINE = re.compile(r"video: (\d+)/(\d+) .* frame: (\d+)/(\d+)")  # which of how many, in the log of `process`
PIECE_FRAMES = 12  # per real-time request: a second of the sample, and H.264 pays off against single JPEGs


@dataclass
class Request:
    """One real-time request as measured: milliseconds for making it (`client`), under way, and inside the model."""

    frames: int
    bytes_sent: int
    client_ms: float
    network_ms: float
    model_ms: float

    @property
    def total_ms(self) -> float:
        return self.client_ms + self.network_ms + self.model_ms


@dataclass
class Tracked:
    """A video's tracks and what getting them took."""

    tracks: Tracks
    frames: int
    seconds: float
    requests: list[Request] = field(default_factory=list)
    bytes_sent: int = 0

    @classmethod
    def nothing(cls) -> Tracked:
        return cls(Tracks.empty(), 0, 0.0)


def track(workspace: Workspace, progress: Progress, *, video: str, endpoint: str, draw: bool = True) -> RunResult:
    """Track a video through an endpoint and keep the tracks as a run.

    Args:
        draw: whether to make `overlay.mp4`, the video with its tracks on it.

    Returns:
        `{"run": id}`.

    Raises:
        UserError: with the reason, if the video cannot be read or the endpoint fails.
    """
    source = workspace.get(Video, video)
    served = workspace.get(Endpoint, endpoint)
    run = Run(
        name=f"{source.name} - {served.name}"[:80],
        video=source.id,
        endpoint=served.id,
        endpoint_name=served.name,
        mode=served.mode,
        model=served.model,
        frames=0,
        objects=0,
        seconds=0,
        fps=0,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tracked = through(workspace, part(progress, 0, 0.7 if draw else 1), source, served, folder)
        run.frames, run.seconds = tracked.frames, round(tracked.seconds, 3)
        run.objects = len(set(tracked.tracks.id.tolist()))
        run.fps = round(tracked.frames / tracked.seconds, 2)
        run.requests, run.bytes_sent = len(tracked.requests), tracked.bytes_sent
        run.latency_ms = percentiles([request.total_ms for request in tracked.requests])
        tracked.tracks.save(folder / TRACKS_JSON)
        if draw:
            overlays.draw(source, tracked.tracks, folder / OVERLAY, part(progress, 0.7, 1))
        kept = workspace.folder(run)
        for name in (TRACKS_JSON, OVERLAY, DETECTIONS):
            if (folder / name).exists():
                shutil.move(folder / name, kept / name)
    for format in FILES:
        export(workspace, run, format)
    workspace.add(run)
    return {"run": run.id}


def through(workspace: Workspace, progress: Progress, source: Video, endpoint: Endpoint, folder: Path) -> Tracked:
    """Send the video through the endpoint; `detections.npz` is left in `folder` where the way of serving gives them."""
    if not Path(source.path).is_file():
        raise _gone(source)
    platform = platform_of(workspace, endpoint.platform)
    ways: dict[str, Callable[[], Tracked]] = {
        "batch": lambda: _batch(workspace, platform, progress, source, endpoint, folder),
        "realtime": lambda: _realtime(platform, progress, source, endpoint),
        "async": lambda: _asynchronous(platform, progress, source, endpoint, folder),
    }
    try:
        tracked = ways[endpoint.mode]()
    except ValueError as error:
        raise UserError(f"“{source.name}”: {error}") from error
    with workspace.edit(Endpoint, endpoint.id) as stored:
        stored.last_used = time.time()
    return tracked


def by_model(workspace: Workspace, progress: Progress, sources: list[Video], model: Model) -> dict[str, Tracks]:
    """The tracks of videos by a model that need not be deployed, by the videos' ids: a batch job on the platform.

    Raises:
        UserError: with the reason, if it fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        documents = _process(workspace, platform_of(workspace), progress, sources, model, {}, folder)
    return {source.id: Tracks.from_json(document) for source, document in zip(sources, documents)}


def _batch(
    workspace: Workspace, platform: Platform, progress: Progress, source: Video, endpoint: Endpoint, folder: Path
) -> Tracked:
    started = time.perf_counter()
    model = workspace.get(Model, endpoint.model)
    (document,) = _process(workspace, platform, progress, [source], model, endpoint.options, folder)
    shutil.move(folder / "output" / "0.detections.npz", folder / DETECTIONS)
    return Tracked(Tracks.from_json(document), document["frames"], time.perf_counter() - started)


def _process(
    workspace: Workspace,
    platform: Platform,
    progress: Progress,
    sources: list[Video],
    model: Model,
    options: Options,
    folder: Path,
) -> list[dict]:
    """What a batch job over videos writes for each of them; all its files are below `folder`."""
    videos, output = folder / "videos", folder / "output"
    videos.mkdir()
    for number, source in enumerate(sources):
        path = Path(source.path).resolve()
        if not path.is_file():
            raise _gone(source)
        (videos / f"{number}{path.suffix}").symlink_to(path)

    def log(line: str) -> None:
        if told := FRAME_LINE.search(line):
            number, count, done, total = map(int, told.groups())
            part(progress, *WORK)((number - 1 + done / total) / count, "tracking")

    spec = ProcessingSpec(sources[0].name, videos, workspace.folder(model), output, options=options)
    platform.process(spec, make_watch(workspace, progress, log, WORK))
    for number, source in enumerate(sources):
        if not (output / f"{number}.json").exists():
            raise UserError(f"“{source.name}” could not be tracked, as its file is damaged. Leave it out.")
    return [json.loads((output / f"{number}.json").read_bytes()) for number in range(len(sources))]


def _gone(source: Video) -> UserError:
    return UserError(f"The file of “{source.name}” is gone: {source.path}. Put it back, or add the video again.")


def _realtime(platform: Platform, progress: Progress, source: Video, endpoint: Endpoint) -> Tracked:
    rows: list[dict] = []
    requests: list[Request] = []
    frames = 0
    started = time.perf_counter()
    with _session(platform, endpoint, source.fps) as (session, opened):
        pieces: Iterator[tuple[int, int, bytes]] = video.pieces(source.path, PIECE_FRAMES)
        while True:
            before = time.perf_counter()
            piece = next(pieces, None)
            if piece is None:
                break
            _, count, body = piece
            sent = time.perf_counter()
            answer = platform.invoke(endpoint.ref, body, "video/mp4", session)
            received = time.perf_counter()
            document = json.loads(answer.body)
            rows += document["tracks"]
            frames += document["frames"]
            model_ms = document["model_ms"]
            requests.append(
                Request(
                    frames=count,
                    bytes_sent=len(body),
                    client_ms=(sent - before + time.perf_counter() - received) * 1000,
                    network_ms=max(0.0, (received - sent) * 1000 - model_ms),
                    model_ms=model_ms,
                )
            )
            progress(frames / source.frames, "tracking")
        seconds = time.perf_counter() - started
    # A session cannot look ahead; now that the whole video is at hand, its tracks get what the other ways give them.
    tracks = Tracks.from_json({"classes": opened["classes"], "tracks": rows})
    tracks = refine(tracks, TrackerConfig.parse(opened["settings"]))
    return Tracked(tracks, frames, seconds, requests, sum(request.bytes_sent for request in requests))


@contextmanager
def _session(platform: Platform, endpoint: Endpoint, frame_rate: float) -> Iterator[tuple[str | None, dict]]:
    """A new session's id, and the answer to its opening. It is closed in any case: an endpoint holds only so many."""
    opening = json.dumps({"frame_rate": frame_rate}).encode()
    opened = platform.invoke(endpoint.ref, opening, "application/json", "NEW_SESSION")
    try:
        yield opened.new_session, json.loads(opened.body)
    finally:
        with suppress(UserError):  # where the endpoint is gone, so is the session
            platform.invoke(endpoint.ref, b'{"close": true}', "application/json", opened.new_session)


def _asynchronous(platform: Platform, progress: Progress, source: Video, endpoint: Endpoint, folder: Path) -> Tracked:
    from bytetrack.pipeline import VideoDetections

    path = Path(source.path)
    started = time.perf_counter()
    ticket = platform.submit(endpoint.ref, path, "video/mp4", "detections=true")
    while (answer := platform.collect(endpoint.ref, ticket)) is None:
        progress(0.0, "waiting for the endpoint's answer")
        time.sleep(min(0.1 + (time.perf_counter() - started) / 20, 5))  # at most 5 % late
    seconds = time.perf_counter() - started
    document = json.loads(answer)
    VideoDetections.from_json(document["detections"]).save(folder / DETECTIONS)
    request = Request(
        frames=document["frames"],
        bytes_sent=path.stat().st_size,
        client_ms=0.0,
        network_ms=max(0.0, seconds * 1000 - document["model_ms"]),  # the queue counts as under way
        model_ms=document["model_ms"],
    )
    return Tracked(Tracks.from_json(document), document["frames"], seconds, [request], request.bytes_sent)
