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
from backend.labels.sequence import (
    FrameNumber,
    Pixels,
    Sequence,
    parse,
    read_bytes,
    table,
)
from bytetrack.tracks import Tracks

LAST_NUMBER = re.compile(r"(\d{1,7})\D*$")
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
        return next((each for each in given if isinstance(each, (int, str))), None)


class _Named(BaseModel):
    id: Id
    name: str = ""
    file_name: str = ""


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
    labelled_frames: list[int]
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
        for frame in part.labelled_frames:
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


def read(path: Path) -> list[Sequence]:
    """One sequence per video that the images name; all images are one video's where they name none.

    Frame numbers come from `frame_id` or `frame_index`, or from the last number in the image's file name. They count
    from 0, or from 1 where 1 is the first in every video.

    Raises:
        UserError: if it is not COCO, or its images cannot be put in order.
    """
    content = parse(_Document, read_bytes(path), path.name)
    if not content.images or not content.categories:
        raise UserError(f"{path.name} lists no images or no categories. Export the annotations again, images included.")
    classes = tuple(dict.fromkeys(each.name or f"class {each.id}" for each in content.categories))
    class_ids = {each.id: classes.index(each.name or f"class {each.id}") for each in content.categories}

    images: dict[str, list[_Image]] = defaultdict(list)
    titles = {each.id: each.name or each.file_name for each in content.videos}
    for image in content.images:
        folder = PurePosixPath(image.file_name).parent.name
        named = folder if image.video_id is None else titles.get(image.video_id) or folder or str(image.video_id)
        images[named or path.stem].append(image)
    numbers = {image.id: _frame_number(image, path) for image in content.images}
    first = 1 if all(min(numbers[image.id] for image in some) == 1 for some in images.values()) else 0

    annotations: dict[Id, list[_Annotation]] = defaultdict(list)
    for annotation in content.annotations:
        if annotation.image_id not in numbers or annotation.category_id not in class_ids:
            raise UserError(
                f"{path.name} holds a box of image {annotation.image_id} and category {annotation.category_id}, one of "
                "which it does not list. Export the annotations again."
            )
        if not annotation.iscrowd:  # a crowd is a region to ignore, no object
            annotations[annotation.image_id].append(annotation)
    return [
        _sequence(
            name, [(numbers[each.id] - first, each, annotations[each.id]) for each in some], class_ids, classes, first
        )
        for name, some in images.items()
    ]


def _frame_number(image: _Image, path: Path) -> int:
    for number in (image.frame_id, image.frame_index):
        if number is not None:
            return number
    match = LAST_NUMBER.search(PurePosixPath(image.file_name).stem)
    if match is None:
        raise UserError(
            f"{path.name} does not tell which frame of a video the image “{image.file_name}” is. Give the images a "
            "`frame_id`, or file names that end in the frame's number."
        )
    return int(match[1])


def _sequence(
    name: str,
    frames: list[tuple[int, _Image, list[_Annotation]]],
    class_ids: dict[Id, int],
    classes: tuple[str, ...],
    first: int,
) -> Sequence:
    notes = ["Frames are counted from 1 in the file."] if first else []
    given = {each.object for _, _, some in frames for each in some} - {None}
    ids: dict[Id, int] = {}
    if all(isinstance(each, int) and 1 <= each < 1 << 53 for each in given):
        ids = {each: int(each) for each in given if each is not None}
    else:
        ids = {each: number for number, each in enumerate(sorted(given, key=str), 1) if each is not None}
    next_id = max(ids.values(), default=0) + 1
    single = repeated = 0
    boxes: dict[tuple[int, int], tuple[float, float, float, float, int]] = {}
    for number, _, drawn in frames:
        for each in drawn:
            if each.object is None:
                identity, next_id, single = next_id, next_id + 1, single + 1
            else:
                identity = ids[each.object]
            repeated += (number, identity) in boxes
            left, top, width, height = each.bbox
            boxes[number, identity] = left, top, left + width, top + height, class_ids[each.category_id]
    if single:
        what = "The boxes have" if single == len(boxes) else f"{single} boxes have"
        notes.append(f"{what} no track id: detections only, which can train a detector but cannot score tracks.")
    if repeated:
        notes.append(f"{repeated} times an object has two boxes in one frame; the last one counts.")
    sizes = {(image.width, image.height) for _, image, _ in frames}
    image_width, image_height = sizes.pop() if len(sizes) == 1 else (None, None)
    return Sequence(
        name=name,
        tracks=table(boxes, classes),
        labelled_frames=sorted({number for number, _, _ in frames}),
        size=(image_width, image_height) if image_width and image_height else None,
        notes=notes,
    )
