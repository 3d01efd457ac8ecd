"""Endpoints of this machine: long-lived `serve` processes on free loopback ports, with a queue on disk in front of
the asynchronous ones."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from backend.errors import UserError
from backend.jobs import processes
from backend.platforms.base import Answer, EndpointState
from backend.platforms.local import programs
from backend.progress import Progress

START_SECONDS = 120
ANSWER_SECONDS = 60  # SageMaker's limit for a real-time answer
HEADER = "X-Amzn-SageMaker-"
STARTER = "starter.json"  # in an endpoint's folder: the process that starts it

_clients: dict[int, httpx.Client] = {}  # by port: a connection is opened once, not for every request


def start(endpoints: Path, model: Path, mode: str) -> dict:
    """Start an endpoint in a folder of its own below `endpoints`."""
    folder = _new_folder(endpoints)
    programs.link(model, folder / "model")
    port = _free_port()
    if mode == "async":
        for queue in ("input", "output", "failure"):
            (folder / queue).mkdir()
        command = [sys.executable, "-m", "backend.platforms.local.queue", str(folder), str(port)]
    else:
        command = programs.program("serve")
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=programs.environment(folder, SAGEMAKER_BIND_TO_PORT=str(port), BYTETRACK_HOST="127.0.0.1"),
            cwd=Path(__file__).resolve().parents[3],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    processes.reap_later(process)
    return {
        "folder": str(folder),
        "port": port,
        "pid": process.pid,
        "pid_started": processes.start_id(process.pid),
        "mode": mode,
    }


def state(ref: dict) -> EndpointState:
    """Alive is the process that was started and answers `/ping`; a port that somebody else has now does not count."""
    where = f"http://127.0.0.1:{ref['port']}"
    since = processes.start_time(ref["pid"])
    if since is None or not processes.is_alive(ref["pid"], ref["pid_started"]):
        return EndpointState("gone", "Its process is gone: it was killed, or the machine was restarted.", where=where)
    if answers_ping(ref["port"]):
        return EndpointState("in service", "", since, where=where)
    if time.time() - since > START_SECONDS:
        return EndpointState("failed", "Its process runs, but does not answer.", since, where=where)
    return EndpointState("starting", "", since, where=where)


def wait_in_service(ref: dict, progress: Progress) -> None:
    """Wait until it answers, which takes a second or two.

    Raises:
        UserError: with what it printed, if it does not.
    """
    started = time.monotonic()
    while (found := state(ref)).status == "starting":
        waited = time.monotonic() - started
        progress(waited / (waited + 5), "starting the endpoint")
        time.sleep(0.2)
    if found.status != "in service":
        raise UserError(f"The endpoint did not start. It printed: {log(ref, 5) or 'nothing'}")


def stop(ref: dict) -> None:
    processes.ask_to_stop(ref["pid"], ref["pid_started"])
    deadline = time.monotonic() + 15
    while processes.is_alive(ref["pid"], ref["pid_started"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    processes.kill_group(ref["pid"], ref["pid_started"])
    _remove(Path(ref["folder"]))


def sweep(endpoints: Path, recorded: Callable[[], list[dict]]) -> None:
    """End servers that no record names, and those whose queue was killed, which nothing can reach.

    A server is left alone while the process that started it lives, as that one is about to record it.

    Args:
        endpoints: Folder with a subfolder for each endpoint.
        recorded: Returns the refs that records name. It is called once it is known which servers have lost the process
            that started them: what that one recorded until its end counts.
    """
    without_starter = [folder for folder in endpoints.glob("[!.]*") if not _has_starter(folder)]
    refs = [ref for ref in recorded() if "folder" in ref]
    names = {Path(ref["folder"]).name for ref in refs}
    for folder in without_starter:
        if folder.name not in names:
            _remove(folder)
    for ref in refs:
        if not processes.is_alive(ref["pid"], ref["pid_started"]):
            processes.kill_group(ref["pid"], ref["pid_started"])


def log(ref: dict, lines: int) -> str:
    path = Path(ref["folder"]) / "log.txt"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def example(ref: dict) -> str:
    url = f"http://127.0.0.1:{ref['port']}/invocations"
    if ref["mode"] == "async":
        return f"curl {url} -H 'Content-Type: video/mp4' --data-binary @video.mp4   # past the queue"
    return (
        f"curl {url} -H 'Content-Type: image/jpeg' --data-binary @frame.jpg\n\n"
        f"curl -i {url} -H 'X-Amzn-SageMaker-Session-Id: NEW_SESSION' \\\n"
        "     -H 'Content-Type: application/json' -d '{\"frame_rate\": 25}'   # answers with the session's id\n"
        f"curl {url} -H 'X-Amzn-SageMaker-Session-Id: ID' -H 'Content-Type: video/mp4' \\\n"
        "     --data-binary @piece.mp4"
    )


def invoke(ref: dict, body: bytes, content_type: str, session: str | None, attributes: str) -> Answer:
    if not processes.is_alive(ref["pid"], ref["pid_started"]):  # its port may be another endpoint's by now
        raise UserError("The endpoint's process is gone. Start it again on Deploy, then try again.")
    response = post(ref["port"], body, content_type, ANSWER_SECONDS, session, attributes)
    opened = response.headers.get(HEADER + "New-Session-Id")
    return Answer(
        body=response.content,
        new_session=opened.partition(";")[0] if opened else None,
        closed_session=response.headers.get(HEADER + "Closed-Session-Id"),
    )


def post(
    port: int,
    body: bytes | Path,
    content_type: str,
    timeout: float,
    session: str | None = None,
    attributes: str = "",
) -> httpx.Response:
    """`POST /invocations`; a body given as a path is streamed from its file.

    Raises:
        UserError: with the endpoint's own sentence where it refuses, or that it does not answer.
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
                response = client.post("/invocations", content=file, headers=headers, timeout=timeout)
        else:
            response = client.post("/invocations", content=body, headers=headers, timeout=timeout)
    except httpx.TimeoutException as error:
        raise UserError(f"The endpoint did not answer within {timeout:.0f} s. Send less at once.") from error
    except httpx.HTTPError as error:
        raise UserError(
            f"The endpoint does not answer ({str(error) or type(error).__name__}). Look at its state and log on Deploy."
        ) from error
    if response.status_code != 200:
        raise UserError(_sentence(response))
    return response


