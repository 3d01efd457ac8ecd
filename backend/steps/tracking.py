"""Tracking a video with a deployed model. All serving modes give the same tracks."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backend import jobs
from backend.errors import UserError
from backend.jobs.platform_watch import make_watch
from backend.jobs.results import RunResult
from backend.latency import percentiles
from backend.platforms.base import EndpointService, Options, Platform, ProcessingSpec
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import overlays
from backend.steps.export import FILES, export
from backend.steps.rare_classes import rarity_warnings
from backend.workspace import Workspace
from backend.workspace.paths import DETECTIONS, OVERLAY, PARTIAL_TRACKS, TRACKS_JSON
from backend.workspace.records import Endpoint, Model, Run, ServingMode, Video
from bytetrack.partial_tracks import PARTIAL_SUFFIX, PartialTracksWriter
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.refinement import refine
from bytetrack.tracks import Tracks
from bytetrack.video import pieces as cut_into_pieces

JOB_PROGRESS = (0.1, 0.95)  # the part of a batch's progress that is the job's own; before and after it are transfers
FRAME_LINE = re.compile(r"video: (\d+)/(\d+) .* frame: (\d+)/(\d+)")  # in the log of `process`
PIECE_FRAMES = 12  # per real-time request: a second of the sample, and H.264 beats single JPEGs at this length
MAX_POLL_SECONDS = 5
MAX_ATTRIBUTES_LENGTH = 1024  # of `CustomAttributes`, which SageMaker prescribes


@dataclass
class Request:
    """The measurements of one request; times are in milliseconds."""

    frames: int
    bytes_sent: int
    client_ms: float  # preparing the request and parsing the answer
    network_ms: float  # includes time in a queue
    model_ms: float

    @property
    def total_ms(self) -> float:
        """The sum of the times."""
        return self.client_ms + self.network_ms + self.model_ms


@dataclass
class Tracked:
    """The tracks of a video, and the measurements of how they were obtained."""

    tracks: Tracks
    frames: int
    seconds: float
    requests: list[Request] = field(default_factory=list)
    bytes_sent: int = 0

    @classmethod
    def empty(cls) -> Tracked:
        """Return the result of an endpoint that failed."""
        return cls(Tracks.empty(), 0, 0.0)


def track(
    workspace: Workspace,
    progress: Progress,
    *,
    video: str,
    endpoint: str,
    classes: list[str] | None = None,
    draw: bool = True,
) -> RunResult:
    """Track a video through an endpoint and store the tracks as a run.

    Until the run is complete, the tracks so far are in the file `PARTIAL_TRACKS` of the job's temporary folder, if the
    serving mode and the platform report them.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        video: Id of the video.
        endpoint: Id of the endpoint.
        classes: Names of the classes to track. If omitted, all of the model.
        draw: Whether to draw the tracks on a copy of the video, `overlay.mp4`.

    Returns:
        The id of the `Run`.

    Raises:
        UserError: If the video cannot be read, the model does not have a class, or with the endpoint's reason if it
            fails.
    """
    source = workspace.get(Video, video)
    served_by = workspace.get(Endpoint, endpoint)
    model = workspace.get(Model, served_by.model)
    wanted_classes = check_classes(model.name, model.classes, classes)
    run = Run(
        name=f"{source.name} - {served_by.name}"[:80],
        video=source.id,
        endpoint=served_by.id,
        endpoint_name=served_by.name,
        mode=served_by.mode,
        model=served_by.model,
        frames=0,
        objects=0,
        seconds=0,
        fps=0,
        classes=wanted_classes,
    )
    job = jobs.current(workspace)
    partial = jobs.temporary_folder(workspace, job) / PARTIAL_TRACKS if job else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tracking_progress = part(progress, 0, 0.7 if draw else 1)
        tracked = track_through(workspace, tracking_progress, source, served_by, folder, wanted_classes, partial)
        run.frames, run.seconds = tracked.frames, round(tracked.seconds, 3)
        run.objects = len(set(tracked.tracks.id.tolist()))
        run.fps = round(tracked.frames / tracked.seconds, 2)
        run.requests, run.bytes_sent = len(tracked.requests), tracked.bytes_sent
        run.latency_ms = percentiles([request.total_ms for request in tracked.requests])
        run.warnings = rarity_warnings(workspace, run, tracked.tracks, folder / DETECTIONS)
        tracked.tracks.save(folder / TRACKS_JSON)
        if draw:
            overlays.draw(source, tracked.tracks, folder / OVERLAY, part(progress, 0.7, 1))
        target = workspace.folder(run)
        for name in (TRACKS_JSON, OVERLAY, DETECTIONS):
            if (folder / name).exists():
                shutil.move(folder / name, target / name)
    for file_format in FILES:
        export(workspace, run, file_format)
    workspace.add(run)
    return {"run": run.id, "warnings": run.warnings}


def check_classes(model: str, known: Sequence[str], classes: Sequence[str] | None) -> list[str]:
    """Return the classes to ask a model for, in its order; empty for all of them, as if `classes` is None.

    Args:
        model: Name of the model.
        known: Its classes.
        classes: The classes that the user asks for.

    Raises:
        UserError: If the list is empty, or the model does not have one of the classes.
    """
    if classes is None:
        return []
    if not classes:
        raise UserError(f"Choose at least one class of {model}: {', '.join(known)}.")
    if unknown := [name for name in classes if name not in known]:
        raise UserError(
            f"{model} has no class {', '.join(f'“{name}”' for name in unknown)}. Its classes are {', '.join(known)}."
        )
    return [name for name in known if name in classes]


def track_through(
    workspace: Workspace,
    progress: Progress,
    video: Video,
    endpoint: Endpoint,
    folder: Path,
    classes: Sequence[str] = (),
    partial: Path | None = None,
) -> Tracked:
    """Send a video through an endpoint.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        video: The video.
        endpoint: The endpoint.
        folder: Where `detections.npz` is written, if the serving mode returns detections.
        classes: Names of the classes to track; all of the model's if empty.
        partial: Where the tracks so far are, meanwhile, if the serving mode and the platform report them.

    Raises:
        UserError: If the video cannot be read, or with the endpoint's reason if it fails.
    """
    if not Path(video.path).is_file():
        raise _missing_file(video)
    try:
        tracked = TRACKERS[endpoint.mode](workspace, progress, video, endpoint, folder, classes, partial)
    except ValueError as error:
        raise UserError(f"“{video.name}”: {error}") from error
    with workspace.edit(Endpoint, endpoint.id) as stored:
        stored.last_used = time.time()
    return tracked


def track_with_model(workspace: Workspace, progress: Progress, videos: list[Video], model: Model) -> dict[str, Tracks]:
    """Track videos with a model that need not be deployed, by a batch job on the chosen platform.

    Returns:
        The tracks by the id of the video.

    Raises:
        UserError: With the job's reason, if it fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        documents = _run_batch(workspace, platform_of(workspace), progress, videos, model, {}, folder)
    return {video.id: Tracks.from_json(document) for video, document in zip(videos, documents)}


