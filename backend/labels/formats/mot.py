"""MOTChallenge ground truth: a `gt.txt`, or folders of sequences as the challenge and CVAT lay them out."""

from __future__ import annotations

import configparser
import contextlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.errors import UserError
from backend.labels.label_files import MAX_FRAMES, find_files, untracked_note
from backend.labels.label_format import LabelFormat, ReadOptions
from backend.labels.label_sequence import LabelSequence
from backend.wording import count
from bytetrack import mot
from bytetrack.tracks import Tracks

GROUND_TRUTH_FILE = "gt.txt"
TEXT_SUFFIXES = (".txt", ".csv")
MOT17_CLASSES = (
    "person",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
    "crowd",
)


@dataclass(frozen=True)
class _SequenceInfo:
    """What the `seqinfo.ini` of a sequence states."""

    name: str = ""
    frames: int | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None


def detect(path: Path) -> Path | None:
    """Return the text file by which a path is recognized, None if there is none."""
    if path.is_file():
        return path if path.suffix.lower() in TEXT_SUFFIXES else None
    return next(iter(find_files(path, GROUND_TRUTH_FILE)), None)


def read(path: Path, classes: list[str] | None = None) -> list[LabelSequence]:
    """Read one sequence per `gt.txt`, in the order of their paths.

    Args:
        path: A text file, the folder of a sequence (`gt/gt.txt`, `seqinfo.ini`), or a folder of such folders.
        classes: Names for the numbers of the class column, which counts from 1, or from 0 if it has a 0. If omitted,
            they come from a `labels.txt` next to the file, as CVAT writes it, or are those of MOT17; the only class
            of a file is "person".

    Raises:
        UserError: If there is no such file or it is not MOTChallenge text.
    """
    files = [path] if path.is_file() else find_files(path, GROUND_TRUTH_FILE)
    if not files:
        raise UserError(f"{path} has no gt.txt. Import a MOTChallenge text file or the folder of a sequence.")
    return [_read_file(file, classes) for file in files]


def _read_file(path: Path, classes: list[str] | None) -> LabelSequence:
    try:
        tracks, untracked, ignored = mot.read_labels(path)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{error} Is it a MOTChallenge file: frame,id,left,top,width,height,…?") from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    if len(tracks) and tracks.frame.max() >= MAX_FRAMES:
        raise UserError(
            f"{path.name} has frame {tracks.frame.max() + 1:,}, which no video has. Check its first column."
        )
    folder = path.parent.parent if path.parent.name == "gt" else path.parent
    info = _read_sequence_info(folder / "seqinfo.ini")
    name = info.name or (folder.name if path.name == GROUND_TRUTH_FILE else path.stem)
    notes: list[str] = []
    if ignored:
        notes.append(f"{count(ignored, 'row')} with score 0 dropped: in MOTChallenge they mark what is not scored.")
    if untracked:
        notes.append(untracked_note(untracked, len(tracks)))
    tracks, class_notes = _name_classes(tracks, classes, path, name)
    labeled_frames, frame_notes = _find_labeled_frames(tracks, info.frames)
    return LabelSequence(
        name=name,
        tracks=tracks,
        labeled_frames=labeled_frames,
        frames=info.frames,
        size=info.size,
        notes=notes + class_notes + frame_notes,
        fps=info.fps,
    )


def _read_sequence_info(path: Path) -> _SequenceInfo:
    """Read a `seqinfo.ini`. A missing or malformed file states nothing, as labels can be read without it."""
    parser = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, ValueError, OSError):
        parser.read(path, encoding="utf-8-sig")
    if not parser.has_section("Sequence"):
        return _SequenceInfo()
    section = parser["Sequence"]
    frames, fps = _positive_number(section, "seqLength"), _positive_number(section, "frameRate")
    width, height = _positive_number(section, "imWidth"), _positive_number(section, "imHeight")
    return _SequenceInfo(
        name=section.get("name", ""),
        frames=int(frames) if frames and 1 <= frames < MAX_FRAMES else None,
        size=(int(width), int(height)) if width and height else None,
        fps=fps,
    )


def _positive_number(section: configparser.SectionProxy, key: str) -> float | None:
    try:
        number = float(section[key])
    except (KeyError, ValueError):
        return None
    return number if 0 < number < math.inf else None


