"""MOTChallenge ground truth: a `gt.txt`, or folders of sequences as the challenge (and CVAT) lays them out."""

from __future__ import annotations

import configparser
import contextlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.errors import UserError
from backend.labels.label_sequence import MOST_FRAMES, LabelSequence, find, untracked_note
from backend.wording import count
from bytetrack import mot
from bytetrack.tracks import Tracks

MOT17_CLASSES = (
    "person", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person",
    "distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd",
)  # fmt: skip


@dataclass(frozen=True)
class _Info:
    """What a sequence's `seqinfo.ini` tells."""

    name: str = ""
    frames: int | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None


def read(path: Path, classes: list[str] | None = None) -> list[LabelSequence]:
    """One sequence per `gt.txt`, in the order of their paths.

    Args:
        path: a text file, a sequence's folder (`gt/gt.txt`, `seqinfo.ini`), or a folder of such folders.
        classes: names for the numbers of the class column, which counts from 1, or from 0 if it holds a 0. Without it
            they come from a `labels.txt` beside the file (CVAT writes it), from the challenge's own list, or are
            "person" where there is one class only.

    Raises:
        UserError: if there is no such file or it is not MOTChallenge text.
    """
    files = [path] if path.is_file() else find(path, "gt.txt")
    if not files:
        raise UserError(f"{path} holds no gt.txt. Name a MOTChallenge text file or a sequence's folder.")
    return [_read_file(file, classes) for file in files]


def _read_file(path: Path, classes: list[str] | None) -> LabelSequence:
    try:
        tracks, untracked, ignored = mot.read_labels(path)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{error} Is it a MOTChallenge file: frame,id,left,top,width,height,…?") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if len(tracks) and tracks.frame.max() >= MOST_FRAMES:
        raise UserError(
            f"{path.name} holds frame {tracks.frame.max() + 1:,}, which no video has. Check its first column."
        )

    folder = path.parent.parent if path.parent.name == "gt" else path.parent
    info = _seqinfo(folder / "seqinfo.ini")
    name = info.name or (folder.name if path.name == "gt.txt" else path.stem)
    notes: list[str] = []
    if ignored:
        notes.append(
            f"{count(ignored, 'row')} with score 0 left out: MOTChallenge marks what is not to be scored this way."
        )
    if untracked:
        notes.append(untracked_note(untracked, len(tracks)))
    tracks, class_notes = _name_classes(tracks, classes, path, name)
    labeled, unlabeled_note = _labeled_frames(tracks, info.frames)
    return LabelSequence(
        name, tracks, labeled, info.frames, info.size, notes + class_notes + unlabeled_note, fps=info.fps
    )


def _seqinfo(path: Path) -> _Info:
    """Empty where there is no such file, or none that can be understood: it only helps."""
    parser = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, ValueError, OSError):
        parser.read(path, encoding="utf-8-sig")
    if not parser.has_section("Sequence"):
        return _Info()
    section = parser["Sequence"]
    frames, fps = _number(section, "seqLength"), _number(section, "frameRate")
    width, height = _number(section, "imWidth"), _number(section, "imHeight")
    return _Info(
        name=section.get("name", ""),
        frames=int(frames) if frames and 1 <= frames < MOST_FRAMES else None,
        size=(int(width), int(height)) if width and height else None,
        fps=fps,
    )


def _number(section: configparser.SectionProxy, key: str) -> float | None:
    """Return a number above 0, None where there is none."""
    try:
        number = float(section[key])
    except (KeyError, ValueError):
        return None
    return number if 0 < number < math.inf else None


def _name_classes(tracks: Tracks, given: list[str] | None, path: Path, sequence: str) -> tuple[Tracks, list[str]]:
    """Return the tracks with named classes, and notes on names that are not known and on boxes without a class.

    Args:
        tracks: With the classes that `bytetrack.mot` names after their numbers.
        given: Names from the user. Without them only the classes that occur remain.
        path: The file, which may lie beside a `labels.txt`.
        sequence: The name of the sequence, which tells the challenge.

    Raises:
        UserError: If the file has more classes than are named.
    """
    numbers = [] if tracks.classes == mot.DEFAULT_CLASSES else [name for name in tracks.classes if name != mot.NO_CLASS]
    notes = []
    if without := int((tracks.class_id >= len(numbers)).sum()) if numbers else 0:
        boxes = count(without, "box has", "boxes have")
        notes.append(f"{boxes} no class (-1 in the class column): the class “{mot.NO_CLASS}” here.")
    from_zero = numbers[:1] == [mot.class_name(0)]
    if given is not None:
        if len(numbers) > len(given):
            raise UserError(f"{path.name} holds {numbers[-1]}, but only {len(given)} are named: {', '.join(given)}.")
        if from_zero:
            notes.append(f"The class column counts from 0: 0 is “{given[0]}”.")
        kept = np.where(tracks.class_id < max(len(numbers), 1), tracks.class_id, len(given))
        return replace(tracks, class_id=kept, classes=(*given, mot.NO_CLASS) if without else tuple(given)), notes
    names = _known_names(path.parent / "labels.txt", numbers, from_zero, sequence)
    called = (names or ["person"])[:1] if not numbers else [*names[: len(numbers)], *numbers[len(names) :]]
    if without:
        called.append(mot.NO_CLASS)
    if numbers and not names:
        start = 0 if from_zero else 1
        notes.append(
            f"The file tells classes by number only, so they are called “class {start}”, “class {start + 1}”, …"
        )
    if from_zero and not names:
        notes.append(
            "The class column counts from 0. To name the classes, import again with their names in that order."
        )
    used, class_id = np.unique(tracks.class_id, return_inverse=True)
    occurring = tuple(called[k] for k in used.tolist())
    return replace(tracks, class_id=class_id, classes=occurring or ("person",)), notes


def _known_names(file: Path, numbers: list[str], from_zero: bool, sequence: str) -> list[str]:
    """Return names for the classes from the lowest number on, none where nothing tells them."""
    if file.is_file():
        names = file.read_text(errors="replace").split("\n")
        return [line.strip() for line in names if line.strip()]
    if not from_zero and (len(numbers) < 2 or sequence.upper().startswith("MOT")):
        return list(MOT17_CLASSES)
    return []


def _labeled_frames(tracks: Tracks, frames: int | None) -> tuple[list[int], list[str]]:
    """MOTChallenge labels whole videos, so a frame without a row is empty; but not where most frames have none."""
    with_boxes = np.unique(tracks.frame).tolist()
    last = max(frames or 0, with_boxes[-1] + 1 if with_boxes else 0)
    spacing = int(np.gcd.reduce(np.diff(with_boxes))) if len(with_boxes) > 2 else 1
    if 2 * len(with_boxes) >= last and spacing == 1:
        return list(range(last)), []
    most = "Most frames have no box" if spacing == 1 else f"Boxes are {spacing} frames apart"
    note = f"{most}, so only the frames that have one are taken as labeled."
    return with_boxes, [note] if with_boxes else []
