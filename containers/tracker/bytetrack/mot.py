"""MOTChallenge text: one box per line, `frame,id,left,top,width,height,score,class,visibility`, frames from 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bytetrack.files import write_atomically
from bytetrack.tracks import Tracks

LARGEST = 2**53  # beyond, numbers read as floats are not exact any more
MOST_FRAMES = 10_000_000  # of a video: four days at 30 per second
MOST_CLASSES = 1000  # each gets a name: a slip of the pen must not fill the memory


def read(path: Path | str, classes: Sequence[str] | None = None, *, truth: bool = True) -> Tracks:
    """Ground truth or tracks; commas or blanks between columns, at least the first six.

    In ground truth, rows with score 0 mark what is not to be counted, and are left out. The class column counts from 1,
    and -1 says unknown, which becomes the first class. In files of MOT15 that column and the two after it hold a
    position in metres instead; a number in it that cannot be a class gives them away, and all boxes are of the first
    class then. A score below 0 says unknown, too, and becomes 1.

    Boxes without an area are kept, as TrackEval scores them, too. Where a file counts ids from 0, every id is raised by
    1, because `Tracks` counts from 1.

    Args:
        classes: names for the numbers of the class column; without it they are called "class 1", "class 2", …, or
            just "object" if there is one only.
        truth: whether the rows with score 0 are left out.

    Raises:
        ValueError: naming the line and what is wrong with it.
    """
    path = Path(path)
    boxes: dict[tuple[int, int], list[float]] = {}  # (frame, id) → left, top, width, height, score, class
    for number, cells in _lines(path):
        with _blaming(path, number):
            frame, identity, box = _parse(cells)
            if not identity.is_integer() or not 0 <= identity <= LARGEST:
                raise ValueError(
                    f"id {cells[1]}, but ids are whole numbers from 0 (-1 marks detections, which are no tracks)"
                )
            if (frame, int(identity)) in boxes:
                raise ValueError(f"object {int(identity)} is in frame {frame} a second time")
        boxes[frame, int(identity)] = box

    frames, ids = np.array(list(boxes), np.int64).reshape(-1, 2).T
    ids = ids + (ids.min(initial=1) == 0)
    xyxy, score, kind = _columns(list(boxes.values()))
    counted = (score != 0) | (not truth)
    class_id = _class_ids(kind)
    if classes is None:
        number_of_classes = int(class_id.max(initial=0)) + 1
        classes = [f"class {k + 1}" for k in range(number_of_classes)] if number_of_classes > 1 else ["object"]
    elif (unnamed := class_id[counted].max(initial=0)) >= len(classes):
        raise ValueError(f"{path.name} holds class {unnamed + 1}, but only {len(classes)} are named: {list(classes)}.")
    return Tracks(
        frame=frames[counted] - 1,
        id=ids[counted],
        xyxy=xyxy[counted],
        score=np.where(score < 0, 1, score.clip(0, 1))[counted],
        class_id=class_id[counted],
        classes=tuple(classes),
    )


def count_ignored(path: Path | str) -> int:
    """Count the rows of ground truth that `read` leaves out, which are those with score 0."""
    return sum(_parse(cells)[2][4] == 0 for _, cells in _lines(Path(path)))


def read_detections(path: Path | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Detections, in the order of their frames and, within a frame, of their lines; ids are ignored.

    Returns:
        `(N,)` int64 frames from 0, `(N, 4)` float64 xyxy in pixels, `(N,)` float64 scores in 0..1 (clipped; 1 where
        there is no such column), and `(N,)` int64 classes from 0, read as `read` does.

    Raises:
        ValueError: naming the line and what is wrong with it.
    """
    path = Path(path)
    frames: list[int] = []
    boxes: list[list[float]] = []
    for number, cells in _lines(path):
        with _blaming(path, number):
            frame, _, box = _parse(cells)
            if frame > MOST_FRAMES:
                raise ValueError(f"frame {cells[0]}, but a video has at most {MOST_FRAMES:,} frames")
        frames.append(frame)
        boxes.append(box)
    xyxy, score, kind = _columns(boxes)
    order = np.argsort(np.array(frames, np.int64), kind="stable")
    return np.array(frames, np.int64)[order] - 1, xyxy[order], score.clip(0, 1)[order], _class_ids(kind)[order]


def write(tracks: Tracks, path: Path | str) -> None:
    """`frame,id,left,top,width,height,score,class,-1,-1` per box: frames, classes from 1, two decimals of a pixel."""
    lines = [
        f"{row['frame'] + 1},{row['id']},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
        f"{row['score']},{row['class_id'] + 1},-1,-1\n"
        for row in tracks.rows()
        for x1, y1, x2, y2 in [row["xyxy"]]
    ]
    write_atomically(Path(path), "".join(lines).encode())


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not MOTChallenge text: it is not text at all.") from error
    for number, line in enumerate(lines, 1):
        if cells := line.replace(",", " ").split():
            yield number, cells


@contextmanager
def _blaming(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path.name}, line {number}: {error}.") from error


def _parse(cells: list[str]) -> tuple[int, float, list[float]]:
    """Frame, id and [left, top, width, height, score, class] of one line."""
    if len(cells) < 6:
        raise ValueError(f"{len(cells)} columns where at least 6 are needed (frame, id, left, top, width, height)")
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        raise ValueError("a column is not a number") from None
    if not all(map(math.isfinite, values)):
        raise ValueError("a column is not a finite number")
    frame, identity, left, top, width, height = values[:6]
    if not frame.is_integer() or not 1 <= frame <= LARGEST:
        raise ValueError(f"frame {cells[0]}, but frames are whole numbers from 1")
    score = values[6] if len(values) > 6 else 1.0
    kind = values[7] if len(values) > 7 else -1.0
    if kind > MOST_CLASSES:
        raise ValueError(f"class {cells[7]}, but there are at most {MOST_CLASSES:,}")
    return int(frame), identity, [left, top, width, height, score, kind]


def _columns(boxes: list[list[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(N, 4)` xyxy, `(N,)` scores and `(N,)` class column of [left, top, width, height, score, class] each."""
    left, top, width, height, score, kind = np.array(boxes, np.float64).reshape(-1, 6).T
    return np.stack([left, top, left + width, top + height], axis=1), score, kind


def _class_ids(kind: np.ndarray) -> np.ndarray:
    """`(N,)` int64 class indices from the `(N,)` float class column."""
    could_be_classes = ((kind == -1) | ((kind >= 1) & (kind == np.floor(kind)))).all()
    return np.where(kind == -1, 0, kind - 1).astype(np.int64) if could_be_classes else np.zeros(len(kind), np.int64)
