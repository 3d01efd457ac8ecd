"""The one table of boxes over time that everything reads and writes: labels, tracker output, overlays, scores."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bytetrack.files import write_atomically


@dataclass(frozen=True)
class Tracks:
    """Boxes of one video, one row per box, sorted by frame and then by id.

    Attributes:
        frame: `(N,)` int64, frame numbers from 0 in the order in which a decoder gives them.
        id: `(N,)` int64, at least 1; the same object keeps its id through the video.
        xyxy: `(N, 4)` float64, left, top, right, bottom in pixels of the displayed (rotated) frame.
        score: `(N,)` float64 in 0..1; labels have 1.
        class_id: `(N,)` int64, index into `classes`.
        classes: the names of the classes.

    Raises:
        ValueError: naming the field, if lengths differ, a class is unknown or a box is not finite.
    """

    frame: np.ndarray
    id: np.ndarray
    xyxy: np.ndarray
    score: np.ndarray
    class_id: np.ndarray
    classes: tuple[str, ...] = field(default=("object",))

    def __post_init__(self) -> None:
        columns = {
            "frame": np.asarray(self.frame, np.int64).reshape(-1),
            "id": np.asarray(self.id, np.int64).reshape(-1),
            "xyxy": np.asarray(self.xyxy, np.float64).reshape(-1, 4),
            "score": np.asarray(self.score, np.float64).reshape(-1),
            "class_id": np.asarray(self.class_id, np.int64).reshape(-1),
        }
        count = len(columns["frame"])
        for name, column in columns.items():
            if len(column) != count:
                raise ValueError(f"{name} has {len(column)} rows where frame has {count}")
        if not np.isfinite(columns["xyxy"]).all():
            raise ValueError("xyxy holds a number that is not finite")
        if count and (columns["frame"].min() < 0 or columns["id"].min() < 1):
            raise ValueError("frame counts from 0 and id from 1")
        if count and not 0 <= columns["class_id"].min() <= columns["class_id"].max() < len(self.classes):
            raise ValueError(f"class_id names a class beyond the {len(self.classes)} in classes")
        order = np.lexsort((columns["id"], columns["frame"]))
        for name, column in columns.items():
            object.__setattr__(self, name, column[order])
        object.__setattr__(self, "classes", tuple(self.classes))

    @classmethod
    def empty(cls, classes: Sequence[str] = ("object",)) -> Tracks:
        return cls(np.empty(0), np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0), tuple(classes))

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, keep: np.ndarray) -> Tracks:
        """The rows that the boolean `(N,)` mask or index array `keep` picks."""
        return Tracks(
            self.frame[keep], self.id[keep], self.xyxy[keep], self.score[keep], self.class_id[keep], self.classes
        )

    def at(self, frame: int) -> Tracks:
        """The boxes of one frame."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return self.select(np.arange(first, last))

    def between(self, start: int, stop: int) -> Tracks:
        """The boxes of frames `start <= frame < stop`, renumbered so that `start` becomes frame 0."""
        part = self.select((self.frame >= start) & (self.frame < stop))
        return part.shifted(-start)

    def shifted(self, frames: int) -> Tracks:
        """The same boxes with every frame number moved by `frames`."""
        return Tracks(self.frame + frames, self.id, self.xyxy, self.score, self.class_id, self.classes)

    def rows(self) -> Iterator[dict]:
        """One plain dictionary per box, as JSON and CSV hold it."""
        for frame, number, box, score, class_id in zip(
            self.frame.tolist(), self.id.tolist(), self.xyxy.tolist(), self.score.tolist(), self.class_id.tolist()
        ):
            yield {
                "frame": frame,
                "id": number,
                "xyxy": [round(value, 2) for value in box],
                "score": round(score, 4),
                "class_id": class_id,
            }

    def to_json(self) -> dict:
        return {"classes": list(self.classes), "tracks": list(self.rows())}

    @classmethod
    def from_json(cls, document: dict) -> Tracks:
        """Read what `to_json` gave.

        Raises:
            ValueError: naming the missing or malformed field.
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
            raise ValueError(f"not a tracks document: {error!r}") from error

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps(self.to_json(), separators=(",", ":")).encode())

    @classmethod
    def load(cls, path: Path) -> Tracks:
        return cls.from_json(json.loads(Path(path).read_bytes()))
