"""Read the output of a SageMaker Ground Truth job of the type video object tracking, copied from S3.

`manifests/output/output.manifest` has one line per clip. Its `<label attribute>-ref` is the address of the
`SeqLabel.json` of the clip, in which frames count from 0 and object IDs are UUIDs that are unique within the clip. If
this console started the job, the line states the clip under `STUDIO_KEY`, too: frame `k` is frame `every * k` of it.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.attributes import AttributeDefinition, clean_values, complete_definitions
from backend.labels.formats.ground_truth.layout import (
    OUTPUT_MANIFEST,
    STUDIO_KEY,
    TASK_TYPE,
)
from backend.labels.label_files import (
    MAX_FRAMES,
    Box,
    FrameNumber,
    Pixels,
    duplicates_note,
    find_files,
    parse_json,
    read_bytes,
    tracks_from_boxes,
)
from backend.labels.label_sequence import LabelSequence
from bytetrack.tracks import Tracks

NUMBERED_FILE = re.compile(r"(?P<prefix>.*?)(?P<number>\d{1,9})(?P<suffix>\D*)")  # such as frame10.jpg
SEQUENCE_FILE = re.compile(r"(?P<clip>.+?)-sequence(-\d+)?\.json")


class _Schema(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True, populate_by_name=True)


class _ManifestLine(RootModel[dict[str, Any]]):
    """One line of a manifest: a JSON object."""


class _Metadata(_Schema):
    task_type: str = Field("", alias="type")
    class_map: dict[str, str] = Field({}, alias="class-map")
    created: str = Field("", alias="creation-date")
    failure: str = Field("", alias="failure-reason")


class _Annotation(_Schema):
    left: Pixels
    top: Pixels
    width: Pixels
    height: Pixels
    class_id: str = Field(alias="class-id")
    object_id: str = Field(alias="object-id")
    attributes: dict[str, Any] | None = Field(None, alias="label-category-attributes")


class _Image(_Schema):
    number: FrameNumber = Field(alias="frame-no")
    name: str | None = Field(None, alias="frame")


class _LabeledImage(_Image):
    annotations: list[_Annotation] = []


class _SeqLabel(_Schema):
    images: list[_LabeledImage] | None = Field(None, alias="tracking-annotations")
    detections: list[Any] | None = Field(None, alias="detection-annotations")


class _SequenceFile(_Schema):
    length: FrameNumber | None = Field(None, alias="number-of-frames")
    images: list[_Image] = Field([], alias="frames")


class _StudioClip(_Schema):
    """What this console writes into a manifest about a clip."""

    clip: str = ""
    every: int = Field(1, ge=1, lt=MAX_FRAMES)
    frames: FrameNumber | None = None
    attributes: list[AttributeDefinition] = []


class _NotLabeled(Exception):
    """The reason why one clip of a job has no labels."""


def read(path: Path, attribute: str = "") -> list[LabelSequence]:
    """Read the labels of all clips of a job, in the order of the manifest, all with the same classes.

    Clips that were not labeled, or whose files are missing or damaged, have no labeled frames, and a note.

    Args:
        path: Output folder of the job, a folder that contains it, or its `output.manifest`.
        attribute: Label attribute to read if the manifest has several. If omitted, the newest labels are read.

    Raises:
        UserError: If the job is not done or of another type, or none of its clips is labeled.
    """
    manifest = find_manifest(path)
    root = manifest.parents[2] if _is_in_place(manifest) else manifest.parent
    lines = [
        parse_json(_ManifestLine, line, f"{manifest.name}, line {number},").root
        for number, line in enumerate(read_bytes(manifest).splitlines(), 1)
        if line.strip()
    ]
    if not lines:
        raise UserError(
            f"The manifest of {root.name} is empty: the labeling job has no labels yet. Wait until it is done."
        )
    labels = [
        _newest_labels(line, f"{manifest.name}, line {number},", attribute) for number, line in enumerate(lines, 1)
    ]
    for _, metadata in labels:
        _check_task_type(metadata.task_type, path)
    class_names = (name for _, metadata in labels for _, name in sorted(metadata.class_map.items(), key=_class_number))
    classes = tuple(dict.fromkeys(class_names))

    default_names = _name_clips([str(line.get("source-ref", "")) for line in lines])
    sequences = []
    for default_name, line, (reference, metadata) in zip(default_names, lines, labels):
        clip = parse_json(_StudioClip, json.dumps(line.get(STUDIO_KEY, {})), f"{manifest.name}, {STUDIO_KEY}")
        name = clip.clip or default_name
        try:
            if STUDIO_KEY in line:
                sequence = _read_clip(root, name, reference, metadata, classes, None, clip.attributes)
                sequence = replace(
                    sequence,
                    frames=clip.frames,
                    has_video_frame_numbers=True,
                    attributes=complete_definitions(clip.attributes, sequence.box_attributes, sequence.tracks),
                )
                sequences.append(_to_clip_frames(sequence, clip.every))
            else:
                listing = _read_sequence_file(root, str(line.get("source-ref", "")))
                sequence = _read_clip(root, name, reference, metadata, classes, listing.images)
                sequences.append(replace(sequence, frames=listing.length or len(listing.images) or None))
        except _NotLabeled as reason:
            sequences.append(LabelSequence(name, Tracks.empty(classes), [], notes=[str(reason)]))
    if not any(sequence.labeled_frames for sequence in sequences):
        raise UserError(f"No clip of {root.name} is labeled. {sequences[0].notes[0]}")
    return sequences


def find_manifest(path: Path) -> Path:
    """Return the `output.manifest` of the only job at `path`.

    Raises:
        UserError: If there is none, or more than one.
    """
    if path.is_file():
        return path
    manifests = [manifest for manifest in find_files(path, OUTPUT_MANIFEST) if _is_in_place(manifest)]
    manifests = manifests or find_files(path, OUTPUT_MANIFEST, 0)
    if not manifests:
        raise UserError(
            f"{path} has no manifests/output/{OUTPUT_MANIFEST}, which Ground Truth writes when a labeling job is done. "
            "Wait until it is done, copy its whole output folder, and import that folder."
        )
    if len(manifests) > 1:
        jobs = ", ".join(str(manifest.parents[2].relative_to(path)) for manifest in manifests[:5])
        raise UserError(f"{path} has the output of {len(manifests)} labeling jobs ({jobs}). Import the folder of one.")
    return manifests[0]


def _is_in_place(manifest: Path) -> bool:
    """Return whether a manifest lies where Ground Truth writes it in the output folder of a job."""
    return manifest.parts[-3:-1] == ("manifests", "output")


def _newest_labels(line: dict[str, Any], title: str, attribute: str) -> tuple[Any, _Metadata]:
    """Return the value and the metadata of a line's label attribute; of the newest one after a correction job."""
    labels = []
    for key, value in line.items():
        name = key.removesuffix("-metadata")
        if name != key and isinstance(value, dict) and attribute in ("", name):
            metadata = parse_json(_Metadata, json.dumps(value), f"{title} {key}")
            labels.append((line.get(name), metadata))
    return max(labels, key=lambda pair: pair[1].created, default=(None, _Metadata.model_validate({})))