def answers_ping(port: int) -> bool:
    try:
        return _client(port).get("/ping", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def submit(ref: dict, body: Path, content_type: str, attributes: str) -> str:
    """Put a request into the queue: its body first, then, as one rename, the file that makes it count."""
    folder = Path(ref["folder"]) / "input"
    if not processes.is_alive(ref["pid"], ref["pid_started"]):
        raise UserError("The asynchronous endpoint's process is gone. Start it again on Deploy, then try again.")
    ticket = f"{time.time_ns()}-{secrets.token_hex(4)}"
    programs.link(body, folder / f"{ticket}.body")
    request = {"content_type": content_type, "attributes": attributes}
    temporary = folder / f"{ticket}.part"
    temporary.write_text(json.dumps(request))
    temporary.rename(folder / f"{ticket}.json")
    return ticket


def collect(ref: dict, ticket: str) -> bytes | None:
    folder = Path(ref["folder"])
    failure = folder / "failure" / f"{ticket}.txt"
    if failure.exists():
        reason = failure.read_text()
        failure.unlink()
        raise UserError(reason)
    result = folder / "output" / f"{ticket}.json"
    if result.exists():
        content = result.read_bytes()
        result.unlink()
        return content
    if not processes.is_alive(ref["pid"], ref["pid_started"]):
        raise UserError("The asynchronous endpoint's process is gone. Start it again on Deploy, then try again.")
    return None


def _new_folder(endpoints: Path) -> Path:
    """Make a folder for an endpoint. It names this process as its starter from the moment it can be seen."""
    name = secrets.token_hex(4)
    draft = endpoints / f".{name}"
    programs.write_json(draft / STARTER, processes.this_process())
    return draft.rename(endpoints / name)


def _has_starter(folder: Path) -> bool:
    """Return whether the process that made the folder still lives. Earlier versions did not record it."""
    try:
        starter = json.loads((folder / STARTER).read_text())
    except (OSError, ValueError):
        return False
    return processes.is_alive(starter["pid"], starter["pid_started"])


def _remove(folder: Path) -> None:
    """Kill every process that was started for the folder, and delete it if none is left."""
    if processes.kill_with_variable(programs.BASE_DIR, str(folder)):
        shutil.rmtree(folder, ignore_errors=True)


def _client(port: int) -> httpx.Client:
    if port not in _clients:
        _clients[port] = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    return _clients[port]


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The endpoint answered with status {response.status_code}."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
