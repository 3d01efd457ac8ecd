"""MOTChallenge text files of ground truth, tracks and detections.

Each line is a box: `frame,id,left,top,width,height,score,class,visibility`. Frames count from 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bytetrack.arrays import BoolArray, FloatArray, IntArray
from bytetrack.files import write_atomically
from bytetrack.tracks import Tracks

MAX_INTEGER = 2**53  # Numbers are parsed as floats, which cannot represent every larger integer.
MAX_FRAMES = 10_000_000  # Four days of video at 30 frames per second.
MAX_CLASSES = 1000  # Every class number gets a name, so a typing error must not exhaust the memory.
MIN_COLUMNS = 6
DEFAULT_CLASSES = ("object",)  # The classes of a file in which no box has a class.
NO_CLASS = "no class"  # The class of boxes without a class in a file in which other boxes have one.
UNKNOWN = -1  # In the columns id, score and class.


class LabelFile(NamedTuple):
    """A file of ground truth.

    Attributes:
        tracks: Boxes whose score is not 0.
        untracked: Number of boxes in `tracks` that had id -1 in the file. Each has an id of its own.
        ignored: Number of rows with score 0, which are not in `tracks`.
    """

    tracks: Tracks
    untracked: int
    ignored: int


class DetectionFile(NamedTuple):
    """A file of detections, in the order of frames and, within a frame, of lines.

    Attributes:
        frame: `(N,)` int64, from 0.
        xyxy: `(N, 4)` float64 in pixels.
        scores: `(N,)` float64, clipped to 0..1; 1 if the file has no score column.
        class_ids: `(N,)` int64 indices into `class_numbers`.
        class_numbers: Numbers of the classes in the class column, -1 for boxes without a class.
    """

    frame: IntArray
    xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray
    class_numbers: list[int]


def read(path: Path | str, classes: Sequence[str] | None = None, *, skip_ignored: bool = True) -> Tracks:
    """Read ground truth or tracks.

    Columns are separated by commas or blanks; the first six are required. Boxes without area are kept, as in TrackEval.
    If the smallest id is 0, all ids are raised by 1, because ids of `Tracks` count from 1. Negative scores mean unknown
    and become 1.

    Class numbers count from 1, or from 0 if the column contains a 0, as Ultralytics and BoxMOT write it. Class -1 means
    that a box has no class: if that holds for all boxes, they are of the first class, otherwise of an additional class
    `NO_CLASS`. MOT15 files have a position in meters in the class column and the two after it. They are recognized by
    numbers that cannot be classes, and all their boxes are of the first class.

    Args:
        path: File to read.
        classes: Class names in the order of their numbers. If omitted, the classes are called "class 1", "class 2", …
            ("class 0", … if they count from 0), or `DEFAULT_CLASSES` if no box has a class.
        skip_ignored: Whether to skip rows with score 0, which mark objects in ground truth that are not scored.

    Raises:
        ValueError: If a line is malformed. The message names the line and what is wrong with it.
    """
    return _read(Path(path), classes, skip_ignored=skip_ignored, allow_untracked=False).tracks


def read_labels(path: Path | str) -> LabelFile:
    """Read ground truth as `read` does, but accept boxes with id -1, which belong to no track.

    Each of them becomes a track of one box, with an id after those of the file's tracks.

    Raises:
        ValueError: If a line is malformed. The message names the line and what is wrong with it.
    """
    return _read(Path(path), None, skip_ignored=True, allow_untracked=True)


def read_detections(path: Path | str) -> DetectionFile:
    """Read detections. Ids are ignored; classes are read as `read` does.

    Raises:
        ValueError: If a line is malformed. The message names the line and what is wrong with it.
    """
    path = Path(path)
    frames: list[int] = []
    boxes: list[list[float]] = []
    for line_number, cells in _lines(path):
        with _line_in_errors(path, line_number):
            frame, _, box = _parse(cells)
            if frame > MAX_FRAMES:
                raise ValueError(f"frame {cells[0]}, but a video has at most {MAX_FRAMES:,} frames")
        frames.append(frame)
        boxes.append(box)
    xyxy, scores, class_column = _columns(boxes)
    order = np.argsort(np.array(frames, np.int64), kind="stable")
    class_ids, class_numbers = _index_classes(class_column, np.ones(len(class_column), bool))
    frame_numbers = np.array(frames, np.int64)[order] - 1
    return DetectionFile(frame_numbers, xyxy[order], scores.clip(0, 1)[order], class_ids[order], class_numbers)


def write(tracks: Tracks, path: Path | str, *, numbers: Sequence[int] | None = None) -> None:
    """Write `frame,id,left,top,width,height,score,class,-1,-1` per box, with pixels rounded to two decimals.

    Args:
        tracks: Boxes to write.
        path: File to write, atomically.
        numbers: Numbers of the classes in the class column. If omitted, they count from 1.
    """
    numbers = range(1, len(tracks.classes) + 1) if numbers is None else numbers
    lines = [
        f"{row['frame'] + 1},{row['id']},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
        f"{row['score']},{numbers[row['class_id']]},-1,-1\n"
        for row in tracks.rows()
        for x1, y1, x2, y2 in [row["xyxy"]]
    ]
    write_atomically(Path(path), "".join(lines).encode())


def class_name(number: int) -> str:
    """Return the name of a class that has only a number in the file."""
    return f"class {number}"


def class_numbers(tracks: Tracks) -> IntArray:
    """Return the `(N,)` class numbers of boxes that `read` returned without class names, -1 for those without class."""
    numbers = [int(name.rpartition(" ")[2]) if name.startswith("class ") else UNKNOWN for name in tracks.classes]
    return np.array(numbers, np.int64)[tracks.class_id]


def _read(path: Path, classes: Sequence[str] | None, *, skip_ignored: bool, allow_untracked: bool) -> LabelFile:
    untracked_boxes: list[tuple[int, list[float]]] = []  # frame and box
    boxes: dict[tuple[int, int], list[float]] = {}  # (frame, id) → box
    for line_number, cells in _lines(path):
        with _line_in_errors(path, line_number):
            frame, object_id, box = _parse(cells)
            if allow_untracked and object_id == UNKNOWN:
                untracked_boxes.append((frame, box))
                continue
            if not object_id.is_integer() or not 0 <= object_id <= MAX_INTEGER:
                raise ValueError(
                    f"id {cells[1]}, but ids of tracks are whole numbers from 0 (-1 marks detections, not tracks)"
                )
            if (frame, int(object_id)) in boxes:
                raise ValueError(f"object {int(object_id)} appears twice in frame {frame}")
            boxes[frame, int(object_id)] = box
    first_untracked_id = max((object_id for _, object_id in boxes), default=0) + 1
    boxes |= {(frame, first_untracked_id + k): box for k, (frame, box) in enumerate(untracked_boxes)}

    frames, ids = np.array(list(boxes), np.int64).reshape(-1, 2).T
    xyxy, score, class_column = _columns(list(boxes.values()))
    selected = (score != 0) | (not skip_ignored)
    class_id, numbers = _index_classes(class_column, selected)
    class_names = _name_classes(path, numbers, classes)
    if class_names[-1] == NO_CLASS:  # `NO_CLASS` comes after all names, also those of classes that do not occur.
        class_id[class_id == len(numbers) - 1] = len(class_names) - 1
    tracks = Tracks(
        frame=frames[selected] - 1,
        id=ids[selected] + (ids.min(initial=1) == 0),
        xyxy=xyxy[selected],
        score=np.where(score < 0, 1, score.clip(0, 1))[selected],
        class_id=class_id[selected],
        classes=class_names,
    )
    untracked = int((ids[selected] >= first_untracked_id).sum())
    return LabelFile(tracks, untracked, ignored=int((~selected).sum()))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not MOTChallenge text: it is a binary file.") from error
    for line_number, line in enumerate(lines, 1):
        if cells := line.replace(",", " ").split():
            yield line_number, cells


@contextmanager
def _line_in_errors(path: Path, line_number: int) -> Iterator[None]:
    """Prepend the file and the line number to the message of a `ValueError`."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path.name}, line {line_number}: {error}.") from error


