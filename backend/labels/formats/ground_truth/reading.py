"""The output of a SageMaker Ground Truth job of the task type video object tracking, copied from S3 to this machine.

`manifests/output/output.manifest` has a line per clip; its `<label attribute>-ref` names the clip's `SeqLabel.json`,
whose object ids are UUIDs that mean nothing outside the clip, and whose frames count from 0. A job that this console
started tells more of its clips under `OWN`: there, frame k is frame `k * every` of the clip.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.label_sequence import (
    MOST_FRAMES,
    FrameNumber,
    LabelSequence,
    Pixels,
    find,
    parse,
    read_bytes,
    table,
)
from bytetrack.tracks import Tracks

MANIFEST = "output.manifest"
TRACKING = "groundtruth/video-object-tracking"
OWN = "bytetrack-studio"  # the key in a manifest's lines
SET, NOT_SET = "Yes", "No"  # values of `box_attributes.ATTRIBUTES`
NUMBERED_NAME = re.compile(r"(?P<before>.*?)(?P<number>\d{1,9})(?P<after>\D*)")  # of a picture
SEQUENCE_FILE = re.compile(r"(?P<clip>.+?)-sequence(-\d+)?\.json")


class _Model(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True, populate_by_name=True)


class _Line(RootModel[dict[str, Any]]):
    """One line of a manifest."""


class _Metadata(_Model):
    kind: str = Field("", alias="type")
    class_map: dict[str, str] = Field({}, alias="class-map")
    created: str = Field("", alias="creation-date")
    failure: str = Field("", alias="failure-reason")


class _Annotation(_Model):
    left: Pixels
    top: Pixels
    width: Pixels
    height: Pixels
    class_id: str = Field(alias="class-id")
    object_id: str = Field(alias="object-id")
    attributes: dict[str, Any] | None = Field(None, alias="label-category-attributes")


class _Picture(_Model):
    number: FrameNumber = Field(alias="frame-no")
    name: str | None = Field(None, alias="frame")


class _Frame(_Picture):
    annotations: list[_Annotation] = []


class _SeqLabel(_Model):
    frames: list[_Frame] | None = Field(None, alias="tracking-annotations")
    detections: list[Any] | None = Field(None, alias="detection-annotations")


class _SequenceFile(_Model):
    count: FrameNumber | None = Field(None, alias="number-of-frames")
    pictures: list[_Picture] = Field([], alias="frames")


class _Own(_Model):
    clip: str = ""
    every: int = Field(1, ge=1, lt=MOST_FRAMES)
    frames: FrameNumber | None = None


class _NotLabeled(Exception):
    """Why one clip of a job has no labels."""


def read(path: Path, attribute: str = "") -> list[LabelSequence]:
    """One sequence per clip of the job, in the manifest's order, all with the same classes.

    Clips that were not labeled, or whose files are missing or damaged, come without labeled frames and with a note.

    Args:
        path: the job's output folder, one that holds it, or its `output.manifest`.
        attribute: whose labels count, where the manifest has several; without it the newest.

    Raises:
        UserError: if there is no finished job of the right kind, or not one of its clips is labeled.
    """
    manifest = find_manifest(path)
    root = manifest.parents[2] if manifest.parts[-3:-1] == ("manifests", "output") else manifest.parent
    lines = [
        parse(_Line, line, f"{manifest.name}, line {number},").root
        for number, line in enumerate(read_bytes(manifest).splitlines(), 1)
        if line.strip()
    ]
    if not lines:
        raise UserError(
            f"The manifest of {root.name} is empty. The labeling job has not labeled anything yet; wait for its end."
        )
    # The label attribute's value and metadata per line; after an adjustment job there are several, the newest counts.
    labeled = [
        _newest_labels(line, f"{manifest.name}, line {number},", attribute) for number, line in enumerate(lines, 1)
    ]
    for _, metadata in labeled:
        _check_kind(metadata.kind, path)

    own = [parse(_Own, json.dumps(line.get(OWN, {})), f"{manifest.name}, {OWN}") for line in lines]
    names = _clip_names([str(line.get("source-ref", "")) for line in lines])
    names = [told.clip or name for told, name in zip(own, names)]
    classes = {name: None for _, metadata in labeled for _, name in sorted(metadata.class_map.items(), key=_by_number)}
    sequences = []
    for name, told, line, (ref, metadata) in zip(names, own, lines, labeled):
        try:
            if OWN in line:
                sequence = _read_clip(root, name, ref, metadata, tuple(classes), None)
                sequences.append(_spread(replace(sequence, frames=told.frames, placed=True), told.every))
            else:
                listed = _sequence_file(root, str(line.get("source-ref", "")))
                sequence = _read_clip(root, name, ref, metadata, tuple(classes), listed.pictures)
                sequences.append(replace(sequence, frames=listed.count or len(listed.pictures) or None))
        except _NotLabeled as reason:
            sequences.append(LabelSequence(name, Tracks.empty(tuple(classes)), [], notes=[str(reason)]))
    if not any(sequence.labeled_frames for sequence in sequences):
        raise UserError(f"Not one clip of {root.name} is labeled. {sequences[0].notes[0]}")
    return sequences


def find_manifest(path: Path) -> Path:
    """The `output.manifest` of the one job at `path`.

    Raises:
        UserError: if there is none, or more than one.
    """
    if path.is_file():
        return path
    found = [each for each in find(path, MANIFEST) if each.parts[-3:-1] == ("manifests", "output")] or find(
        path, MANIFEST, 0
    )
    if not found:
        raise UserError(
            f"{path} holds no manifests/output/{MANIFEST}, which Ground Truth writes when a labeling job ends. "
            "Wait for the job's end, copy its whole output folder, and name that folder."
        )
    if len(found) > 1:
        jobs = ", ".join(str(each.parents[2].relative_to(path)) for each in found[:5])
        raise UserError(
            f"{path} holds the output of {len(found)} labeling jobs ({jobs}). Name the folder of one of them."
        )
    return found[0]


def _newest_labels(line: dict[str, Any], where: str, attribute: str) -> tuple[Any, _Metadata]:
    found = []
    for key, value in line.items():
        if key.endswith("-metadata") and isinstance(value, dict) and attribute in ("", key.removesuffix("-metadata")):
            metadata = parse(_Metadata, RootModel(value).model_dump_json(), f"{where} {key}")
            found.append((line.get(key.removesuffix("-metadata")), metadata))
    return max(found, key=lambda labels: labels[1].created, default=(None, _Metadata.model_validate({})))


def _check_kind(kind: str, path: Path) -> None:
    if kind not in ("", TRACKING):
        what = kind.removeprefix("groundtruth/").replace("-", " ")
        raise _wrong_kind(f"{path.name} is the output of a Ground Truth job of the type “{what}”")


def _wrong_kind(what: str) -> UserError:
    return UserError(
        f"{what}: its boxes are not tied together over the frames. Tracking needs a job of the task type “video object "
        "tracking”; start one on the same frames and import its output."
    )


def _clip_names(source_refs: list[str]) -> list[str]:
    """What the source refs call their clips: by the sequence file's name, or its folder where all files are alike."""
    files = [PurePosixPath(ref) for ref in source_refs]
    names = [match["clip"] if (match := SEQUENCE_FILE.fullmatch(file.name)) else file.stem for file in files]
    if len(set(names)) < len(names):
        names = [file.parent.name for file in files]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        unique.append(f"{name or 'clip'}-{seen[name]}" if seen[name] or not name else name)
        seen[name] += 1
    return unique


