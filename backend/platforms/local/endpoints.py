"""Endpoints on this machine: `serve` processes on free ports of 127.0.0.1.

An asynchronous endpoint has a queue on disk in front of its server, see `backend.platforms.local.queue`.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from typing_extensions import override

from backend.errors import UserError
from backend.jobs import processes
from backend.platforms.base import (
    Answer,
    EndpointMode,
    EndpointService,
    EndpointState,
    Example,
    Options,
    SampleFiles,
    Traffic,
)
from backend.platforms.local import http, programs, request_examples
from backend.progress import Progress
from backend.workspace.paths import PROJECT

START_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 15
ANSWER_TIMEOUT_SECONDS = 60  # SageMaker's limit for a real-time answer
STARTER_FILE = "starter.json"  # in an endpoint's folder: the process that starts it


class LocalRef(TypedDict):
    """The `ref` of an endpoint on this machine."""

    folder: str
    port: int
    pid: int  # of the server, or of the queue in front of it
    pid_started: processes.StartId | None
    mode: EndpointMode


class LocalEndpoints(EndpointService[LocalRef]):
    """Implements `backend.platforms.base.EndpointService`, with a subfolder of `folder` for each endpoint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def start(self, name: str, model: Path, mode: EndpointMode, options: Options) -> LocalRef:
        folder = _new_folder(self._folder)
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
                cwd=PROJECT,
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

    @override
    def wait_in_service(self, ref: LocalRef, progress: Progress) -> None:
        started = time.monotonic()
        while (state := self.state(ref)).status == "starting":
            waited = time.monotonic() - started
            progress(waited / (waited + 5), "starting the endpoint")
            time.sleep(0.2)
        if state.status != "in service":
            raise UserError(f"The endpoint did not start. It printed: {self.log(ref, 5) or 'nothing'}")

    @override
    def update(self, ref: LocalRef, model: Path, options: Options) -> LocalRef:
        return self.start("", model, ref["mode"], options)

    @override
    def retire(self, ref: LocalRef, kept: LocalRef) -> None:
        self.delete(ref)  # versions of an endpoint on this machine have nothing in common

    @override
    def state(self, ref: LocalRef) -> EndpointState:
        location = f"http://127.0.0.1:{ref['port']}"
        since = processes.start_time(ref["pid"])
        if since is None or not _is_alive(ref):
            return EndpointState(
                "gone", "Its process is gone: it was killed, or the machine restarted.", location=location
            )
        if http.answers_ping(ref["port"]):
            return EndpointState("in service", "", since, location=location)
        if time.time() - since > START_TIMEOUT_SECONDS:
            return EndpointState("failed", "Its process runs, but does not answer.", since, location=location)
        return EndpointState("starting", "", since, location=location)

    @override
    def traffic(self, ref: LocalRef) -> Traffic | None:
        return None

    @override
    def process_ids(self, ref: LocalRef) -> list[int]:
        return [ref["pid"]] if _is_alive(ref) else []

    @override
    def delete(self, ref: LocalRef) -> None:
        processes.ask_to_stop(ref["pid"], ref["pid_started"])
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while _is_alive(ref) and time.monotonic() < deadline:
            time.sleep(0.1)
        processes.kill_group(ref["pid"], ref["pid_started"])
        _remove(Path(ref["folder"]))

    @override
    def invoke(
        self, ref: LocalRef, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        if not _is_alive(ref):  # another endpoint may have its port by now
            raise UserError("The endpoint's process is gone. Restart it on Deploy, then try again.")
        response = http.post(ref["port"], body, content_type, ANSWER_TIMEOUT_SECONDS, session, attributes)
        new_session = response.headers.get(http.HEADER + "New-Session-Id")
        return Answer(
            body=response.content,
            new_session=new_session.partition(";")[0] if new_session else None,
            closed_session=response.headers.get(http.HEADER + "Closed-Session-Id"),
        )

    @override
    def submit(self, ref: LocalRef, body: Path, content_type: str, attributes: str = "") -> str:
        folder = Path(ref["folder"]) / "input"
        _check_queue_alive(ref)
        ticket = f"{time.time_ns()}-{secrets.token_hex(4)}"
        programs.link(body, folder / f"{ticket}.body")
        request = {"content_type": content_type, "attributes": attributes}
        draft = folder / f"{ticket}.part"
        draft.write_text(json.dumps(request))
        draft.rename(folder / f"{ticket}.json")  # last, because the queue takes a request once this file exists
        return ticket

    @override
    def collect(self, ref: LocalRef, ticket: str) -> bytes | None:
        folder = Path(ref["folder"])
        failure = folder / "failure" / f"{ticket}.txt"
        if failure.exists():
            reason = failure.read_text()
            failure.unlink()
            raise UserError(reason)
        output = folder / "output" / f"{ticket}.json"
        if output.exists():
            content = output.read_bytes()
            output.unlink()
            return content
        _check_queue_alive(ref)
        return None

    @override
    def examples(self, ref: LocalRef, files: SampleFiles) -> list[Example]:
        return request_examples.examples(ref["port"], ref["mode"], files)

    @override
    def log(self, ref: LocalRef, lines: int = 200) -> str:
        path = Path(ref["folder"]) / "log.txt"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def end_unrecorded(self, recorded_refs: Callable[[], list[Mapping[str, Any]]]) -> None:
        """End servers that no record refers to, and servers that are unreachable because their queue was killed.

        A server is left alone while the process that started it lives, because that process is about to record it.

        Args:
            recorded_refs: Returns the refs of all records. It is called after the servers whose starter has ended are
                listed, so that it includes what a starter recorded before its end.
        """
        without_starter = [folder for folder in self._folder.glob("[!.]*") if not _has_starter(folder)]
        refs = recorded_refs()
        recorded_names = {Path(ref["folder"]).name for ref in refs}
        for folder in without_starter:
            if folder.name not in recorded_names:
                _remove(folder)
        for ref in refs:
            if not processes.is_alive(ref["pid"], ref["pid_started"]):
                processes.kill_group(ref["pid"], ref["pid_started"])


def _is_alive(ref: LocalRef) -> bool:
    return processes.is_alive(ref["pid"], ref["pid_started"])


def _check_queue_alive(ref: LocalRef) -> None:
    if not _is_alive(ref):
        raise UserError("The asynchronous endpoint's process is gone. Restart it on Deploy, then try again.")


def _new_folder(endpoints: Path) -> Path:
    """Create an endpoint's folder. It names this process as its starter from the moment it is visible."""
    name = secrets.token_hex(4)
    draft = endpoints / f".{name}"
    programs.write_json(draft / STARTER_FILE, processes.this_process())
    return draft.rename(endpoints / name)


def _has_starter(folder: Path) -> bool:
    """Return whether the process that created the folder is alive. Earlier versions did not record it."""
    try:
        starter = json.loads((folder / STARTER_FILE).read_text())
    except (OSError, ValueError):
        return False
    return processes.is_alive(starter["pid"], starter["pid_started"])


def _remove(folder: Path) -> None:
    """Kill all processes that were started for the folder, and delete it if none is left."""
    if processes.kill_with_variable(programs.BASE_DIR, str(folder)):
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
