"""The program `serve`: SageMaker's HTTP contract in front of the pipeline.

`GET /ping` answers 200. `POST /invocations` takes an image (detections), a video (all its tracks) or, within a
stateful session, images and short pieces of video in turn (the tracks of their frames, ids and frame numbers going on).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bytetrack import video
from bytetrack.detection.detector import Detector, Prepared
from bytetrack.paths import base_dir
from bytetrack.pipeline import detect_frames, track_file, track_frames, tracker_config
from bytetrack.serving.origins import RefuseOtherSites, is_loopback
from bytetrack.serving.sessions import DeadSession, Session, Sessions, TooManySessions
from bytetrack.tracking.tracker import ByteTracker

SESSION_HEADER = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_HEADER = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_HEADER = "X-Amzn-SageMaker-Closed-Session-Id"
ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"

MAX_IMAGE_BYTES = 25 * 1024**2  # what SageMaker lets through to a real-time endpoint
MAX_IMAGE_PIXELS = 25 * 1000**2  # 75 MB once it is decoded, whatever the few bytes that it comes in
IMAGES_AT_ONCE = 2  # images that are decoded at the same time; the others wait as files
IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
UNTYPED = ("", "application/octet-stream", "application/x-www-form-urlencoded")  # the last: what curl says by default


@dataclass(frozen=True)
class Options:
    """What the environment says about how to serve; every variable has a default."""

    host: str = "0.0.0.0"  # a container is reached from outside it
    port: int = 8080
    max_body_bytes: int = 1024**3
    max_sessions: int = 256
    session_idle_seconds: int = 15 * 60
    session_lifetime_seconds: int = 12 * 60 * 60

    @classmethod
    def from_environment(cls) -> Options:
        """Read `SAGEMAKER_BIND_TO_PORT`, `BYTETRACK_HOST`, `BYTETRACK_MAX_BODY_BYTES`, `BYTETRACK_MAX_SESSIONS`,
        `BYTETRACK_SESSION_IDLE_SECONDS` and `BYTETRACK_SESSION_LIFETIME_SECONDS`.

        Raises:
            ValueError: naming the variable that is not a positive whole number.
        """

        def number(variable: str, default: int) -> int:
            text = os.environ.get(variable, str(default))
            if not text.isdecimal() or int(text) < 1:
                raise ValueError(f"The variable {variable} must be a positive whole number and is {text!r}.")
            return int(text)

        return cls(
            host=os.environ.get("BYTETRACK_HOST", cls.host),
            port=number("SAGEMAKER_BIND_TO_PORT", cls.port),
            max_body_bytes=number("BYTETRACK_MAX_BODY_BYTES", cls.max_body_bytes),
            max_sessions=number("BYTETRACK_MAX_SESSIONS", cls.max_sessions),
            session_idle_seconds=number("BYTETRACK_SESSION_IDLE_SECONDS", cls.session_idle_seconds),
            session_lifetime_seconds=number("BYTETRACK_SESSION_LIFETIME_SECONDS", cls.session_lifetime_seconds),
        )


class Service:
    """The detector and the sessions behind the two routes."""

    def __init__(self, detector: Detector, options: Options) -> None:
        self._detector = detector
        self._max_body_bytes = options.max_body_bytes
        self._sessions = Sessions(options.max_sessions, options.session_idle_seconds, options.session_lifetime_seconds)
        self._on_loopback = is_loopback(options.host)
        self._decoding = threading.BoundedSemaphore(IMAGES_AT_ONCE)
        self._stopping = threading.Event()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/ping", self.ping, methods=["GET"]),
                Route("/invocations", self.invocations, methods=["POST"]),
            ],
            middleware=[Middleware(RefuseOtherSites)] if self._on_loopback else [],
            exception_handlers={HTTPException: _sentence, Exception: _unexpected},  # type: ignore[dict-item]
        )

    def stop(self) -> None:
        """End the work of every request at its next frame."""
        self._stopping.set()

    async def ping(self, request: Request) -> Response:
        return Response()  # the model was loaded before the port was opened

    async def invocations(self, request: Request) -> Response:
        started = time.perf_counter()
        async with self._received(request) as body:
            kind = _kind(request, body)
            try:
                settings = _attributes(request) | (_settings(body) if kind == "settings" else {})
                answer, headers = await self._answer(kind, body, request.headers.get(SESSION_HEADER), settings)
            except ValueError as error:
                raise HTTPException(400, str(error)) from error
            except DeadSession as error:
                raise HTTPException(410, str(error)) from error
            except TooManySessions as error:
                raise HTTPException(429, str(error)) from error
        answer["model_ms"] = round((time.perf_counter() - started) * 1000, 3)
        content = await run_in_threadpool(_to_json, answer)  # megabytes, for a long video
        return Response(content, media_type="application/json", headers=headers)

    async def _answer(
        self, kind: str, body: Path, session_id: str | None, settings: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        if session_id is None:
            return await run_in_threadpool(self._without_session, kind, body, settings), {}
        if session_id == "NEW_SESSION":
            return await self._new_session(kind, body, settings)
        async with self._sessions.use(session_id) as session:
            if kind in ("image", "video"):
                return await run_in_threadpool(self._track, session, kind, body), {}
            if settings == {"close": True}:
                self._sessions.close(session)
                return {"closed": session.id}, {CLOSED_SESSION_HEADER: session.id}
        raise ValueError(
            'A session takes images, pieces of video and {"close": true}; settings are given when it is started.'
        )

    async def _new_session(
        self, kind: str, body: Path, settings: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        session = self._sessions.start(ByteTracker(tracker_config(self._detector, settings)))
        answer: dict[str, Any] = {"classes": list(self._detector.classes), "frames": 0, "first_frame": 0, "tracks": []}
        if kind in ("image", "video"):
            try:
                async with self._sessions.use(session.id):
                    answer = await run_in_threadpool(self._track, session, kind, body)
            except BaseException:
                self._sessions.close(session)  # its id never reaches the client
                raise
        expires = session.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer["settings"] = asdict(session.tracker.config)
        return answer, {NEW_SESSION_HEADER: f"{session.id}; Expires={expires}"}

    def _without_session(self, kind: str, body: Path, settings: dict[str, Any]) -> dict[str, Any]:
        if kind == "video":
            with_detections = str(settings.pop("detections", "")).lower() == "true"
            tracked = track_file(body, self._detector, settings, on_frame=self._check_stopping)
            document = tracked.document()
            if with_detections:
                document["detections"] = tracked.detections.to_json()
            return document
        if kind == "image":
            found = self._detector.infer(self._prepared_image(body))
            return {
                "classes": list(self._detector.classes),
                "detections": [
                    {"xyxy": [round(side, 2) for side in box], "score": round(score, 4), "class_id": class_id}
                    for box, score, class_id in zip(
                        found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist()
                    )
                ],
            }
        raise ValueError(
            f"Without a session the body must be an image or a video, and it is {kind}; "
            f"a session is started with the header {SESSION_HEADER}: NEW_SESSION."
        )

    def _track(self, session: Session, kind: str, body: Path) -> dict[str, Any]:
        found = []
        if kind == "image":
            found.append(self._detector.infer(self._prepared_image(body)))
        else:
            for detections in detect_frames(video.read_frames(body), self._detector):
                found.append(detections)
                self._check_stopping(len(found))
        # Only now, with nothing left that can fail: a request that is refused leaves the session as it was.
        first_frame = session.frames
        tracks = track_frames(found, session.tracker, self._detector.classes, first_frame)
        session.frames += len(found)
        return {**tracks.to_json(), "frames": len(found), "first_frame": first_frame}

    def _prepared_image(self, body: Path) -> Prepared:
        """Decode an image and scale it down to the network's input, a few at a time."""
        with self._decoding:
            return self._detector.prepare(_decode_image(body))

    def _check_stopping(self, frames_done: int) -> None:
        if self._stopping.is_set():
            raise HTTPException(503, "This endpoint is shutting down; send the request again to another.")

    @asynccontextmanager
    async def _received(self, request: Request) -> AsyncIterator[Path]:
        """The body as a file, written as it comes in: it is never in memory as a whole."""
        limit = self._max_body_bytes
        size = 0
        with tempfile.TemporaryDirectory(prefix="bytetrack-") as folder, (Path(folder) / "body").open("wb") as file:
            try:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size <= limit:
                        await run_in_threadpool(file.write, chunk)
                    elif size > 2 * limit:
                        break  # most clients see the answer only once their body is sent, but patience has an end
            except ClientDisconnect:
                raise HTTPException(400, "The connection broke before the body was complete.") from None
            except OSError as error:
                raise HTTPException(507, f"There is no room here to receive the body: {error.strerror}.") from error
            if size > limit:
                raise HTTPException(
                    413, f"The body is larger than the {limit:,} bytes that this endpoint takes: send it in pieces."
                )
            file.close()
            yield Path(file.name)


