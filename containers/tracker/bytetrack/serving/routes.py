"""The HTTP routes of an endpoint, and the requests that they answer."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bytetrack import video
from bytetrack.detection.detector import Detections, Detector, PreparedFrame
from bytetrack.pipeline import detect_frames, track_file, track_frames, tracker_config
from bytetrack.serving import page
from bytetrack.serving.bodies import (
    BodyKind,
    body_kind,
    decode_image,
    parse_attributes,
    parse_classes,
    read_settings,
    receive_body,
)
from bytetrack.serving.options import Options
from bytetrack.serving.origins import PAGE_PATH, RefuseOtherSites, is_loopback
from bytetrack.serving.sessions import DeadSession, Session, Sessions, TooManySessions
from bytetrack.tracking.tracker import ByteTracker

SESSION_HEADER = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_HEADER = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_HEADER = "X-Amzn-SageMaker-Closed-Session-Id"
ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
NEW_SESSION = "NEW_SESSION"

MAX_PARALLEL_DECODES = 2  # images that are decoded at the same time; the others wait as files

Answer = dict[str, Any]
Headers = dict[str, str]


class Service:
    """The detector and the sessions behind the two routes.

    Args:
        detector: The detector.
        options: Limits of bodies and sessions, and the address, which decides about requests from web pages.
    """

    def __init__(self, detector: Detector, options: Options) -> None:
        self._detector = detector
        self._max_body_bytes = options.max_body_bytes
        self._sessions = Sessions(options.max_sessions, options.session_idle_seconds, options.session_lifetime_seconds)
        self._is_on_loopback = is_loopback(options.host)
        self._decode_slots = threading.BoundedSemaphore(MAX_PARALLEL_DECODES)
        self._stopping = threading.Event()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/ping", self.ping, methods=["GET"]),
                Route("/invocations", self.invocations, methods=["POST"]),
                # SageMaker's own path, so that its clients can call a server on this machine.
                Route("/endpoints/{name}/invocations", self.invocations, methods=["POST"]),
                *([Route(PAGE_PATH, self.page, methods=["GET"])] if self._is_on_loopback else []),
            ],
            middleware=[Middleware(RefuseOtherSites)] if self._is_on_loopback else [],
            exception_handlers={
                HTTPException: _answer_refusal,  # type: ignore[dict-item]
                Exception: _answer_unexpected_error,
            },
        )

    def stop(self) -> None:
        """End the work on every request at its next frame."""
        self._stopping.set()

    async def ping(self, request: Request) -> Response:
        """Answer 200: the model was loaded before the server started."""
        return Response()

    async def page(self, request: Request) -> Response:
        """Answer a page for people who open the server's address in a browser."""
        height, width = self._detector.config.input_size
        content = page.render(request.headers.get("host", ""), self._detector.classes, (height, width))
        return HTMLResponse(content, headers=page.HEADERS)

    async def invocations(self, request: Request) -> Response:
        """Answer an image, a video, or a message of a session."""
        started = time.perf_counter()
        async with receive_body(request, self._max_body_bytes) as body:
            kind = body_kind(request, body)
            try:
                settings: dict[str, Any] = dict(parse_attributes(request.headers.get(ATTRIBUTES_HEADER, "")))
                if kind == BodyKind.SETTINGS:
                    settings |= read_settings(body)
                answer, headers = await self._answer(kind, body, request.headers.get(SESSION_HEADER), settings)
            except ValueError as error:
                raise HTTPException(400, str(error)) from error
            except DeadSession as error:
                raise HTTPException(410, str(error)) from error
            except TooManySessions as error:
                raise HTTPException(429, str(error)) from error
        answer["model_ms"] = round((time.perf_counter() - started) * 1000, 3)
        content = await run_in_threadpool(_to_json, answer)  # can be megabytes for a long video
        return Response(content, media_type="application/json", headers=headers)

    async def _answer(
        self, kind: BodyKind, body: Path, session_id: str | None, settings: dict[str, Any]
    ) -> tuple[Answer, Headers]:
        if session_id is None:
            return await run_in_threadpool(self._answer_without_session, kind, body, settings), {}
        if session_id == NEW_SESSION:
            return await self._start_session(kind, body, settings)
        async with self._sessions.use(session_id) as session:
            if kind in (BodyKind.IMAGE, BodyKind.VIDEO):
                return await run_in_threadpool(self._track_in_session, session, kind, body), {}
            if settings == {"close": True}:
                self._sessions.close(session)
                return {"closed": session.id}, {CLOSED_SESSION_HEADER: session.id}
        raise ValueError(
            'A session accepts images, pieces of video and {"close": true}. Give settings when you start it.'
        )

    async def _start_session(self, kind: BodyKind, body: Path, settings: dict[str, Any]) -> tuple[Answer, Headers]:
        """Start a session, and track the body if it is an image or a video."""
        detector = self._take_detector(settings)
        session = self._sessions.start(ByteTracker(tracker_config(detector, settings)), detector)
        answer: Answer = {"classes": list(detector.classes), "frames": 0, "first_frame": 0, "tracks": []}
        if kind in (BodyKind.IMAGE, BodyKind.VIDEO):
            try:
                async with self._sessions.use(session.id):
                    answer = await run_in_threadpool(self._track_in_session, session, kind, body)
            except BaseException:
                self._sessions.close(session)  # the client will not learn its id
                raise
        expires = session.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer["settings"] = asdict(session.tracker.config)
        return answer, {NEW_SESSION_HEADER: f"{session.id}; Expires={expires}"}

    def _answer_without_session(self, kind: BodyKind, body: Path, settings: dict[str, Any]) -> Answer:
        """Track a whole video, or detect the objects in an image."""
        detector = self._take_detector(settings)
        if kind == BodyKind.VIDEO:
            with_detections = str(settings.pop("detections", "")).lower() == "true"
            tracked = track_file(body, detector, settings, on_frame=self._check_stopping)
            document = tracked.document()
            if with_detections:
                document["detections"] = tracked.detections.to_json()
            return document
        if kind == BodyKind.IMAGE:
            detections = detector.infer(self._prepare_image(body))
            return {"classes": list(detector.classes), "detections": _detection_rows(detections)}
        raise ValueError(
            f"Without a session the body must be an image or a video, but it is {kind}. "
            f"Start a session with the header {SESSION_HEADER}: {NEW_SESSION}."
        )

    def _track_in_session(self, session: Session, kind: BodyKind, body: Path) -> Answer:
        """Continue a session with the frames of the body."""
        frames: list[Detections] = []
        if kind == BodyKind.IMAGE:
            frames.append(session.detector.infer(self._prepare_image(body)))
        else:
            for detections in detect_frames(video.read_frames(body), session.detector):
                frames.append(detections)
                self._check_stopping(len(frames))
        # The session changes only from here on, where nothing can fail: a refused request leaves it as it was.
        first_frame = session.frames
        tracks = track_frames(frames, session.tracker, session.detector.classes, first_frame)
        session.frames += len(frames)
        return {**tracks.to_json(), "frames": len(frames), "first_frame": first_frame}

    def _take_detector(self, settings: dict[str, Any]) -> Detector:
        """Remove the setting `classes`, and return a detector that reports these classes, or all if it is missing."""
        classes = settings.pop("classes", None)
        return self._detector if classes is None else self._detector.limited_to(parse_classes(classes))

    def _prepare_image(self, body: Path) -> PreparedFrame:
        """Decode an image and letterbox it. Only a few large images are in memory at the same time."""
        with self._decode_slots:
            return self._detector.prepare(decode_image(body))

    def _check_stopping(self, frames_done: int) -> None:
        if self._stopping.is_set():
            raise HTTPException(503, "This endpoint is shutting down. Send the request again to another one.")


def _detection_rows(detections: Detections) -> list[dict[str, Any]]:
    rows = zip(detections.xyxy.tolist(), detections.scores.tolist(), detections.class_ids.tolist())
    return [
        {"xyxy": [round(side, 2) for side in box], "score": round(score, 4), "class_id": class_id}
        for box, score, class_id in rows
    ]


def _to_json(answer: Answer) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


async def _answer_refusal(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code)


async def _answer_unexpected_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"The endpoint failed on this request: {type(error).__name__}."}, 500)
