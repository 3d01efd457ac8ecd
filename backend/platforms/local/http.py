"""HTTP requests to a `serve` process on this machine."""

from __future__ import annotations

from pathlib import Path

import httpx

from backend.errors import UserError

HEADER = "X-Amzn-SageMaker-"
PING_TIMEOUT_SECONDS = 2

_clients: dict[int, httpx.Client] = {}  # by port, so that requests to an endpoint share a connection


def answers_ping(port: int) -> bool:
    """Return whether the server at a port is ready for requests."""
    try:
        return _client(port).get("/ping", timeout=PING_TIMEOUT_SECONDS).status_code == 200
    except httpx.HTTPError:
        return False


def post(
    port: int,
    body: bytes | Path,
    content_type: str,
    timeout_seconds: float,
    session: str | None = None,
    attributes: str = "",
) -> httpx.Response:
    """Send `POST /invocations` and return the response.

    Args:
        port: Port of the server.
        body: Body of the request. A file is streamed.
        content_type: MIME type of the body.
        timeout_seconds: Time limit for the answer.
        session: Session id, or `NEW_SESSION`.
        attributes: Value of SageMaker's header `CustomAttributes`.

    Raises:
        UserError: With the server's own message if it refuses the request, or if it does not answer.
    """
    headers = {"Content-Type": content_type}
    if session:
        headers[HEADER + "Session-Id"] = session
    if attributes:
        headers[HEADER + "Custom-Attributes"] = attributes
    client = _client(port)
    try:
        if isinstance(body, Path):
            with body.open("rb") as file:
                response = client.post("/invocations", content=file, headers=headers, timeout=timeout_seconds)
        else:
            response = client.post("/invocations", content=body, headers=headers, timeout=timeout_seconds)
    except httpx.TimeoutException as error:
        raise UserError(
            f"The endpoint did not answer within {timeout_seconds:.0f} s. Send a smaller request."
        ) from error
    except httpx.HTTPError as error:
        raise UserError(
            f"The endpoint does not answer ({str(error) or type(error).__name__}). See its state and log on Deploy."
        ) from error
    if response.status_code != 200:
        raise UserError(_error_message(response))
    return response


def _client(port: int) -> httpx.Client:
    if port not in _clients:
        _clients[port] = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    return _clients[port]


def _error_message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The endpoint answered with status {response.status_code}."