def _check_task_type(task_type: str, path: Path) -> None:
    if task_type not in ("", TASK_TYPE):
        title = task_type.removeprefix("groundtruth/").replace("-", " ")
        raise _wrong_task_type(f"{path.name} is the output of a Ground Truth job of the type “{title}”")


def _wrong_task_type(problem: str) -> UserError:
    return UserError(
        f"{problem}: its boxes have no object IDs across frames. Tracking needs a job of the task type “video object "
        "tracking”. Start one on the same frames and import its output."
    )


def _name_clips(source_refs: Sequence[str]) -> list[str]:
    """Return unique names of clips: the names of their sequence files, or of the folders if the files are all alike."""
    files = [PurePosixPath(ref) for ref in source_refs]
    names = [match["clip"] if (match := SEQUENCE_FILE.fullmatch(file.name)) else file.stem for file in files]
    if len(set(names)) < len(names):
        names = [file.parent.name for file in files]
    uses: Counter[str] = Counter()
    unique_names = []
    for name in names:
        unique_names.append(f"{name or 'clip'}-{uses[name]}" if uses[name] or not name else name)
        uses[name] += 1
    return unique_names


def _to_clip_frames(sequence: LabelSequence, every: int) -> LabelSequence:
    """Renumber frames of the job to frames of the clip, of which every `every`-th was labeled."""
    tracks = sequence.tracks
    return replace(
        sequence,
        tracks=Tracks(tracks.frame * every, tracks.id, tracks.xyxy, tracks.score, tracks.class_id, tracks.classes),
        labeled_frames=[frame * every for frame in sequence.labeled_frames],
        box_attributes=box_attributes.renumber_frames(sequence.box_attributes, every),
    )


