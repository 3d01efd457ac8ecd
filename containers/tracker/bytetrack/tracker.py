"""ByteTrack (Zhang et al., ECCV 2022): detections in, boxes with lasting ids out, one frame at a time.

Tracks are first matched with the detections of high score; those left over then get a second chance with the
detections of low score, which are mostly objects half hidden behind others. Boxes of different classes never match.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bytetrack import kalman
from bytetrack.matching import assign, overlap

# The paper's constants that need no tuning; the distances are 1 - IoU.
LOW_SCORE = 0.1  # below it a detection is ignored
NEW_TRACK_MARGIN = 0.1  # a new track needs a detection this much above `track_thresh`
SECOND_MATCH = 0.5
UNCONFIRMED_MATCH = 0.7
DUPLICATE = 0.15

# A track that starts is unconfirmed until a second detection matches it; lost ones may come back.
UNCONFIRMED, TRACKED, LOST = range(3)

DETECTION = np.dtype([("xyxy", "f8", 4), ("score", "f8"), ("class_id", "i8")])
TRACK = np.dtype(
    [
        ("id", "i8"),
        ("class_id", "i8"),
        ("status", "i8"),
        ("expired", "?"),
        ("first", "i8"),  # the frame in which it started
        ("last", "i8"),  # the frame of its latest detection
        ("score", "f8"),  # of its latest detection
        ("state", "f8", (5, 4)),  # see `bytetrack.kalman`
    ]
)

# Boxes beyond these are no objects of any picture, and would only bring rounding into the filter.
LARGEST_COORDINATE = 1e6
SMALLEST_SIDE = 1e-2


@dataclass(frozen=True)
class TrackerConfig:
    """The tracker's settings.

    Raises:
        ValueError: naming the setting that is out of its range.
    """

    track_thresh: float = field(
        default=0.5, metadata={"help": "detections above this score are matched first", "min": 0.0, "max": 1.0}
    )
    match_thresh: float = field(
        default=0.8, metadata={"help": "how far (1 - IoU × score) a match may be", "min": 0.0, "max": 1.0}
    )
    track_buffer: int = field(
        default=30, metadata={"help": "frames, at 30 per second, that a lost track is kept", "min": 0, "max": 10_000}
    )
    frame_rate: float = field(default=30.0, metadata={"help": "frames per second", "min": 0.01, "max": 1000.0})
    min_box_area: float = field(
        default=0.0, metadata={"help": "smaller tracks are not reported (pixels²)", "min": 0.0, "max": 1e9}
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, low, high = getattr(self, setting.name), setting.metadata["min"], setting.metadata["max"]
            if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
                raise ValueError(f"{setting.name} is {value}, but must be a number from {low:g} to {high:g}.")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> TrackerConfig:
        """From names and numbers, or numbers as text; settings that are not named keep their defaults.

        Raises:
            ValueError: naming a setting that is unknown, is no number, or is out of its range.
        """
        known: dict[str, type] = {setting.name: type(setting.default) for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"The tracker has no setting {name!r}; it has {', '.join(known)}.")
            try:
                values[name] = known[name](float(value))
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f"{name} is {value!r}, but must be a number.") from None
        return cls(**values)

    @property
    def buffer(self) -> int:
        """How many frames a lost track is kept; one lost just now is never too old."""
        return max(int(self.frame_rate / 30 * self.track_buffer), 1)


class ByteTracker:
    """Follows the objects of one video; `update` takes its frames in order.

    Ids count from 1 in the order in which tracks start, over all classes. The same input gives the same output.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of another video."""
        self.frame = 0
        self.last_id = 0
        self.tracks = np.empty(0, TRACK)

    def update(
        self, xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Go one frame on, with its detections (`N` may be 0).

        Args:
            xyxy: `(N, 4)` left, top, right, bottom in pixels. Boxes that are not finite, or empty, are ignored.
            scores: `(N,)` in 0..1; those that are not finite are ignored.
            class_ids: `(N,)` integers.

        Returns:
            The objects in view, sorted by id: their boxes `(M, 4)` float64 as the filter sees them now, which may reach
            beyond the picture; their ids `(M,)` int64, the scores of their detections `(M,)` float64, and their
            classes `(M,)` int64.

        Raises:
            ValueError: naming the argument whose shape is wrong.
        """
        self.frame += 1
        detections = _detections(xyxy, scores, class_ids)
        score, threshold = detections["score"], self.config.track_thresh
        high = detections[score > threshold]
        low = detections[(score > LOW_SCORE) & (score < threshold)]

        self._predict()
        high = self._match(self._confirmed(), high, self.config.match_thresh, by_score=True)
        self._match(self._unmatched(TRACKED), low, SECOND_MATCH, by_score=False)
        self._lose()
        high = self._match(self._unmatched(UNCONFIRMED), high, UNCONFIRMED_MATCH, by_score=True)
        self._drop(self._unmatched(UNCONFIRMED))
        self._start(high[high["score"] >= threshold + NEW_TRACK_MARGIN])
        self._expire()
        self._drop_duplicates()
        return self._in_view()

    def _predict(self) -> None:
        """Move every confirmed track one frame on. Lost ones no longer grow or shrink: nothing would correct them."""
        rows = self._confirmed()
        state = self.tracks["state"][rows]
        state[self.tracks["status"][rows] == LOST, kalman.VELOCITY, kalman.HEIGHT] = 0
        self.tracks["state"][rows] = kalman.predict(state)

    def _match(self, rows: np.ndarray, detections: np.ndarray, limit: float, *, by_score: bool) -> np.ndarray:
        """Match and update the tracks in `rows`; returns the detections left over.

        `by_score` makes an overlap count for as much as the detector believes in the detection.
        """
        tracks = self.tracks[rows]
        similarity = _overlap_in_class(kalman.to_xyxy(tracks["state"]), tracks, detections["xyxy"], detections)
        if by_score:
            similarity *= detections["score"]
        matched, chosen = assign(1 - similarity, limit)

        rows, found = rows[matched], detections[chosen]
        self.tracks["state"][rows] = kalman.update(tracks["state"][matched], kalman.to_xyah(found["xyxy"]))
        self.tracks["score"][rows] = found["score"]
        self.tracks["status"][rows] = TRACKED
        self.tracks["last"][rows] = self.frame
        return np.delete(detections, chosen)

    def _lose(self) -> None:
        self.tracks["status"][self._unmatched(TRACKED)] = LOST

    def _start(self, detections: np.ndarray) -> None:
        """New tracks; in the first frame there is nothing to wait for, so they count at once."""
        new = np.zeros(len(detections), TRACK)
        new["id"] = self.last_id + 1 + np.arange(len(new))
        new["class_id"] = detections["class_id"]
        new["status"] = TRACKED if self.frame == 1 else UNCONFIRMED
        new["first"] = new["last"] = self.frame
        new["score"] = detections["score"]
        new["state"] = kalman.initiate(kalman.to_xyah(detections["xyxy"]))
        self.last_id += len(new)
        self.tracks = np.concatenate([self.tracks, new])

    def _expire(self) -> None:
        """Drop what was lost for too long.

        As in the authors' implementation, an expired track can still be found in the one frame that follows; if it is,
        it goes as soon as it is lost again.
        """
        self._drop(np.flatnonzero((self.tracks["status"] == LOST) & self.tracks["expired"]))
        self.tracks["expired"] |= self.frame - self.tracks["last"] > self.config.buffer

    def _drop_duplicates(self) -> None:
        """Of a track and a lost one at the same place, the one that was followed for longer stays."""
        lost = self.tracks["status"] == LOST
        boxes = kalman.to_xyxy(self.tracks["state"])
        present, gone = np.flatnonzero(~lost), np.flatnonzero(lost)
        distance = 1 - _overlap_in_class(boxes[present], self.tracks[present], boxes[gone], self.tracks[gone])
        pairs = np.nonzero(distance < DUPLICATE)
        a, b = present[pairs[0]], gone[pairs[1]]
        age = self.tracks["last"] - self.tracks["first"]
        self._drop(np.where(age[a] > age[b], b, a))

    def _in_view(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        tracks = self.tracks[self.tracks["status"] == TRACKED]
        tracks = tracks[np.argsort(tracks["id"])]
        boxes = kalman.to_xyxy(tracks["state"])
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        shown = (width > 0) & (height > 0) & (width * height >= self.config.min_box_area)
        tracks = tracks[shown]
        return boxes[shown], tracks["id"].copy(), tracks["score"].copy(), tracks["class_id"].copy()

    def _confirmed(self) -> np.ndarray:
        return np.flatnonzero(self.tracks["status"] != UNCONFIRMED)

    def _unmatched(self, status: int) -> np.ndarray:
        """Rows of the tracks with this status that no detection of this frame matched yet."""
        return np.flatnonzero((self.tracks["status"] == status) & (self.tracks["last"] < self.frame))

    def _drop(self, rows: np.ndarray) -> None:
        self.tracks = np.delete(self.tracks, rows)


def _detections(xyxy: ArrayLike, scores: ArrayLike, class_ids: ArrayLike) -> np.ndarray:
    """The detections as one `(N,)` array of `DETECTION`, without the boxes that can be no object."""
    boxes, score, class_id = np.asarray(xyxy, np.float64), np.asarray(scores, np.float64), np.asarray(class_ids)
    if score.ndim != 1:
        raise ValueError(f"scores has the shape {score.shape}, but must be one-dimensional.")
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)  # an empty list has no second dimension
    for name, array, shape in (("xyxy", boxes, (len(score), 4)), ("class_ids", class_id, (len(score),))):
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, but must have {shape} to go with scores.")

    detections = np.empty(len(score), DETECTION)
    detections["xyxy"], detections["score"], detections["class_id"] = boxes, score, class_id
    in_range = (np.abs(boxes) <= LARGEST_COORDINATE).all(axis=1) & np.isfinite(score)  # False for NaN
    detections = detections[in_range]
    sides = detections["xyxy"][:, 2:] - detections["xyxy"][:, :2]
    return detections[(sides >= SMALLEST_SIDE).all(axis=1)]


def _overlap_in_class(a: np.ndarray, of_a: np.ndarray, b: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    """`(N, M)` overlap of boxes, 0 where the classes of the rows that they belong to differ.

    The authors' overlap counts corners as pixels of the box (`border=1`).
    """
    return overlap(a, b, border=1) * (of_a["class_id"][:, None] == of_b["class_id"])
