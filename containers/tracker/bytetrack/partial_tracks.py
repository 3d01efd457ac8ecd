"""The tracks of a video that is still being tracked: a file that grows about once a second, and how to read it.

Each line of the file is a JSON object with the number of `frames` done so far, and `classes` and `tracks` as in
`Tracks.to_json`, with the boxes since the line before. Refinement, which needs the whole video, comes later: it removes
short tracks and smooths boxes.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bytetrack.tracks import Tracks

PARTIAL_SUFFIX = ".partial.jsonl"
SECONDS_BETWEEN_LINES = 1.0


class PartialTracksWriter:
    """Writes the file. As a context manager, it deletes the file at the end, when the complete tracks replace it.

    Args:
        path: The file, which is replaced if it exists.
        seconds_between_lines: Minimum time between two lines.
    """

    def __init__(self, path: Path, seconds_between_lines: float = SECONDS_BETWEEN_LINES) -> None:
        self._path = path
        self._seconds_between_lines = seconds_between_lines
        self._frames = 0
        self._rows: list[dict[str, Any]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._last_written = time.monotonic()

    def add_frame(self, tracks: Tracks) -> None:
        """Add the tracks of the next frame."""
        self.add(1, tracks)

    def add(self, frames: int, tracks: Tracks) -> None:
        """Add the tracks of the next `frames` frames."""
        self._frames += frames
        self._rows += tracks.rows()
        now = time.monotonic()
        if now - self._last_written < self._seconds_between_lines:
            return
        line = {"frames": self._frames, "classes": tracks.classes, "tracks": self._rows}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()
        self._rows, self._last_written = [], now

    def __enter__(self) -> PartialTracksWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class PartialTracksReader:
    """Reads the file while it grows; each call of `read` parses only the lines that are new.

    Args:
        path: The file. It need not exist yet, and may be deleted meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._frames = 0
        self._parts: list[Tracks] = []

    def read(self) -> tuple[int, Tracks]:
        """Return the number of frames done so far, and their tracks."""
        for line in self._new_lines():
            document = json.loads(line)
            self._frames = int(document["frames"])
            self._parts.append(Tracks.from_json(document))
        if len(self._parts) > 1:
            self._parts = [_concatenate(self._parts)]
        return self._frames, self._parts[0] if self._parts else Tracks.empty()

    def _new_lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return []
        complete = text[: text.rfind(b"\n") + 1]  # the last line may be half written
        self._offset += len(complete)
        return complete.splitlines()


def _concatenate(parts: list[Tracks]) -> Tracks:
    return Tracks(
        frame=np.concatenate([part.frame for part in parts]),
        id=np.concatenate([part.id for part in parts]),
        xyxy=np.concatenate([part.xyxy for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        class_id=np.concatenate([part.class_id for part in parts]),
        classes=parts[-1].classes,
    )