def _read_clip(
    root: Path,
    name: str,
    reference: Any,
    metadata: _Metadata,
    classes: tuple[str, ...],
    listed: list[_Image] | None,
    stated: Sequence[AttributeDefinition] = (),
) -> LabelSequence:
    """Read the labels of one clip by image number.

    Args:
        root: Output folder of the job.
        name: Name of the clip.
        reference: Address of the labels from the manifest.
        metadata: Metadata of the labels from the manifest.
        classes: Classes of all clips of the job.
        listed: As in `_number_images`.
        stated: Attributes of the job, if it was started in this console.

    Raises:
        _NotLabeled: If the clip has no labels.
        UserError: If the labels are those of a detection job.
    """
    document = _read_labels(root, name, reference, metadata)
    images = document.images or []
    numbers, notes, may_lack_first_image = _number_images(name, images, listed)
    class_names = dict(metadata.class_map)
    object_ids: dict[str, int] = {}
    boxes: dict[tuple[int, int], Box] = {}
    raw_attributes: dict[tuple[int, int], dict[str, Any]] = {}
    duplicates = 0
    for image in images:
        for annotation in image.annotations:
            class_name = class_names.get(annotation.class_id)
            if class_name is None:
                class_name = class_names[annotation.class_id] = f"class {annotation.class_id}"
                notes.append(f"Class {annotation.class_id} has no name in the class-map of the manifest.")
            if class_name not in classes:
                classes = (*classes, class_name)
            key = numbers[image.number], object_ids.setdefault(annotation.object_id, len(object_ids) + 1)
            duplicates += key in boxes
            right, bottom = annotation.left + annotation.width, annotation.top + annotation.height
            boxes[key] = annotation.left, annotation.top, right, bottom, classes.index(class_name)
            raw_attributes[key] = annotation.attributes or {}
    attributes, attribute_notes = clean_values(raw_attributes, stated)
    notes += attribute_notes
    if duplicates:
        notes.append(duplicates_note(duplicates))
    return LabelSequence(
        name=name,
        tracks=tracks_from_boxes(boxes, classes or ("object",)),
        labeled_frames=sorted({numbers[image.number] for image in images}),
        notes=notes,
        box_attributes=attributes,
        may_lack_first_image=may_lack_first_image,
    )


def _read_labels(root: Path, name: str, reference: Any, metadata: _Metadata) -> _SeqLabel:
    """Read the `SeqLabel.json` of a clip; it has at least one image."""
    if metadata.failure:
        raise _NotLabeled(f"Ground Truth could not label “{name}”: {metadata.failure} Label it in another job.")
    if not isinstance(reference, str):
        raise _NotLabeled(f"“{name}” is not labeled: the manifest has no labels for it. Label it in another job.")
    path = _find_copy(root, reference)
    if path is None:
        raise _NotLabeled(
            f"The labels of “{name}” are missing: {reference} was not copied. Copy the whole output folder of the job, "
            "including `annotations`, and import it again. If the file was deleted, label the clip in another job."
        )
    title = str(path.relative_to(root))
    try:
        document = parse_json(_SeqLabel, read_bytes(path), title)
    except UserError as error:
        raise _NotLabeled(f"The labels of “{name}” are damaged: {error} Copy the file again.") from error
    if document.images is None and document.detections is not None:
        raise _wrong_task_type(f"{title} has the labels of a video object detection job")
    if not document.images:
        raise _NotLabeled(f"“{name}” is not labeled: {title} has no frames. Label it in another job.")
    return document


