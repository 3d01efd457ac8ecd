"""The program `serve`: an HTTP server with SageMaker's contract for endpoints.

`GET /ping` answers 200. `POST /invocations` takes an image and answers its detections, or a video and answers its
tracks. Within a stateful session it takes images and short pieces of a video one after another and answers the tracks
of their frames; ids and frame numbers continue through the session.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from bytetrack.detection.detector import Detector
from bytetrack.paths import base_dir
from bytetrack.serving.options import Options
from bytetrack.serving.routes import Service
from bytetrack.tracking.tracker import ByteTracker

KEEP_ALIVE_SECONDS = 75  # longer than the pauses of a client that keeps its connection open
SHUTDOWN_SECONDS = 10


def main() -> int:
    """Load the model from `model/` and serve it until SIGTERM.

    Returns:
        The exit code: 0 after SIGTERM, 1 if the options or the model are invalid.
    """
    try:
        options = Options.from_environment()
        detector = Detector(base_dir() / "model")
    except (OSError, ValueError) as error:
        print(f"serve: {error}", file=sys.stderr, flush=True)
        return 1
    ByteTracker().update([], [], [])  # compiles the tracker now, so that the first session does not wait for it
    service = Service(detector, options)
    config = uvicorn.Config(
        service.app(),
        host=options.host,
        port=options.port,
        access_log=False,  # SageMaker pings every few seconds
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    _Server(config, service.stop).run()
    return 0


class _Server(uvicorn.Server):
    """A uvicorn server that, on SIGTERM, also ends the work in progress."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)


if __name__ == "__main__":
    sys.exit(main())