def _spread(sequence: LabelSequence, every: int) -> LabelSequence:
    """By the clip's own frame numbers, of which people saw every `every`-th."""
    tracks = sequence.tracks
    return replace(
        sequence,
        tracks=Tracks(tracks.frame * every, tracks.id, tracks.xyxy, tracks.score, tracks.class_id, tracks.classes),
        labeled_frames=[frame * every for frame in sequence.labeled_frames],
        box_attributes=box_attributes.renumber_frames(sequence.box_attributes, every),
    )


def _read_clip(
    root: Path, name: str, ref: Any, metadata: _Metadata, classes: tuple[str, ...], listed: list[_Picture] | None
) -> LabelSequence:
    """Return the labels of one clip by its picture numbers; see `_numbers` for `listed`."""
    if metadata.failure:
        raise _NotLabeled(f"Ground Truth could not label “{name}”: {metadata.failure} Label it in another job.")
    if not isinstance(ref, str):
        raise _NotLabeled(
            f"“{name}” is not labeled: the manifest names no labels for it. Finish the job, or start one for it."
        )
    path = _local(root, ref)
    if path is None:
        raise _NotLabeled(
            f"The labels of “{name}” are missing: there is no {ref}. If you copied the job's output folder, copy all "
            "of it, `annotations` too, and import it again; if it was deleted, label the clip in another job."
        )
    try:
        document = parse(_SeqLabel, read_bytes(path), str(path.relative_to(root)))
    except UserError as error:
        raise _NotLabeled(f"The labels of “{name}” are damaged: {error} Copy the file again.") from error
    if document.frames is None and document.detections is not None:
        raise _wrong_kind(f"{path.relative_to(root)} holds the labels of a video object detection job")
    if not document.frames:
        raise _NotLabeled(
            f"“{name}” is not labeled: {path.relative_to(root)} holds no frame. Finish it in another job."
        )

    numbers, notes, shifted = _numbers(name, list(document.frames), listed)
    names = dict(metadata.class_map)
    ids: dict[str, int] = {}
    boxes: dict[tuple[int, int], tuple[float, float, float, float, int]] = {}
    noted: dict[tuple[int, int], list[str]] = {}
    repeated = 0
    for frame in document.frames:
        for each in frame.annotations:
            if each.class_id not in names:
                names[each.class_id] = f"class {each.class_id}"
                notes.append(f"Class {each.class_id} has no name in the manifest's class-map.")
            if names[each.class_id] not in classes:
                classes = (*classes, names[each.class_id])
            key = numbers[frame.number], ids.setdefault(each.object_id, len(ids) + 1)
            repeated += key in boxes
            corners = each.left, each.top, each.left + each.width, each.top + each.height
            boxes[key] = (*corners, classes.index(names[each.class_id]))
            if found := [name for name in box_attributes.ATTRIBUTES if (each.attributes or {}).get(name) == SET]:
                noted[key] = found
    if repeated:
        notes.append(f"{repeated} times an object has two boxes in one frame; the last one counts.")
    return LabelSequence(
        name=name,
        tracks=table(boxes, classes or ("object",)),
        labeled_frames=sorted({numbers[frame.number] for frame in document.frames}),
        notes=notes,
        box_attributes=noted,
        shifted=shifted,
    )