def _number_images(
    name: str, labeled: Sequence[_Image], listed: Sequence[_Image] | None
) -> tuple[dict[int, int], list[str], bool]:
    """Return the number of each labeled image in the order of the video.

    Ground Truth numbers the files of a folder in the order of their UTF-8 names, in which frame10.jpg comes before
    frame2.jpg. If the names show that, the numbers in them give the order.

    Args:
        name: Name of the clip.
        labeled: Images that have labels.
        listed: All images of the clip, from its sequence file. Empty if that was not copied. None if the job is one of
            this console, which numbers images in the order of the video.

    Returns:
        Numbers, counted from 0, by `frame-no`; notes; and `LabelSequence.may_lack_first_image`.

    Raises:
        _NotLabeled: If the order cannot be restored.
    """
    numbers = {image.number: image.number for image in labeled}
    if listed is None:
        return numbers, [], False
    is_complete = bool(listed) and {image.number for image in listed} >= numbers.keys()
    images = sorted(listed if is_complete else labeled, key=lambda image: image.number)
    ordered = _order_by_file_number(images)
    if ordered is None:
        if images[0].number != 1:
            return numbers, [], False
        return {number: number - 1 for number in numbers}, ["Frames are counted from 1 in the file."], not is_complete
    if not is_complete and images[-1].number - images[0].number + 1 > len(images):
        raise _NotLabeled(
            f"The images of “{name}” are in the order of their names, {images[0].name}, {images[1].name}, …, and not "
            "all of them are labeled, so their frame numbers are unknown. Copy the input folder of the job with its "
            "sequence files next to its output folder, then import the labels again."
        )
    note = "Images are sorted by the numbers in their file names, which differs from the order of `frame-no`."
    return {image.number: rank for rank, image in enumerate(ordered)}, [note], False


def _order_by_file_number(images: Sequence[_Image]) -> list[_Image] | None:
    """Return the images sorted by the numbers in their file names.

    Args:
        images: Images sorted by `frame-no`.

    Returns:
        None if they are in this order already, or not in the order of their names, or if the names have no numbers.
    """
    names = [image.name or "" for image in images]
    matches = [match for match in map(NUMBERED_FILE.fullmatch, names) if match]
    if len(matches) < len(names) or len({(match["prefix"], match["suffix"]) for match in matches}) > 1:
        return None
    numbers = [int(match["number"]) for match in matches]
    if numbers == sorted(numbers) or len(set(numbers)) < len(numbers) or names != sorted(names, key=_utf8):
        return None
    return [images[index] for index in sorted(range(len(images)), key=numbers.__getitem__)]


def _utf8(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _read_sequence_file(root: Path, source_ref: str) -> _SequenceFile:
    """Read the sequence file of a clip, which may have been copied into the output folder of the job or next to it.

    Returns:
        An empty document if the file is missing or damaged, as labels can be read without it.
    """
    path = _find_copy(root, source_ref) or _find_copy(root.parent, source_ref)
    if path is not None:
        with contextlib.suppress(UserError):
            return parse_json(_SequenceFile, read_bytes(path), path.name)
    return _SequenceFile.model_validate({})


def _find_copy(root: Path, address: str) -> Path | None:
    """Return the local copy of an `s3://` address: the longest tail of its path that exists in `root`."""
    parts = PurePosixPath(address.removeprefix("s3://")).parts
    if ".." in parts or "\0" in address:
        return None
    candidates = (root.joinpath(*parts[start:]) for start in range(len(parts)) if parts[start] != "/")
    return next((path for path in candidates if path.is_file()), None)


def _class_number(item: tuple[str, str]) -> tuple[int, str]:
    """Return the sort key of an item of a class map: its number, then its text for keys that are no numbers."""
    number = item[0]
    return (int(number) if number.isdecimal() and len(number) < 9 else 0), number
