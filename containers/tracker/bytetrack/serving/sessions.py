"""Stateful sessions: a tracker that goes on from one request to the next, until it is closed or left alone."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bytetrack.tracking.tracker import ByteTracker


class DeadSession(LookupError):
    """A request names a session that was closed, has expired or never was."""


class TooManySessions(RuntimeError):
    """There is no room for one more session."""


@dataclass
class Session:
    """One client's video as it comes in.

    Attributes:
        id: letters and digits, as the protocol asks.
        tracker: what has been seen so far.
        expires: when it ends at the latest, whether in use or not.
        frames: how many frames it has seen; the number of the next one.
        turn: held for the length of a request, so that the requests of a session are answered in their order.
        last_used: on the clock of `Sessions`.
    """

    id: str
    tracker: ByteTracker
    expires: datetime
    last_used: float
    frames: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """All sessions of a server; used from its event loop only.

    Args:
        limit: how many there can be at once.
        idle_seconds: how long one lives without a request.
        lifetime_seconds: how long one lives at most, which is what the client is told.
        clock: seconds that only grow.
    """

    def __init__(
        self, limit: int, idle_seconds: float, lifetime_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def start(self, tracker: ByteTracker) -> Session:
        """A new session with a tracker of its own.

        Raises:
            TooManySessions: saying how many there are.
        """
        self._drop_expired()
        if len(self._sessions) >= self._limit:
            raise TooManySessions(
                f"All {self._limit} sessions of this endpoint are in use: close one, or try again in a few minutes."
            )
        expires = datetime.now(UTC) + timedelta(seconds=self._lifetime_seconds)
        session = Session(uuid.uuid4().hex, tracker, expires, self._clock())
        self._sessions[session.id] = session
        return session

    @asynccontextmanager
    async def use(self, session_id: str) -> AsyncIterator[Session]:
        """The live session of that id, for one request at a time, in the order of asking.

        Raises:
            DeadSession: saying what to do.
        """
        async with self._get(session_id).turn:
            session = self._get(session_id)  # the request before this one may have closed it
            try:
                yield session
            finally:
                session.last_used = self._clock()

    def close(self, session: Session) -> None:
        self._sessions.pop(session.id, None)

    def _get(self, session_id: str) -> Session:
        self._drop_expired()
        try:
            return self._sessions[session_id]
        except KeyError:
            raise DeadSession(
                f"Session {session_id[:64]!r} is not alive: it was closed, was left alone for more than "
                f"{self._idle_seconds:g} seconds, or this endpoint was restarted. Start one with NEW_SESSION."
            ) from None

    def _drop_expired(self) -> None:
        now, today = self._clock(), datetime.now(UTC)
        for session in list(self._sessions.values()):
            idle = now - session.last_used > self._idle_seconds and not session.turn.locked()
            if idle or today > session.expires:
                self.close(session)
