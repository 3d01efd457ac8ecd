"""The options of the program `serve`, which environment variables set."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How to serve a model.

    Attributes:
        host: Address to listen on.
        port: Port to listen on.
        max_body_bytes: Largest accepted request body.
        max_sessions: Maximum number of sessions at a time.
        session_idle_seconds: Seconds without a request after which a session ends.
        session_lifetime_seconds: Seconds after which a session ends in any case.
    """

    host: str = "0.0.0.0"  # clients are outside of the container
    port: int = 8080
    max_body_bytes: int = 1024**3
    max_sessions: int = 256
    session_idle_seconds: int = 15 * 60
    session_lifetime_seconds: int = 12 * 60 * 60

    @classmethod
    def from_environment(cls) -> Options:
        """Read the options from environment variables.

        The variables are `BYTETRACK_HOST`, `SAGEMAKER_BIND_TO_PORT`, `BYTETRACK_MAX_BODY_BYTES`,
        `BYTETRACK_MAX_SESSIONS`, `BYTETRACK_SESSION_IDLE_SECONDS` and `BYTETRACK_SESSION_LIFETIME_SECONDS`.

        Raises:
            ValueError: If a variable is not a positive whole number. The message names the variable.
        """
        return cls(
            host=os.environ.get("BYTETRACK_HOST", cls.host),
            port=_positive_number("SAGEMAKER_BIND_TO_PORT", cls.port),
            max_body_bytes=_positive_number("BYTETRACK_MAX_BODY_BYTES", cls.max_body_bytes),
            max_sessions=_positive_number("BYTETRACK_MAX_SESSIONS", cls.max_sessions),
            session_idle_seconds=_positive_number("BYTETRACK_SESSION_IDLE_SECONDS", cls.session_idle_seconds),
            session_lifetime_seconds=_positive_number(
                "BYTETRACK_SESSION_LIFETIME_SECONDS", cls.session_lifetime_seconds
            ),
        )


def _positive_number(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"The environment variable {variable} must be a positive whole number, but it is {text!r}.")
    return int(text)