def _kind(request: Request, body: Path) -> str:
    """What the body is: "image", "video", "settings" or "empty", by its declared type or, without one, by its bytes."""
    if body.stat().st_size == 0:
        return "empty"
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared in UNTYPED:
        with body.open("rb") as file:
            return "image" if file.read(8).startswith(IMAGE_SIGNATURES) else "video"
    if declared in ("image/jpeg", "image/png"):
        return "image"
    if declared.startswith("video/"):
        return "video"
    if declared == "application/json":
        return "settings"
    raise HTTPException(
        415, f"This endpoint takes image/jpeg, image/png, video/mp4 and application/json, and not {declared!r}."
    )


def _attributes(request: Request) -> dict[str, Any]:
    """`frame_rate=7;track_thresh=0.6` in CustomAttributes, the one header of the client's that SageMaker passes on."""
    settings = {}
    for part in filter(None, map(str.strip, request.headers.get(ATTRIBUTES_HEADER, "").split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            raise ValueError(f"CustomAttributes must read name=value;name=value, and {part!r} has no value.")
        settings[name.strip()] = value.strip()
    return settings


def _settings(body: Path) -> dict[str, Any]:
    if body.stat().st_size > 64 * 1024:
        raise ValueError("Settings are a few names and numbers, and these are more than 64 kB.")
    try:
        settings = json.loads(body.read_bytes())
    except ValueError as error:
        raise ValueError(f"The settings are not JSON: {error}.") from error
    if not isinstance(settings, dict):
        raise ValueError('The settings must be a JSON object such as {"frame_rate": 7}.')
    return settings


def _decode_image(body: Path) -> np.ndarray:
    """The BGR `(H, W, 3)` uint8 image of a JPEG or PNG file.

    Raises:
        ValueError: if it is something else, damaged, or too large to decode.
    """
    from PIL import Image  # reads the size without decoding the rest

    if body.stat().st_size > MAX_IMAGE_BYTES:
        raise HTTPException(413, f"The image has more than the {MAX_IMAGE_BYTES:,} bytes that an image may have.")
    try:
        with Image.open(body, formats=("JPEG", "PNG")) as header:
            width, height = header.size
        if width * height > MAX_IMAGE_PIXELS:
            raise ValueError(
                f"The image is {width} x {height} pixels; at most {MAX_IMAGE_PIXELS // 1000**2} megapixels are taken. "
                "Scale it down and send it again."
            )
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("The body is not an image that can be read: send a whole JPEG or PNG.") from None
    image = cv2.imdecode(np.fromfile(body, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("The image is damaged: its data ends too early or cannot be decoded.")
    return image


def _to_json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


async def _sentence(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code)


async def _unexpected(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"The endpoint failed on this request: {type(error).__name__}."}, 500)


class _Server(uvicorn.Server):
    """uvicorn, which on SIGTERM also tells the work in progress to end."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)


def main() -> int:
    """Load the model from `model/` and serve it until told to stop."""
    try:
        options = Options.from_environment()
        detector = Detector(base_dir() / "model")
    except (OSError, ValueError) as error:
        print(f"serve: {error}", file=sys.stderr, flush=True)
        return 1
    ByteTracker().update([], [], [])  # its code is compiled or loaded now: the first session need not wait for it
    service = Service(detector, options)
    config = uvicorn.Config(
        service.app(),
        host=options.host,
        port=options.port,
        access_log=False,  # SageMaker pings every few seconds
        timeout_keep_alive=75,  # longer than the pauses of a client that keeps its connection
        timeout_graceful_shutdown=10,
    )
    _Server(config, service.stop).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
