"""Stateful sessions: a tracker that continues from one request to the next, until it is closed or expires."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bytetrack.detection.detector import Detector
from bytetrack.tracking.tracker import ByteTracker


class DeadSession(LookupError):
    """The session of a request was closed, has expired or never existed."""


class TooManySessions(RuntimeError):
    """The maximum number of sessions is reached."""


@dataclass
class Session:
    """The state of one client's video.

    Attributes:
        id: Letters and digits, as SageMaker's protocol requires.
        tracker: Tracker with the state after the frames so far.
        detector: Detector that reports the session's classes.
        expires: When the session ends at the latest.
        last_used: Time of the last request, by the clock of `Sessions`.
        frames: Number of frames so far, which is the number of the next frame.
        turn: Lock that a request holds, so that requests are answered in their order.
    """

    id: str
    tracker: ByteTracker
    detector: Detector
    expires: datetime
    last_used: float
    frames: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """All sessions of a server. Use it from the server's event loop only.

    Args:
        limit: Maximum number of sessions at a time.
        idle_seconds: Seconds without a request after which a session ends.
        lifetime_seconds: Seconds after which a session ends in any case.
        clock: Returns seconds that never decrease.
    """

    def __init__(
        self, limit: int, idle_seconds: float, lifetime_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def start(self, tracker: ByteTracker, detector: Detector) -> Session:
        """Start a session with its own tracker, and a detector that sessions can share.

        Raises:
            TooManySessions: If the maximum number of sessions is reached.
        """
        self._drop_expired()
        if len(self._sessions) >= self._limit:
            raise TooManySessions(
                f"All {self._limit} sessions of this endpoint are in use. Close one, or try again in a few minutes."
            )
        expires = datetime.now(UTC) + timedelta(seconds=self._lifetime_seconds)
        session = Session(uuid.uuid4().hex, tracker, detector, expires, self._clock())
        self._sessions[session.id] = session
        return session

    @asynccontextmanager
    async def use(self, session_id: str) -> AsyncIterator[Session]:
        """Provide a session to one request at a time, in the order in which they ask for it.

        Raises:
            DeadSession: If there is no such session.
        """
        async with self._get(session_id).turn:
            session = self._get(session_id)  # the request before may have closed it
            try:
                yield session
            finally:
                session.last_used = self._clock()

    def close(self, session: Session) -> None:
        """End a session. No-op if it has ended already."""
        self._sessions.pop(session.id, None)

    def _get(self, session_id: str) -> Session:
        self._drop_expired()
        try:
            return self._sessions[session_id]
        except KeyError:
            raise DeadSession(
                f"Session {session_id[:64]!r} does not exist: it was closed, had no request for "
                f"{self._idle_seconds:g} seconds, or this endpoint was restarted. Start a new one with NEW_SESSION."
            ) from None

    def _drop_expired(self) -> None:
        clock_now, now = self._clock(), datetime.now(UTC)
        for session in list(self._sessions.values()):
            is_idle = clock_now - session.last_used > self._idle_seconds and not session.turn.locked()
            if is_idle or now > session.expires:
                self.close(session)
