"""COCO annotations of video frames, in and out, with the several ways in which people add tracks to them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from backend.errors import UserError
from backend.labels.label_sequence import (
    FrameNumber,
    LabelSequence,
    Pixels,
    parse,
    read_bytes,
    table,
    untracked_note,
)
from bytetrack.tracks import Tracks

LAST_NUMBER = re.compile(r"(\d{1,7})\D*$")
# Roboflow appends the suffix and a hash to the name that an image had: sample_mp4-0009_jpg.rf.4c0d2a.jpg.
ROBOFLOW = re.compile(r"(?P<name>.+)[._](jpe?g|png|bmp|webp|tiff?)\.rf\.\w+", re.IGNORECASE)
ROBOFLOW_FILE = "_annotations.coco.json"  # in each of the folders train, valid and test
ROBOFLOW_VIDEO = re.compile(r"(?P<stem>.+)_(?P<suffix>mp4|mov|m4v|avi|mkv|webm|mpe?g|wmv|flv)-\d+", re.IGNORECASE)
CVAT_NAME = re.compile(r"frame_\d{6,}\.PNG")  # of a video's frame, counted from 0
NO_TRACK = (-1, "-1")  # as an object's id
Id = int | str


class _Image(BaseModel):
    id: Id
    file_name: str = ""
    width: int | None = None
    height: int | None = None
    video_id: Id | None = None
    frame_id: FrameNumber | None = None
    frame_index: FrameNumber | None = None


class _Annotation(BaseModel):
    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    iscrowd: int | bool = 0
    track_id: Id | None = None
    instance_id: Id | None = None
    attributes: dict[str, Any] = {}

    @property
    def object(self) -> Id | None:
        """What tells the object from others in its video, where the file has such a thing."""
        given = (self.track_id, self.instance_id, self.attributes.get("track_id"), self.attributes.get("instance_id"))
        return next((each for each in given if isinstance(each, (int, str)) and each not in NO_TRACK), None)


class _Named(BaseModel):
    id: Id
    name: str = ""
    file_name: str = ""
    supercategory: Any = None


class _Document(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Named]
    videos: list[_Named] = []


@dataclass(frozen=True)
class Part:
    """The labels of one video for `document`; `file_name` gives a frame's image file."""

    name: str
    tracks: Tracks
    labeled_frames: list[int]
    size: tuple[int, int]  # width, height in pixels
    file_name: Callable[[int], str]