def _name_classes(tracks: Tracks, given_names: list[str] | None, path: Path, sequence: str) -> tuple[Tracks, list[str]]:
    """Give the numbered classes of tracks names.

    Args:
        tracks: Tracks whose classes are named after their numbers by `bytetrack.mot`.
        given_names: Names from the user. If None, the tracks keep only classes that occur.
        path: The label file, which may lie next to a `labels.txt`.
        sequence: Name of the sequence, which shows if it is of MOTChallenge.

    Returns:
        The tracks, and notes about unknown names and boxes without a class.

    Raises:
        UserError: If the user gave fewer names than there are classes.
    """
    is_numbered = tracks.classes != mot.DEFAULT_CLASSES
    numbered = [name for name in tracks.classes if name != mot.NO_CLASS] if is_numbered else []
    counts_from_zero = numbered[:1] == [mot.class_name(0)]
    without_class = int((tracks.class_id >= len(numbered)).sum()) if numbered else 0
    notes = []
    if without_class:
        boxes = count(without_class, "box has", "boxes have")
        notes.append(f"{boxes} no class (-1 in the class column), imported as class “{mot.NO_CLASS}”.")

    if given_names is not None:
        if len(numbered) > len(given_names):
            listed = ", ".join(given_names)
            raise UserError(f"{path.name} has {numbered[-1]}, but only {len(given_names)} names are given: {listed}.")
        if counts_from_zero:
            notes.append(f"The class column counts from 0: 0 is “{given_names[0]}”.")
        class_id = np.where(tracks.class_id < max(len(numbered), 1), tracks.class_id, len(given_names))
        classes = (*given_names, mot.NO_CLASS) if without_class else tuple(given_names)
        return replace(tracks, class_id=class_id, classes=classes), notes

    known_names = _find_class_names(path.parent / "labels.txt", numbered, counts_from_zero, sequence)
    if numbered:
        names = [*known_names[: len(numbered)], *numbered[len(known_names) :]]
    else:
        names = (known_names or ["person"])[:1]
    if without_class:
        names.append(mot.NO_CLASS)
    if numbered and not known_names:
        first = 0 if counts_from_zero else 1
        notes.append(f"The file only numbers classes, so they are named “class {first}”, “class {first + 1}”, …")
    if counts_from_zero and not known_names:
        notes.append(
            "The class column counts from 0. To name the classes, import again with their names in that order."
        )
    used_ids, class_id = np.unique(tracks.class_id, return_inverse=True)
    used_names = tuple(names[number] for number in used_ids.tolist())
    return replace(tracks, class_id=class_id, classes=used_names or ("person",)), notes


def _find_class_names(labels_file: Path, numbered: list[str], counts_from_zero: bool, sequence: str) -> list[str]:
    """Return the names of the classes from the lowest number on, none if they are unknown."""
    if labels_file.is_file():
        lines = labels_file.read_text(errors="replace").split("\n")
        return [line.strip() for line in lines if line.strip()]
    if not counts_from_zero and (len(numbered) < 2 or sequence.upper().startswith("MOT")):
        return list(MOT17_CLASSES)
    return []


def _find_labeled_frames(tracks: Tracks, frames: int | None) -> tuple[list[int], list[str]]:
    """Return the labeled frames, and notes.

    MOTChallenge labels whole videos, so frames without a box are empty. If most frames have none, though, or boxes are
    every nth frame, only the frames with boxes count as labeled.
    """
    frames_with_boxes = np.unique(tracks.frame).tolist()
    length = max(frames or 0, frames_with_boxes[-1] + 1 if frames_with_boxes else 0)
    spacing = int(np.gcd.reduce(np.diff(frames_with_boxes))) if len(frames_with_boxes) > 2 else 1
    if 2 * len(frames_with_boxes) >= length and spacing == 1:
        return list(range(length)), []
    if not frames_with_boxes:
        return [], []
    reason = "Most frames have no box" if spacing == 1 else f"Boxes are {spacing} frames apart"
    return frames_with_boxes, [f"{reason}, so only the frames with boxes count as labeled."]


def _read_with_options(path: Path, options: ReadOptions) -> list[LabelSequence]:
    return read(path, options.class_names)


FORMAT = LabelFormat(
    name="mot",
    title="MOTChallenge",
    description="`gt.txt`, alone or in its folder.",
    detect=detect,
    read=_read_with_options,
    rank=2,
    uses_class_names=True,
)
