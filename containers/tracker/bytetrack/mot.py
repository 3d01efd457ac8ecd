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
UNNAMED = ("object",)  # the classes of a file that does not tell classes
NO_CLASS = "no class"  # of the boxes without a class in a file that tells the class of others


def read(path: Path | str, classes: Sequence[str] | None = None, *, truth: bool = True) -> Tracks:
    """Ground truth or tracks; commas or blanks between columns, at least the first six.

    In ground truth, rows with score 0 mark what is not to be counted, and are left out. The class column counts from 1,
    or from 0 if it holds a 0, as Ultralytics and BoxMOT write it. -1 says that a box has no class: if no box has one,
    all are of the first class, else these are of a class of their own, `NO_CLASS`. In files of MOT15 that column and
    the two after it hold a position in meters instead; a number in it that cannot be a class gives them away, and all
    boxes are of the first class then. A score below 0 says unknown, too, and becomes 1.

    Boxes without an area are kept, as TrackEval scores them, too. Where a file counts ids from 0, every id is raised by
    1, because `Tracks` counts from 1.

    Args:
        classes: names for the numbers of the class column; without it they are called "class 1", "class 2", …, from
            "class 0" on if the column counts from 0, and `UNNAMED` if no box has a class.
        truth: whether the rows with score 0 are left out.

    Raises:
        ValueError: naming the line and what is wrong with it.
    """
    return _read(Path(path), classes, truth=truth)[0]


def read_labels(path: Path | str) -> tuple[Tracks, int, int]:
    """Return ground truth as `read` does, how many of its boxes have id -1, and how many rows have score 0.

    Id -1 is no track: each of these boxes gets an id of its own, after those of the tracks. Rows with score 0 are not
    among the boxes.
    """
    return _read(Path(path), None, truth=True, untracked=True)


def _read(
    path: Path, classes: Sequence[str] | None, *, truth: bool, untracked: bool = False
) -> tuple[Tracks, int, int]:
    alone: list[tuple[int, list[float]]] = []  # frame and box of each row without a track
    boxes: dict[tuple[int, int], list[float]] = {}  # (frame, id) → left, top, width, height, score, class
    for number, cells in _lines(path):
        with _blaming(path, number):
            frame, identity, box = _parse(cells)
            no_track = untracked and identity == -1
            if not no_track and (not identity.is_integer() or not 0 <= identity <= LARGEST):
                raise ValueError(
                    f"id {cells[1]}, but ids are whole numbers from 0 (-1 marks detections, which are no tracks)"
                )
            if (frame, int(identity)) in boxes:
                raise ValueError(f"object {int(identity)} is in frame {frame} a second time")
        if no_track:
            alone.append((frame, box))
        else:
            boxes[frame, int(identity)] = box
    first_alone = max((identity for _, identity in boxes), default=0) + 1
    boxes |= {(frame, first_alone + index): box for index, (frame, box) in enumerate(alone)}

    frames, ids = np.array(list(boxes), np.int64).reshape(-1, 2).T
    is_alone = ids >= first_alone
    ids = ids + (ids.min(initial=1) == 0)
    xyxy, score, kind = _columns(list(boxes.values()))
    counted = (score != 0) | (not truth)
    class_id, numbers = _classes(kind, counted)
    names = _class_names(path, numbers, classes)
    if names[-1] == NO_CLASS:  # behind all the names, also those of classes that do not occur
        class_id[class_id == len(numbers) - 1] = len(names) - 1
    tracks = Tracks(
        frame=frames[counted] - 1,
        id=ids[counted],
        xyxy=xyxy[counted],
        score=np.where(score < 0, 1, score.clip(0, 1))[counted],
        class_id=class_id[counted],
        classes=names,
    )
    return tracks, int(is_alone[counted].sum()), int((~counted).sum())


def read_detections(path: Path | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Detections, in the order of their frames and, within a frame, of their lines; ids are ignored.

    Returns:
        `(N,)` int64 frames from 0, `(N, 4)` float64 xyxy in pixels, `(N,)` float64 scores in 0..1 (clipped; 1 where
        there is no such column), and `(N,)` int64 classes from 0, read as `read` does.

    Raises:
        ValueError: naming the line and what is wrong with it.
    """
    return read_numbered_detections(path)[:4]


def read_numbered_detections(
    path: Path | str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Return what `read_detections` does and, for each class index, its number in the file, -1 where it has none."""
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
    class_id, numbers = _classes(kind, np.ones(len(kind), bool))
    return np.array(frames, np.int64)[order] - 1, xyxy[order], score.clip(0, 1)[order], class_id[order], numbers


def write(tracks: Tracks, path: Path | str, *, numbers: Sequence[int] | None = None) -> None:
    """`frame,id,left,top,width,height,score,class,-1,-1` per box: frames, classes from 1, two decimals of a pixel.

    Args:
        numbers: What the class column says for each of the classes, if not 1, 2, ….
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
    """Return what a class is called that has only a number in the class column."""
    return f"class {number}"


def class_numbers(tracks: Tracks) -> np.ndarray:
    """Return the `(N,)` int64 class numbers of boxes that `read` gave without names; -1 where there is no class."""
    numbers = [int(name.rpartition(" ")[2]) if name.startswith("class ") else -1 for name in tracks.classes]
    return np.array(numbers, np.int64)[tracks.class_id]


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


def _tells_classes(kind: np.ndarray) -> bool:
    """Return whether the `(N,)` float class column holds classes: whole numbers from 0, or -1 where there is none."""
    return bool(((kind >= -1) & (kind == np.floor(kind))).all() and (kind >= 0).any())


def _classes(kind: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the `(N,)` int64 class indices for the `(N,)` float class column, and the number of each class in it.

    Args:
        counted: `(N,)` bool, the rows that decide which classes there are: VisDrone writes class 0 for regions to
            ignore, with score 0. The indices of the others mean nothing.
    """
    if not (_tells_classes(kind) and _tells_classes(kind[counted])):
        return np.zeros(len(kind), np.int64), [-1]
    first = 0 if (kind[counted] == 0).any() else 1
    class_id = np.where(counted & (kind >= first), kind - first, 0).astype(np.int64)
    numbers = [first + k for k in range(int(class_id.max()) + 1)]
    without = counted & (kind == -1)
    if without.any():
        class_id[without] = len(numbers)
        numbers.append(-1)
    return class_id, numbers


def _class_names(path: Path, numbers: list[int], names: Sequence[str] | None) -> tuple[str, ...]:
    """Return a name for each of the class numbers.

    Args:
        names: Those of the classes from the lowest number on, where they are known.
    """
    told = [number for number in numbers if number != -1]
    if not told:
        return tuple(names or UNNAMED)
    if names is None:
        names = [class_name(number) for number in told]
    elif len(told) > len(names):
        raise ValueError(f"{path.name} holds class {told[-1]}, but only {len(names)} are named: {list(names)}.")
    return tuple(names) if len(told) == len(numbers) else (*names, NO_CLASS)