def _parse(cells: list[str]) -> tuple[int, float, list[float]]:
    """Return the frame, the id and [left, top, width, height, score, class] of one line."""
    if len(cells) < MIN_COLUMNS:
        raise ValueError(
            f"{len(cells)} columns, but at least {MIN_COLUMNS} are needed (frame, id, left, top, width, height)"
        )
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        raise ValueError("a column is not a number") from None
    if not all(map(math.isfinite, values)):
        raise ValueError("a column is not a finite number")
    frame, object_id, left, top, width, height = values[:MIN_COLUMNS]
    if not frame.is_integer() or not 1 <= frame <= MAX_INTEGER:
        raise ValueError(f"frame {cells[0]}, but frames are whole numbers from 1")
    score = values[6] if len(values) > 6 else 1.0
    class_number = values[7] if len(values) > 7 else float(UNKNOWN)
    if class_number > MAX_CLASSES:
        raise ValueError(f"class {cells[7]}, but class numbers go up to {MAX_CLASSES:,}")
    return int(frame), object_id, [left, top, width, height, score, class_number]


def _columns(boxes: list[list[float]]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convert N boxes of `_parse` to `(N, 4)` xyxy, `(N,)` scores and the `(N,)` class column."""
    left, top, width, height, score, class_column = np.array(boxes, np.float64).reshape(-1, 6).T
    return np.stack([left, top, left + width, top + height], axis=1), score, class_column


def _contains_classes(class_column: FloatArray) -> bool:
    """Return whether the `(N,)` column contains class numbers: whole numbers from 0, or -1 for boxes without class."""
    is_class_or_unknown = (class_column >= UNKNOWN) & (class_column == np.floor(class_column))
    return bool(is_class_or_unknown.all() and (class_column >= 0).any())


def _index_classes(class_column: FloatArray, selected: BoolArray) -> tuple[IntArray, list[int]]:
    """Assign class indices to the numbers in the `(N,)` class column.

    Args:
        class_column: `(N,)` class numbers.
        selected: `(N,)` mask of the rows that determine which classes exist. VisDrone, for example, writes class 0 with
            score 0 for regions to ignore.

    Returns:
        `(N,)` class indices, which are arbitrary for rows that are not selected, and the class number of each index.
    """
    if not (_contains_classes(class_column) and _contains_classes(class_column[selected])):
        return np.zeros(len(class_column), np.int64), [UNKNOWN]
    first = 0 if (class_column[selected] == 0).any() else 1
    class_id = np.where(selected & (class_column >= first), class_column - first, 0).astype(np.int64)
    numbers = [first + k for k in range(int(class_id.max()) + 1)]
    without_class = selected & (class_column == UNKNOWN)
    if without_class.any():
        class_id[without_class] = len(numbers)
        numbers.append(UNKNOWN)
    return class_id, numbers


def _name_classes(path: Path, numbers: list[int], names: Sequence[str] | None) -> tuple[str, ...]:
    """Return a name for each class number.

    Args:
        path: File that the numbers come from, for the error message.
        numbers: Class numbers in ascending order; -1, if there is one, comes last.
        names: Names of the classes from the lowest number on, if given by the user.

    Raises:
        ValueError: If there are fewer names than classes.
    """
    without_unknown = [number for number in numbers if number != UNKNOWN]
    if not without_unknown:
        return tuple(names or DEFAULT_CLASSES)
    if names is None:
        names = [class_name(number) for number in without_unknown]
    elif len(without_unknown) > len(names):
        raise ValueError(
            f"{path.name} has class {without_unknown[-1]}, but only {len(names)} are named: {list(names)}."
        )
    return tuple(names) if len(without_unknown) == len(numbers) else (*names, NO_CLASS)