def _track_by_batch(
    workspace: Workspace,
    progress: Progress,
    video: Video,
    endpoint: Endpoint,
    folder: Path,
    classes: Sequence[str],
    partial: Path | None,
) -> Tracked:
    started = time.perf_counter()
    platform = platform_of(workspace, endpoint.platform)
    model = workspace.get(Model, endpoint.model)
    if partial:
        partial.symlink_to(folder / "output" / f"0{PARTIAL_SUFFIX}")  # where `process` writes it on this machine
    arguments = [f"--class={name}" for name in classes]
    (document,) = _run_batch(workspace, platform, progress, [video], model, endpoint.options, folder, arguments)
    shutil.move(folder / "output" / "0.detections.npz", folder / DETECTIONS)
    return Tracked(Tracks.from_json(document), document["frames"], time.perf_counter() - started)


def _run_batch(
    workspace: Workspace,
    platform: Platform,
    progress: Progress,
    videos: list[Video],
    model: Model,
    options: Options,
    folder: Path,
    arguments: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Run a batch job over videos, with files in `folder`, and return the JSON that it writes for each of them."""
    links, output = folder / "videos", folder / "output"
    links.mkdir()
    for number, video in enumerate(videos):
        path = Path(video.path).resolve()
        if not path.is_file():
            raise _missing_file(video)
        (links / f"{number}{path.suffix}").symlink_to(path)

    def log(line: str) -> None:
        if match := FRAME_LINE.search(line):
            number, count, done, total = map(int, match.groups())
            part(progress, *JOB_PROGRESS)((number - 1 + done / total) / count, "tracking")

    spec = ProcessingSpec(videos[0].name, links, workspace.folder(model), output, list(arguments), options)
    platform.batch.run(spec, make_watch(workspace, progress, log, JOB_PROGRESS))
    for number, video in enumerate(videos):
        if not (output / f"{number}.json").exists():
            raise UserError(f"“{video.name}” could not be tracked, because its file is damaged. Leave it out.")
    return [json.loads((output / f"{number}.json").read_bytes()) for number in range(len(videos))]


def _missing_file(video: Video) -> UserError:
    return UserError(f"The file of “{video.name}” is gone: {video.path}. Put it back, or add the video again.")


def _track_in_real_time(
    workspace: Workspace,
    progress: Progress,
    video: Video,
    endpoint: Endpoint,
    folder: Path,
    classes: Sequence[str],
    partial: Path | None,
) -> Tracked:
    endpoints = platform_of(workspace, endpoint.platform).endpoints
    rows: list[dict[str, Any]] = []
    requests: list[Request] = []
    frames = 0
    started = time.perf_counter()
    with (
        _session(endpoints, endpoint, video.fps, classes) as (session, opened),
        PartialTracksWriter(partial) if partial else nullcontext() as tracks_so_far,
    ):
        pieces: Iterator[tuple[int, int, bytes]] = cut_into_pieces(video.path, PIECE_FRAMES)
        while True:
            before = time.perf_counter()
            piece = next(pieces, None)
            if piece is None:
                break
            _, count, body = piece
            sent = time.perf_counter()
            answer = endpoints.invoke(endpoint.ref, body, "video/mp4", session)
            received = time.perf_counter()
            document = json.loads(answer.body)
            rows += document["tracks"]
            frames += document["frames"]
            if tracks_so_far:
                tracks_so_far.add(document["frames"], Tracks.from_json(document))
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
            progress(frames / video.frames, "tracking")
        seconds = time.perf_counter() - started
    # A session cannot look ahead. Refinement over the whole video makes its tracks equal to those of the other modes.
    tracks = Tracks.from_json({"classes": opened["classes"], "tracks": rows})
    tracks = refine(tracks, TrackerConfig.parse(opened["settings"]))
    return Tracked(tracks, frames, seconds, requests, sum(request.bytes_sent for request in requests))


@contextmanager
def _session(
    endpoints: EndpointService[Any], endpoint: Endpoint, frame_rate: float, classes: Sequence[str]
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Open a session and provide its id and the answer to its opening.

    The session is closed in any case, because an endpoint has room for only so many.
    """
    settings = {"frame_rate": frame_rate} | ({"classes": list(classes)} if classes else {})
    opening = json.dumps(settings).encode()
    opened = endpoints.invoke(endpoint.ref, opening, "application/json", "NEW_SESSION")
    try:
        yield opened.new_session, json.loads(opened.body)
    finally:
        with suppress(UserError):  # if the endpoint is gone, so is the session
            endpoints.invoke(endpoint.ref, b'{"close": true}', "application/json", opened.new_session)


def _track_asynchronously(
    workspace: Workspace,
    progress: Progress,
    video: Video,
    endpoint: Endpoint,
    folder: Path,
    classes: Sequence[str],
    partial: Path | None,
) -> Tracked:
    from bytetrack.pipeline import VideoDetections

    endpoints = platform_of(workspace, endpoint.platform).endpoints
    path = Path(video.path)
    started = time.perf_counter()
    ticket = endpoints.submit(endpoint.ref, path, "video/mp4", _attributes(classes))
    while (answer := endpoints.collect(endpoint.ref, ticket)) is None:
        progress(0.0, "waiting for the endpoint's answer")
        time.sleep(min(0.1 + (time.perf_counter() - started) / 20, MAX_POLL_SECONDS))  # adds at most 5 % to the time
    seconds = time.perf_counter() - started
    document = json.loads(answer)
    VideoDetections.from_json(document["detections"]).save(folder / DETECTIONS)
    request = Request(
        frames=document["frames"],
        bytes_sent=path.stat().st_size,
        client_ms=0.0,
        network_ms=max(0.0, seconds * 1000 - document["model_ms"]),
        model_ms=document["model_ms"],
    )
    return Tracked(Tracks.from_json(document), document["frames"], seconds, [request], request.bytes_sent)


def _attributes(classes: Sequence[str]) -> str:
    """Return the attributes of a request for a whole video: with its detections, and limited to classes if any."""
    attributes = "detections=true"
    if classes:
        attributes += f";classes={','.join(quote(name, safe='') for name in classes)}"
    if len(attributes) > MAX_ATTRIBUTES_LENGTH:
        raise UserError(
            f"The names of these {len(classes)} classes are too long for one request to an asynchronous endpoint. "
            "Choose fewer classes, all of them, or a batch job."
        )
    return attributes


Tracker = Callable[[Workspace, Progress, Video, Endpoint, Path, Sequence[str], Path | None], Tracked]
TRACKERS: dict[ServingMode, Tracker] = {
    "batch": _track_by_batch,
    "realtime": _track_in_real_time,
    "async": _track_asynchronously,
}
"""How each serving mode tracks a video; the arguments are those of `track_through`."""