def document(parts: Iterable[Part], classes: list[str]) -> dict:
    """COCO annotations with `videos`, `video_id`, `frame_id` (from 0) and `track_id`; category ids count from 1."""
    images: list[dict] = []
    annotations: list[dict] = []
    videos: list[dict] = []
    for part in parts:
        videos.append({"id": len(videos) + 1, "name": part.name})
        image_of: dict[int, int] = {}
        for frame in part.labeled_frames:
            image_of[frame] = len(images) + 1
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": part.file_name(frame),
                    "width": part.size[0],
                    "height": part.size[1],
                    "video_id": len(videos),
                    "frame_id": frame,
                }
            )
        for row in part.tracks.rows():
            left, top, right, bottom = row["xyxy"]
            width, height = round(right - left, 2), round(bottom - top, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_of[row["frame"]],
                    "category_id": classes.index(part.tracks.classes[row["class_id"]]) + 1,
                    "bbox": [left, top, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "track_id": row["id"],
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return {"images": images, "annotations": annotations, "categories": categories, "videos": videos}


def to_bytes(annotations: dict) -> bytes:
    return json.dumps(annotations, separators=(",", ":")).encode()


def read(*paths: Path) -> list[LabelSequence]:
    """One sequence per video that the images name; all images are one video's where they name none.

    Frame numbers come from `frame_id` or `frame_index`, or from the last number in the image's file name. They count
    from 0, or from 1 where 1 is the first in every video.

    Args:
        paths: The files of one export. Most tools write one, Roboflow one for each split.

    Raises:
        UserError: if it is not COCO, or its images cannot be put in order.
    """
    contents = [(path, parse(_Document, read_bytes(path), path.name)) for path in paths]
    for path, content in contents:
        if not content.images or not content.categories:
            raise UserError(
                f"{path.name} lists no images or no categories. Export the annotations again, images included."
            )
    classes, notes = _classes([content for _, content in contents])
    frames: dict[str, list[_FrameBoxes]] = defaultdict(list)
    for path, content in contents:
        for name, found in _frames_by_video(path, content, classes).items():
            frames[name] += found
    first = 1 if all(min(each.number for each in some) == 1 for some in frames.values()) else 0
    if any(CVAT_NAME.fullmatch(PurePosixPath(each.image.file_name).name) for some in frames.values() for each in some):
        first = 0
    return [
        _sequence(name, some, classes, notes, first, shifted=bool(first) and len(frames) == 1)
        for name, some in frames.items()
    ]


@dataclass(frozen=True)
class _FrameBoxes:
    """One image, its frame number in the file, and its boxes, each with the index of its class."""

    number: int
    image: _Image
    boxes: list[tuple[_Annotation, int]]


def _classes(contents: list[_Document]) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of the classes, and notes.

    Roboflow adds a category for the project itself, which has no boxes and is the supercategory of the others.
    """
    used: set[str] = set()
    for content in contents:
        with_boxes = {annotation.category_id for annotation in content.annotations}
        used |= {_title(each) for each in content.categories if each.id in with_boxes}
    categories = [each for content in contents for each in content.categories]
    names = dict.fromkeys(_title(each) for each in categories)
    groups = [each.supercategory for each in categories if each.supercategory != each.name]
    dropped = [name for name in names if name in groups and name not in used]
    notes = [f"The category “{name}” has no boxes and only groups others, so it is no class here." for name in dropped]
    return tuple(name for name in names if name not in dropped), notes


def _title(category: _Named) -> str:
    return category.name or f"class {category.id}"


def _frames_by_video(path: Path, content: _Document, classes: tuple[str, ...]) -> dict[str, list[_FrameBoxes]]:
    """Return the images of one file with their boxes, by the name of their video."""
    known = {image.id for image in content.images}
    names = {each.id: _title(each) for each in content.categories}
    boxes: dict[Id, list[tuple[_Annotation, int]]] = defaultdict(list)
    for annotation in content.annotations:
        if annotation.image_id not in known or annotation.category_id not in names:
            raise UserError(
                f"{path.name} holds a box of image {annotation.image_id} and category {annotation.category_id}, one of "
                "which it does not list. Export the annotations again."
            )
        if not annotation.iscrowd:  # a crowd is a region to ignore, no object
            boxes[annotation.image_id].append((annotation, classes.index(names[annotation.category_id])))
    titles = {each.id: each.name or each.file_name for each in content.videos}
    frames: dict[str, list[_FrameBoxes]] = defaultdict(list)
    for image in content.images:
        name = _video_name(image, titles) or path.stem
        frames[name].append(_FrameBoxes(_frame_number(image, path), image, boxes[image.id]))
    return frames


def _video_name(image: _Image, titles: dict[Id, str]) -> str:
    """Return what the file calls the video of an image, "" if it does not."""
    file = PurePosixPath(image.file_name)
    if image.video_id is not None:
        return titles.get(image.video_id) or file.parent.name or str(image.video_id)
    roboflow = ROBOFLOW.fullmatch(file.stem)
    if roboflow and (video := ROBOFLOW_VIDEO.fullmatch(roboflow["name"])):
        return f"{video['stem']}.{video['suffix']}"
    return file.parent.name


def _frame_number(image: _Image, path: Path) -> int:
    for number in (image.frame_id, image.frame_index):
        if number is not None:
            return number
    stem = PurePosixPath(image.file_name).stem
    roboflow = ROBOFLOW.fullmatch(stem)
    match = LAST_NUMBER.search(roboflow["name"] if roboflow else stem)
    if match is None:
        raise UserError(
            f"{path.name} does not tell which frame of a video the image “{image.file_name}” is. Give the images a "
            "`frame_id`, or file names that end in the frame's number."
        )
    return int(match[1])


def _sequence(
    name: str, frames: list[_FrameBoxes], classes: tuple[str, ...], notes: list[str], first: int, *, shifted: bool
) -> LabelSequence:
    _check_distinct(name, frames)
    notes = [*notes, *(["Frames are counted from 1 in the file."] if first else [])]
    given = {box.object for each in frames for box, _ in each.boxes} - {None}
    ids: dict[Id, int] = {}
    if all(isinstance(each, int) and 1 <= each < 1 << 53 for each in given):
        ids = {each: int(each) for each in given if each is not None}
    else:
        ids = {each: number for number, each in enumerate(sorted(given, key=str), 1) if each is not None}
    next_id = max(ids.values(), default=0) + 1
    single = repeated = 0
    boxes: dict[tuple[int, int], tuple[float, float, float, float, int]] = {}
    for frame in frames:
        for each, class_id in frame.boxes:
            if each.object is None:
                identity, next_id, single = next_id, next_id + 1, single + 1
            else:
                identity = ids[each.object]
            key = frame.number - first, identity
            repeated += key in boxes
            left, top, width, height = each.bbox
            boxes[key] = left, top, left + width, top + height, class_id
    if single:
        notes.append(untracked_note(single, len(boxes)))
    if repeated:
        notes.append(f"{repeated} times an object has two boxes in one frame; the last one counts.")
    sizes = {(each.image.width, each.image.height) for each in frames}
    image_width, image_height = sizes.pop() if len(sizes) == 1 else (None, None)
    return LabelSequence(
        name=name,
        tracks=table(boxes, classes),
        labeled_frames=sorted(each.number - first for each in frames),
        size=(image_width, image_height) if image_width and image_height else None,
        notes=notes,
        shifted=shifted and all(each.image.frame_id is None and each.image.frame_index is None for each in frames),
    )


def _check_distinct(name: str, frames: list[_FrameBoxes]) -> None:
    """Check that no two images are the same frame, such as augmented copies."""
    seen: dict[int, _Image] = {}
    for each in frames:
        if other := seen.get(each.number):
            raise UserError(
                f"The images “{other.file_name}” and “{each.image.file_name}” of “{name}” are both frame "
                f"{each.number}. Export the annotations without augmented copies, with one image for each frame, and "
                "one file for each video."
            )
        seen[each.number] = each.image
