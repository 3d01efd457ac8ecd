"""CVAT's XML of a task with tracks, “CVAT for video 1.1”, which holds attributes of objects and of their boxes.

A track has a box per frame, or only keyframes between which boxes are interpolated. A box that is `outside` ends a
stretch in which the object is present. Labels from this console also state which frames are labeled (`STUDIO_TAG`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from pydantic import BaseModel

from backend.errors import UserError
from backend.labels.attributes import (
    MAX_NAME_LENGTH,
    MAX_VALUES,
    AttributeDefinition,
    Kind,
    clean_values,
    complete_definitions,
)
from backend.labels.box_attributes import FLAGS, AttributeValue, BoxAttributes
from backend.labels.label_files import (
    Box,
    FrameNumber,
    Pixels,
    duplicates_note,
    find_files,
    parse_fields,
    read_bytes,
    tracks_from_boxes,
)
from backend.labels.label_format import LabelFormat, ReadOptions
from backend.labels.label_sequence import LabelSequence
from bytetrack.arrays import FloatArray
from bytetrack.files import atomic_path
from bytetrack.tracks import Tracks

VERSION = "1.1"
FILE_NAME = "annotations.xml"  # in the archive that CVAT exports
STUDIO_TAG = "bytetrack-studio"
INPUT_TYPES: dict[Kind, str] = {"checkbox": "checkbox", "choice": "select", "text": "text"}
KINDS: dict[str, Kind] = {
    "checkbox": "checkbox",
    "select": "choice",
    "radio": "choice",
    "number": "text",
    "text": "text",
}
STEP = re.compile(r"step\s*=\s*(\d{1,7})")


class _Box(BaseModel):
    frame: FrameNumber
    outside: bool = False
    occluded: bool = False
    xtl: Pixels
    ytl: Pixels
    xbr: Pixels
    ybr: Pixels


def detect(path: Path) -> Path | None:
    """Return the XML file by which a path is recognized, None if there is none."""
    if path.is_file():
        return path if path.suffix.lower() == ".xml" else None
    return next(iter(find_files(path, FILE_NAME, 1) or sorted(path.glob("*.xml"))), None)


def read(path: Path) -> LabelSequence:
    """Read the tracks of one task.

    Raises:
        UserError: If it is not the XML of a task with tracks.
    """
    root = _parse(path)
    tracks = root.findall("track")
    if not tracks and root.find("image") is not None:
        raise UserError(
            f"{path.name} is “CVAT for images”, whose boxes have no object IDs across frames. Export the task as “CVAT "
            "for video 1.1”."
        )
    classes = tuple(dict.fromkeys(track.get("label", "object") for track in tracks)) or ("object",)
    ids = _object_ids(tracks)
    raw_boxes = [(identity, track, _boxes(track, path)) for identity, track in zip(ids, tracks)]
    last_frame = max((box.frame for _, _, boxes in raw_boxes for box, _ in boxes if not box.outside), default=0)
    labeled_frames, has_video_frame_numbers = _labeled_frames(root, last_frame)
    boxes: dict[tuple[int, int], Box] = {}
    raw_values: dict[tuple[int, int], dict[str, Any]] = {}
    duplicates = 0
    for identity, track, own_boxes in raw_boxes:
        class_id = classes.index(track.get("label", "object"))
        of_track = _values(track)
        for (box, values), following in zip(own_boxes, [*own_boxes[1:], None]):
            if box.outside:
                continue
            corners, end = _corners(box), box.frame + 1
            target = corners
            if following is not None and following[0].frame > box.frame:
                end = following[0].frame
                target = corners if following[0].outside else _corners(following[0])
            between = labeled_frames[bisect_right(labeled_frames, box.frame) : bisect_left(labeled_frames, end)]
            for frame in (box.frame, *between):
                share = (frame - box.frame) / (end - box.frame)
                left, top, right, bottom = (corners + share * (target - corners)).tolist()
                duplicates += (frame, identity) in boxes
                boxes[frame, identity] = left, top, right, bottom, class_id
                raw_values[frame, identity] = {**of_track, **values, "occluded": box.occluded}
    stated = _definitions(root)
    attributes, notes = clean_values(raw_values, stated)
    result = tracks_from_boxes(boxes, classes)
    return LabelSequence(
        name=root.findtext(".//meta//source") or root.findtext(".//meta//name") or path.stem,
        tracks=result,
        labeled_frames=sorted({*labeled_frames, *(frame for frame, _ in boxes)}),
        size=_size(root),
        notes=notes + ([duplicates_note(duplicates)] if duplicates else []),
        box_attributes=attributes,
        attributes=complete_definitions(stated, attributes, result),
        has_video_frame_numbers=has_video_frame_numbers,
    )


def write(
    path: Path,
    name: str,
    size: tuple[int, int],
    frames: int,
    tracks: Tracks,
    labeled_frames: Sequence[int],
    attributes: BoxAttributes,
    definitions: Sequence[AttributeDefinition],
) -> None:
    """Write the labels of a video.

    Args:
        path: File to write.
        name: Name of the video.
        size: Width and height of its frames in pixels.
        frames: Number of its frames.
        tracks: Boxes. An object has one class, the one that most of its boxes have.
        labeled_frames: Frames that count as labeled, ascending.
        attributes: Attributes of the boxes.
        definitions: Definitions of the attributes.
    """
    root = ElementTree.Element("annotations")
    _add(root, "version", VERSION)
    meta = _add(root, "meta")
    task = _add(meta, "task")
    for tag, text in (("name", name), ("size", frames), ("start_frame", 0), ("stop_frame", frames - 1)):
        _add(task, tag, text)
    own = [*definitions, AttributeDefinition(name="truncated", changes=True)]
    labels = _add(task, "labels")
    for class_name in tracks.classes:
        label = _add(labels, "label")
        _add(label, "name", class_name)
        _write_definitions(_add(label, "attributes"), own)
    width, height = size
    original = _add(task, "original_size")
    _add(original, "width", width)
    _add(original, "height", height)
    _add(meta, "source", name)
    _add(meta, STUDIO_TAG, " ".join(map(str, labeled_frames)))
    following = dict(zip(labeled_frames, labeled_frames[1:]))
    for identity in np.unique(tracks.id).tolist():
        rows = np.flatnonzero(tracks.id == identity)
        rows = rows[np.argsort(tracks.frame[rows])]
        class_id = int(np.bincount(tracks.class_id[rows]).argmax())
        track = _add(root, "track", id=identity, label=tracks.classes[class_id], source="manual")
        present = set(tracks.frame[rows].tolist())
        for row in rows.tolist():
            frame, corners = int(tracks.frame[row]), tracks.xyxy[row]
            _add_box(track, frame, corners, attributes.get((frame, identity), {}), own)
            after = following.get(frame)
            if after is not None and after not in present:
                _add_box(track, after, corners, {}, own, outside=True)
    ElementTree.indent(root)
    with atomic_path(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _parse(path: Path) -> ElementTree.Element:
    content = read_bytes(path)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UserError(f"{path.name} is not an export of CVAT: it declares a document type.")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path.name} is no valid XML: {error}. Export the task from CVAT again.") from error
    if root.tag != "annotations":
        raise UserError(f"{path.name} is not an export of CVAT: its first element is <{root.tag[:40]}>.")
    return root


def _object_ids(tracks: Sequence[ElementTree.Element]) -> list[int]:
    """Return the IDs of tracks: those of the file if they are different positive numbers, which begin at 0 in CVAT."""
    texts = [track.get("id", "") for track in tracks]
    if len(set(texts)) < len(texts) or not all(
        text.isascii() and text.isdecimal() and len(text) < 10 for text in texts
    ):
        return list(range(1, len(tracks) + 1))
    ids = list(map(int, texts))
    return [identity + 1 for identity in ids] if 0 in ids else ids


def _boxes(track: ElementTree.Element, path: Path) -> list[tuple[_Box, dict[str, Any]]]:
    """Return the boxes of a track in the order of their frames, with the values of their attributes."""
    title = f"{path.name}, track {track.get('id', '')},"
    boxes = [(parse_fields(_Box, dict(box.attrib), title), _values(box)) for box in track.findall("box")]
    return sorted(boxes, key=lambda pair: pair[0].frame)


def _values(element: ElementTree.Element) -> dict[str, Any]:
    return {child.get("name", ""): child.text or "" for child in element.findall("attribute") if child.get("name")}


def _corners(box: _Box) -> FloatArray:
    return np.array([box.xtl, box.ytl, box.xbr, box.ybr])


def _labeled_frames(root: ElementTree.Element, last_frame: int) -> tuple[list[int], bool]:
    """Return the labeled frames, ascending, and whether they are frames of the video for certain."""
    stated = root.findtext(f"meta/{STUDIO_TAG}")
    if stated is not None:
        texts = (text for text in stated.split() if text.isascii() and text.isdecimal() and len(text) < 8)
        return sorted(set(map(int, texts))), True
    match = STEP.search(root.findtext(".//meta//frame_filter") or "")
    step = max(1, int(match[1])) if match else 1
    first, last, size = (_number(root, tag) for tag in ("start_frame", "stop_frame", "size"))
    if step > 1 and size and last_frame < size:  # the file numbers the images of the task
        return list(range(size)), False
    return list(range(first or 0, max(last or 0, last_frame) + 1, step)), step == 1


def _number(root: ElementTree.Element, tag: str) -> int | None:
    text = (root.findtext(f".//meta//{tag}") or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else None


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    width, height = _number(root, "original_size/width"), _number(root, "original_size/height")
    return (width, height) if width and height else None


def _definitions(root: ElementTree.Element) -> list[AttributeDefinition]:
    """Return the attributes of all labels; one that several labels have allows the values of all of them."""
    kinds: dict[str, set[Kind]] = defaultdict(set)
    values: dict[str, dict[str, None]] = defaultdict(dict)
    changing: set[str] = set()
    for attribute in root.iterfind(".//meta//labels//attribute"):
        name = (attribute.findtext("name") or "").strip()
        if not 0 < len(name) <= MAX_NAME_LENGTH or name in FLAGS:
            continue
        kinds[name].add(KINDS.get((attribute.findtext("input_type") or "").strip().lower(), "text"))
        values[name] |= dict.fromkeys(text.strip() for text in (attribute.findtext("values") or "").splitlines())
        if (attribute.findtext("mutable") or "").strip().lower() == "true":
            changing.add(name)
    definitions = []
    for name, own_kinds in kinds.items():
        kind: Kind = next(iter(own_kinds)) if len(own_kinds) == 1 else "text"
        choices = [text for text in values[name] if text][:MAX_VALUES] if kind == "choice" else []
        definitions.append(AttributeDefinition(name=name, kind=kind, values=choices, changes=name in changing))
    return definitions


def _write_definitions(parent: ElementTree.Element, definitions: Sequence[AttributeDefinition]) -> None:
    for definition in definitions:
        attribute = _add(parent, "attribute")
        _add(attribute, "name", definition.name)
        _add(attribute, "mutable", str(definition.changes))
        _add(attribute, "input_type", INPUT_TYPES[definition.kind])
        _add(attribute, "default_value", "false" if definition.kind == "checkbox" else "")
        _add(attribute, "values", "false" if definition.kind == "checkbox" else "\n".join(definition.values))


def _add_box(
    track: ElementTree.Element,
    frame: int,
    corners: FloatArray,
    values: Mapping[str, AttributeValue],
    definitions: Sequence[AttributeDefinition],
    *,
    outside: bool = False,
) -> None:
    sides = {side: f"{value:.2f}" for side, value in zip(("xtl", "ytl", "xbr", "ybr"), corners)}
    occluded = int(bool(values.get("occluded")))
    box = _add(track, "box", frame=frame, keyframe=1, outside=int(outside), occluded=occluded, **sides, z_order=0)
    for definition in definitions:
        value = values.get(definition.name)
        text = str(value is True).lower() if definition.kind == "checkbox" else value or ""
        _add(box, "attribute", text, name=definition.name)


def _add(parent: ElementTree.Element, tag: str, text: object = None, **attributes: object) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})
    if text is not None:
        child.text = str(text)
    return child


def _read_with_options(path: Path, options: ReadOptions) -> list[LabelSequence]:
    source = detect(path)
    if source is None:
        raise UserError(f"{path.name} has no {FILE_NAME}. Export the task from CVAT as “CVAT for video 1.1”.")
    return [read(source)]


FORMAT = LabelFormat(
    name="cvat",
    title="CVAT",
    description="“CVAT for video 1.1”, with attributes.",
    detect=detect,
    read=_read_with_options,
    rank=4,
)
