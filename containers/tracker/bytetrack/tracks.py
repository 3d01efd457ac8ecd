"""`Tracks`, the table of boxes over time that labels, tracker output, overlays and scores share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytetrack.arrays import BoolArray, FloatArray, IntArray
from bytetrack.files import write_atomically


@dataclass(frozen=True)
class Tracks:
    """Boxes of one video, one row per box, sorted by frame and then by id.

    The constructor converts the columns to these dtypes and sorts the rows.

    Attributes:
        frame: `(N,)` int64 frame numbers, from 0, in the order in which the decoder returns the frames.
        id: `(N,)` int64 object ids, from 1. An object has the same id in all its frames.
        xyxy: `(N, 4)` float64 left, top, right and bottom in pixels of the displayed (rotated) frame.
        score: `(N,)` float64 confidence in 0..1. Labels have score 1.
        class_id: `(N,)` int64 indices into `classes`.
        classes: Class names.

    Raises:
        ValueError: If the columns differ in length, a class does not exist or a coordinate is not finite.
    """

    frame: IntArray
    id: IntArray
    xyxy: FloatArray
    score: FloatArray
    class_id: IntArray
    classes: tuple[str, ...] = field(default=("object",))

    def __post_init__(self) -> None:
        columns: dict[str, NDArray[Any]] = {
            "frame": np.asarray(self.frame, np.int64).reshape(-1),
            "id": np.asarray(self.id, np.int64).reshape(-1),
            "xyxy": np.asarray(self.xyxy, np.float64).reshape(-1, 4),
            "score": np.asarray(self.score, np.float64).reshape(-1),
            "class_id": np.asarray(self.class_id, np.int64).reshape(-1),
        }
        count = len(columns["frame"])
        for name, column in columns.items():
            if len(column) != count:
                raise ValueError(f"The column {name} has {len(column)} rows, but frame has {count}.")
        if not np.isfinite(columns["xyxy"]).all():
            raise ValueError("The column xyxy contains a number that is not finite.")
        if count and (columns["frame"].min() < 0 or columns["id"].min() < 1):
            raise ValueError("Frame numbers must be at least 0 and ids at least 1.")
        if count and not 0 <= columns["class_id"].min() <= columns["class_id"].max() < len(self.classes):
            raise ValueError(f"The column class_id must hold indices into classes, from 0 to {len(self.classes) - 1}.")
        order = np.lexsort((columns["id"], columns["frame"]))
        for name, column in columns.items():
            object.__setattr__(self, name, column[order])
        object.__setattr__(self, "classes", tuple(self.classes))

    @classmethod
    def empty(cls, classes: Sequence[str] = ("object",)) -> Tracks:
        """Return a table without boxes."""
        no_ints = np.empty(0, np.int64)
        return cls(no_ints, no_ints, np.empty((0, 4)), np.empty(0), no_ints, tuple(classes))

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, rows: BoolArray | IntArray) -> Tracks:
        """Return the rows that a boolean `(N,)` mask or an index array selects."""
        return Tracks(
            self.frame[rows], self.id[rows], self.xyxy[rows], self.score[rows], self.class_id[rows], self.classes
        )

    def at(self, frame: int) -> Tracks:
        """Return the boxes of one frame."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return self.select(np.arange(first, last))

    def between(self, start: int, stop: int) -> Tracks:
        """Return the boxes of frames `start` to `stop - 1`, renumbered so that `start` becomes frame 0."""
        return self.select((self.frame >= start) & (self.frame < stop)).shift(-start)

    def shift(self, frames: int) -> Tracks:
        """Return the boxes with `frames` added to every frame number."""
        return Tracks(self.frame + frames, self.id, self.xyxy, self.score, self.class_id, self.classes)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one dictionary per box, rounded to 0.01 pixels, as JSON and CSV files store it."""
        for frame, object_id, box, score, class_id in zip(
            self.frame.tolist(), self.id.tolist(), self.xyxy.tolist(), self.score.tolist(), self.class_id.tolist()
        ):
            yield {
                "frame": frame,
                "id": object_id,
                "xyxy": [round(coordinate, 2) for coordinate in box],
                "score": round(score, 4),
                "class_id": class_id,
            }

    def to_json(self) -> dict[str, Any]:
        """Return the table as a JSON document: the class names, and the rows as `rows` yields them."""
        return {"classes": list(self.classes), "tracks": list(self.rows())}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Tracks:
        """Read a document that `to_json` returned.

        Raises:
            ValueError: If a field is missing or malformed.
        """
        try:
            rows = document["tracks"]
            return cls(
                frame=np.array([row["frame"] for row in rows]),
                id=np.array([row["id"] for row in rows]),
                xyxy=np.array([row["xyxy"] for row in rows]),
                score=np.array([row["score"] for row in rows]),
                class_id=np.array([row["class_id"] for row in rows]),
                classes=tuple(document["classes"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is not a saved table of tracks: {error!r}.") from error

    def save(self, path: Path) -> None:
        """Write the table to a JSON file, atomically. The file says that frames count from 0."""
        document = {"frames_count_from": 0, **self.to_json()}
        write_atomically(path, json.dumps(document, separators=(",", ":")).encode())

    @classmethod
    def load(cls, path: Path) -> Tracks:
        """Read a file that `save` wrote.

        Raises:
            ValueError: If the file is not a saved table.
        """
        return cls.from_json(json.loads(Path(path).read_bytes()))
