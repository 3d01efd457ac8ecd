"""MOTChallenge ground truth: a `gt.txt`, or folders of sequences as the challenge (and CVAT) lays them out."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.errors import UserError
from backend.labels.sequence import MOST_FRAMES, Sequence, find
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


def read(path: Path, classes: list[str] | None = None) -> list[Sequence]:
    """One sequence per `gt.txt`, in the order of their paths.

    Args:
        path: a text file, a sequence's folder (`gt/gt.txt`, `seqinfo.ini`), or a folder of such folders.
        classes: names for the numbers of the class column. Without it they come from a `labels.txt` beside the file
            (CVAT writes it), from the challenge's own list, or are "person" where there is one class only.

    Raises:
        UserError: if there is no such file or it is not MOTChallenge text.
    """
    files = [path] if path.is_file() else find(path, "gt.txt")
    if not files:
        raise UserError(f"{path} holds no gt.txt. Name a MOTChallenge text file or a sequence's folder.")
    return [_read_file(file, classes) for file in files]


def _read_file(path: Path, classes: list[str] | None) -> Sequence:
    try:
        tracks = mot.read(path, classes)
        ignored = mot.count_ignored(path)
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
    if classes is None:
        tracks, notes = _name_classes(tracks, path.parent / "labels.txt", name)
    if ignored:
        rows = f"{ignored:,} row" if ignored == 1 else f"{ignored:,} rows"
        notes.append(f"{rows} with score 0 left out: MOTChallenge marks what is not to be scored this way.")
    labelled, unlabelled_note = _labelled_frames(tracks, info.frames)
    return Sequence(name, tracks, labelled, info.frames, info.size, notes + unlabelled_note)


def _seqinfo(path: Path) -> _Info:
    """Empty where there is no such file, or none that can be understood: it only helps."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8-sig")
        section = parser["Sequence"]
        frames, width, height = (int(section[key]) for key in ("seqLength", "imWidth", "imHeight"))
    except (configparser.Error, KeyError, ValueError, OSError):
        return _Info()
    return _Info(section.get("name", ""), frames if 0 < frames < MOST_FRAMES else None, (width, height))


def _name_classes(tracks: Tracks, names_file: Path, name: str) -> tuple[Tracks, list[str]]:
    """The tracks with only the classes that occur, named, and a note where the names are unknown."""
    used, class_id = np.unique(tracks.class_id, return_inverse=True)
    notes = []
    if names_file.is_file():
        names = names_file.read_text(errors="replace").split("\n")
        names = [line.strip() for line in names if line.strip()]
    elif used.max(initial=0) == 0 or name.upper().startswith("MOT"):
        names = list(MOT17_CLASSES)
    else:
        names = []
        notes = ["The file tells classes by number only, so they are called “class 1”, “class 2”, …"]
    called = [names[k] if k < len(names) else f"class {k + 1}" for k in used.tolist()]
    return replace(tracks, class_id=class_id, classes=tuple(called or ("person",))), notes


def _labelled_frames(tracks: Tracks, frames: int | None) -> tuple[list[int], list[str]]:
    """MOTChallenge labels whole videos, so a frame without a row is empty; but not where most frames have none."""
    with_boxes = np.unique(tracks.frame).tolist()
    last = max(frames or 0, with_boxes[-1] + 1 if with_boxes else 0)
    if 2 * len(with_boxes) >= last:
        return list(range(last)), []
    note = "Most frames have no box, so only those that have one are taken as labelled."
    return with_boxes, [note] if with_boxes else []