def _numbers(
    name: str, labeled: list[_Picture], listed: list[_Picture] | None
) -> tuple[dict[int, int], list[str], bool]:
    """Return the number of each labeled picture, counted from 0, by its `frame-no`; notes; and `LabelSequence.shifted`.

    Ground Truth numbers the files of a folder in the order of their UTF-8 names, in which frame10.jpg comes before
    frame2.jpg. Where the names show that, the numbers in them give the order.

    Args:
        name: What the clip is called.
        labeled: The pictures that have labels.
        listed: All pictures of the clip, from its sequence file. Empty if that was not copied, None if the job is one
            of this console, which numbers pictures as they are.

    Raises:
        _NotLabeled: If the order cannot be restored.
    """
    numbers = {each.number: each.number for each in labeled}
    if listed is None:
        return numbers, [], False
    complete = bool(listed) and {each.number for each in listed} >= numbers.keys()
    everything = sorted(listed if complete else labeled, key=lambda picture: picture.number)
    by_name = _order_by_name(everything)
    if by_name is None:
        if everything[0].number != 1:
            return numbers, [], False
        return {number: number - 1 for number in numbers}, ["Frames are counted from 1 in the file."], not complete
    if not complete and everything[-1].number - everything[0].number + 1 > len(everything):
        raise _NotLabeled(
            f"The pictures of “{name}” are in the order of their names, {everything[0].name}, {everything[1].name}, …, "
            "and not all of them are labeled, so their place in the video is not known. Copy the job's input folder "
            "with its sequence files next to its output folder, then import the labels again."
        )
    note = "Pictures are put in the order of the numbers in their names, which is not that of `frame-no`."
    return {picture.number: rank for rank, picture in enumerate(by_name)}, [note], False


def _order_by_name(pictures: list[_Picture]) -> list[_Picture] | None:
    """Return the pictures sorted by the numbers in their names, None if they already are or names have no numbers.

    Args:
        pictures: Sorted by `frame-no`.
    """
    names = [picture.name or "" for picture in pictures]
    found = [match for match in map(NUMBERED_NAME.fullmatch, names) if match]
    numbers = [int(match["number"]) for match in found]
    if len(found) < len(names) or len({(match["before"], match["after"]) for match in found}) > 1:
        return None
    if numbers == sorted(numbers) or len(set(numbers)) < len(numbers) or names != sorted(names, key=_utf8):
        return None
    return [pictures[index] for index in sorted(range(len(pictures)), key=numbers.__getitem__)]


def _utf8(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _sequence_file(root: Path, source_ref: str) -> _SequenceFile:
    """Return the clip's sequence file, empty if it was not copied or is damaged: the labels do without it.

    It lies beside the job's output folder if it was copied, too.
    """
    path = _local(root, source_ref) or _local(root.parent, source_ref)
    if path is not None:
        with contextlib.suppress(UserError):
            return parse(_SequenceFile, read_bytes(path), path.name)
    return _SequenceFile.model_validate({})


def _local(root: Path, ref: str) -> Path | None:
    """The file in `root` that an `s3://` address means: by the longest end of the address that exists there."""
    parts = PurePosixPath(ref.removeprefix("s3://")).parts
    if ".." in parts or "\0" in ref:
        return None
    candidates = (root.joinpath(*parts[start:]) for start in range(len(parts)) if parts[start] != "/")
    return next((path for path in candidates if path.is_file()), None)


def _by_number(item: tuple[str, str]) -> tuple[int, str]:
    number = item[0]
    return (int(number) if number.isdecimal() and len(number) < 9 else 0), number
