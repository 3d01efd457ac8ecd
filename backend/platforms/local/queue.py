"""`python -m backend.platforms.local.queue FOLDER PORT`: SageMaker's part in an asynchronous endpoint, on this machine.

Starts `serve`, hands it the requests in `FOLDER/input` one after another, oldest first, and leaves each answer in
`output` or the sentence that explains a failure in `failure`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from backend.errors import UserError, explain
from backend.jobs.processes import Stopped, stop_on_sigterm
from backend.platforms.local import endpoints, programs
from bytetrack.files import write_atomically

ANSWER_SECONDS = 3600  # SageMaker's limit for an asynchronous answer


def main(folder: Path, port: int) -> int:
    server = subprocess.Popen(programs.program("serve"))  # which gets its folder, address and port from our environment
    try:
        while server.poll() is None:
            waiting = sorted((folder / "input").glob("*.json"))
            if waiting and endpoints.answers_ping(port):
                _answer(folder, port, waiting[0])
            else:
                time.sleep(0.05)
        return server.returncode
    except Stopped:
        return 0
    finally:
        server.terminate()
        server.wait()


def _answer(folder: Path, port: int, request: Path) -> None:
    ticket = request.stem
    body = request.with_suffix(".body")
    try:
        asked = json.loads(request.read_text())
        response = endpoints.post(port, body, asked["content_type"], ANSWER_SECONDS, attributes=asked["attributes"])
        write_atomically(folder / "output" / f"{ticket}.json", response.content)
    except Exception as error:  # one bad request must not end the queue
        if not isinstance(error, UserError):
            print(f"{ticket}: {error!r}", file=sys.stderr, flush=True)
        write_atomically(folder / "failure" / f"{ticket}.txt", explain(error).encode())
    request.unlink()
    body.unlink(missing_ok=True)


if __name__ == "__main__":
    stop_on_sigterm()
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
