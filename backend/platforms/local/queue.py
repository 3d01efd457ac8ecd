"""The queue of an asynchronous endpoint on this machine: `python -m backend.platforms.local.queue FOLDER PORT`.

Starts `serve`, sends it the requests in `FOLDER/input` one at a time, oldest first, and writes each answer to `output`
or an error message to `failure`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from backend.errors import UserError, explain
from backend.jobs.processes import Stopped, stop_on_sigterm
from backend.platforms.local import http, programs
from bytetrack.files import write_atomically

ANSWER_TIMEOUT_SECONDS = 3600  # SageMaker's limit for an asynchronous answer
POLL_SECONDS = 0.05


def main(folder: Path, port: int) -> int:
    """Serve the queue until the process is asked to stop, and return the exit code."""
    server = subprocess.Popen(programs.program("serve"))  # it inherits its folder, address and port as variables
    try:
        while server.poll() is None:
            requests = sorted((folder / "input").glob("*.json"))
            if requests and http.answers_ping(port):
                _answer(folder, port, requests[0])
            else:
                time.sleep(POLL_SECONDS)
        return server.returncode
    except Stopped:
        return 0
    finally:
        server.terminate()
        server.wait()


def _answer(folder: Path, port: int, path: Path) -> None:
    ticket = path.stem
    body = path.with_suffix(".body")
    try:
        request = json.loads(path.read_text())
        content_type, attributes = request["content_type"], request["attributes"]
        response = http.post(port, body, content_type, ANSWER_TIMEOUT_SECONDS, attributes=attributes)
        write_atomically(folder / "output" / f"{ticket}.json", response.content)
    except Exception as error:  # one bad request must not end the queue
        if not isinstance(error, UserError):
            print(f"{ticket}: {error!r}", file=sys.stderr, flush=True)
        write_atomically(folder / "failure" / f"{ticket}.txt", explain(error).encode())
    path.unlink()
    body.unlink(missing_ok=True)


if __name__ == "__main__":
    stop_on_sigterm()
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
