"""COCO annotations of video frames, with the object IDs that several tools add to them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from backend.errors import UserError
from backend.labels.attributes import clean_values
from backend.labels.box_attributes import BoxAttributes
from backend.labels.label_files import (
    Box,
    FrameNumber,
    Pixels,
    duplicates_note,
    find_files,
    parse_json,
    read_bytes,
    tracks_from_boxes,
    untracked_note,
)
from backend.labels.label_format import LabelFormat, ReadOptions
from backend.labels.label_sequence import LabelSequence
from bytetrack.tracks import Tracks

LAST_NUMBER = re.compile(r"(\d{1,7})\D*$")
# Roboflow appends a suffix and a hash to the name of an image: sample_mp4-0009_jpg.rf.4c0d2a.jpg.
ROBOFLOW_NAME = re.compile(r"(?P<name>.+)[._](jpe?g|png|bmp|webp|tiff?)\.rf\.\w+", re.IGNORECASE)
ROBOFLOW_VIDEO = re.compile(r"(?P<stem>.+)_(?P<suffix>mp4|mov|m4v|avi|mkv|webm|mpe?g|wmv|flv)-\d+", re.IGNORECASE)
ROBOFLOW_FILE = "_annotations.coco.json"  # in each of the folders train, valid and test
CVAT_NAME = re.compile(r"frame_\d{6,}\.PNG")  # of the frame of a video, counted from 0
# Attributes of CVAT that say nothing about the object itself.
TOOL_ATTRIBUTES = ("track_id", "instance_id", "keyframe", "outside", "rotation")
NO_OBJECT_ID = (-1, "-1")
MAX_OBJECT_ID = (1 << 53) - 1  # the largest integer that JavaScript represents

Id = int | str


class _Image(BaseModel):
    id: Id
    file_name: str = ""
    width: int | None = None
    height: int | None = None
    video_id: Id | None = None
    frame_id: FrameNumber | None = None
    frame_index: FrameNumber | None = None

    @property
    def stated_frame(self) -> int | None:
        """Frame number that the file states apart from the image's name."""
        return self.frame_id if self.frame_id is not None else self.frame_index


class _Annotation(BaseModel):
    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    iscrowd: int | bool = 0
    track_id: Id | None = None
    instance_id: Id | None = None
    attributes: dict[str, Any] = {}

    @property
    def object_id(self) -> Id | None:
        """ID of the object in its video, wherever the tool writes it; None if the box has none."""
        candidates = (
            self.track_id,
            self.instance_id,
            self.attributes.get("track_id"),
            self.attributes.get("instance_id"),
        )
        for candidate in candidates:
            if isinstance(candidate, (int, str)) and candidate not in NO_OBJECT_ID:
                return candidate
        return None


class _Category(BaseModel):
    id: Id
    name: str = ""
    supercategory: Any = None

    @property
    def class_name(self) -> str:
        """Name, or the ID if it has no name."""
        return self.name or f"class {self.id}"


class _Video(BaseModel):
    id: Id
    name: str = ""
    file_name: str = ""


class _Document(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]
    videos: list[_Video] = []


@dataclass(frozen=True)
class AnnotatedVideo:
    """Labels of one video to write.

    Attributes:
        name: Name of the video.
        tracks: Boxes by frame number.
        labeled_frames: Numbers of the frames that are written as images.
        size: Width and height of the images in pixels.
        file_name: Returns the name of the image file of a frame.
        box_attributes: Attributes of the boxes.
    """

    name: str
    tracks: Tracks
    labeled_frames: list[int]
    size: tuple[int, int]
    file_name: Callable[[int], str]
    box_attributes: BoxAttributes = field(default_factory=dict)


def to_document(videos: Iterable[AnnotatedVideo], classes: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return COCO annotations with `videos`, `video_id`, `frame_id` (from 0) and `track_id`.

    Args:
        videos: Labeled videos.
        classes: Classes of all videos. Category IDs count from 1.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    video_entries: list[dict[str, Any]] = []
    for video in videos:
        video_id = len(video_entries) + 1
        video_entries.append({"id": video_id, "name": video.name})
        image_ids: dict[int, int] = {}
        for frame in video.labeled_frames:
            image_ids[frame] = len(images) + 1
            images.append(
                {
                    "id": image_ids[frame],
                    "file_name": video.file_name(frame),
                    "width": video.size[0],
                    "height": video.size[1],
                    "video_id": video_id,
                    "frame_id": frame,
                }
            )
        for row in video.tracks.rows():
            left, top, right, bottom = row["xyxy"]
            width, height = round(right - left, 2), round(bottom - top, 2)
            attributes = video.box_attributes.get((row["frame"], row["id"]))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_ids[row["frame"]],
                    "category_id": classes.index(video.tracks.classes[row["class_id"]]) + 1,
                    "bbox": [left, top, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "track_id": row["id"],
                    **({"attributes": dict(attributes)} if attributes else {}),
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return {"images": images, "annotations": annotations, "categories": categories, "videos": video_entries}


def to_bytes(document: dict[str, list[dict[str, Any]]]) -> bytes:
    """Return a document as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def detect(path: Path) -> Path | None:
    """Return the JSON file by which a path is recognized, None if there is none."""
    if path.is_file():
        return path if path.suffix.lower() == ".json" else None
    return next(iter(find_exports(path)), None)


def find_exports(folder: Path) -> list[Path]:
    """Return the annotation files in a folder, in its `annotations`, or in Roboflow's train, valid and test."""
    return (
        sorted(folder.glob("*.json"))
        or sorted(folder.glob("annotations/*.json"))
        or find_files(folder, ROBOFLOW_FILE, max_depth=2)
    )


def read(*paths: Path) -> list[LabelSequence]:
    """Read the files of one export: one sequence per video that the images name, or one if they name none.

    Frame numbers come from `frame_id` or `frame_index`, or from the last number in the file name of the image. They
    count from 0, or from 1 if the first number of each video is 1.

    Args:
        *paths: The files. Most tools write one, Roboflow one per split.

    Raises:
        UserError: If they are not COCO, or the frame of an image is unknown.
    """
    documents = [(path, parse_json(_Document, read_bytes(path), path.name)) for path in paths]
    for path, document in documents:
        if not document.images or not document.categories:
            raise UserError(f"{path.name} has no images or no categories. Export the annotations again with images.")
    classes, notes = _find_classes([document for _, document in documents])
    videos: dict[str, list[_Frame]] = defaultdict(list)
    for path, document in documents:
        for name, frames in _group_by_video(path, document, classes).items():
            videos[name] += frames
    counts_from_one = all(min(frame.number for frame in frames) == 1 for frames in videos.values()) and not any(
        CVAT_NAME.fullmatch(PurePosixPath(frame.image.file_name).name) for frames in videos.values() for frame in frames
    )
    return [
        _to_sequence(name, frames, classes, notes, counts_from_one=counts_from_one, is_only=len(videos) == 1)
        for name, frames in videos.items()
    ]


@dataclass(frozen=True)
class _Frame:
    """One image, its frame number in the file, and its boxes, each with its class ID."""

    number: int
    image: _Image
    boxes: list[tuple[_Annotation, int]]


def _find_classes(documents: list[_Document]) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of the classes, and notes.

    Roboflow adds a category for the project, which has no boxes and is the supercategory of the others. It is dropped.
    """
    used: set[str] = set()
    for document in documents:
        ids = {annotation.category_id for annotation in document.annotations}
        used |= {category.class_name for category in document.categories if category.id in ids}
    categories = [category for document in documents for category in document.categories]
    names = dict.fromkeys(category.class_name for category in categories)
    groups = [category.supercategory for category in categories if category.supercategory != category.name]
    dropped = [name for name in names if name in groups and name not in used]
    notes = [f"Category “{name}” dropped: it has no boxes and only groups other categories." for name in dropped]
    return tuple(name for name in names if name not in dropped), notes


def _group_by_video(path: Path, document: _Document, classes: tuple[str, ...]) -> dict[str, list[_Frame]]:
    """Return the images of one file with their boxes, by the name of their video."""
    image_ids = {image.id for image in document.images}
    class_names = {category.id: category.class_name for category in document.categories}
    boxes: dict[Id, list[tuple[_Annotation, int]]] = defaultdict(list)
    for annotation in document.annotations:
        if annotation.image_id not in image_ids or annotation.category_id not in class_names:
            raise UserError(
                f"{path.name} has a box of image {annotation.image_id} and category {annotation.category_id}, but does "
                "not list both. Export the annotations again."
            )
        if not annotation.iscrowd:  # a crowd is a region to ignore, not an object
            boxes[annotation.image_id].append((annotation, classes.index(class_names[annotation.category_id])))
    titles = {video.id: video.name or video.file_name for video in document.videos}
    videos: dict[str, list[_Frame]] = defaultdict(list)
    for image in document.images:
        name = _video_name(image, titles) or path.stem
        videos[name].append(_Frame(_frame_number(image, path), image, boxes[image.id]))
    return videos


def _video_name(image: _Image, titles: dict[Id, str]) -> str:
    """Return the name of the video of an image, "" if the file does not state it."""
    file = PurePosixPath(image.file_name)
    if image.video_id is not None:
        return titles.get(image.video_id) or file.parent.name or str(image.video_id)
    roboflow = ROBOFLOW_NAME.fullmatch(file.stem)
    if roboflow and (video := ROBOFLOW_VIDEO.fullmatch(roboflow["name"])):
        return f"{video['stem']}.{video['suffix']}"
    return file.parent.name


def _frame_number(image: _Image, path: Path) -> int:
    """Return the frame number of an image in the file.

    Raises:
        UserError: If neither the file nor the name of the image states it.
    """
    if image.stated_frame is not None:
        return image.stated_frame
    stem = PurePosixPath(image.file_name).stem
    roboflow = ROBOFLOW_NAME.fullmatch(stem)
    match = LAST_NUMBER.search(roboflow["name"] if roboflow else stem)
    if match is None:
        raise UserError(
            f"{path.name} does not state which frame of a video the image “{image.file_name}” is. Give the images a "
            "`frame_id`, or file names that end in the frame number."
        )
    return int(match[1])


def _to_sequence(
    name: str,
    frames: list[_Frame],
    classes: tuple[str, ...],
    export_notes: list[str],
    *,
    counts_from_one: bool,
    is_only: bool,
) -> LabelSequence:
    """Return the labels of one video.

    Args:
        name: Name of the video.
        frames: Images of the video with their boxes.
        classes: Classes of all videos.
        export_notes: Notes that concern all videos.
        counts_from_one: Whether 1 is the number of the first frame of each video.
        is_only: Whether it is the only video. If all of several videos start with 1, numbers surely count from 1.
    """
    _check_distinct(name, frames)
    first = int(counts_from_one)
    notes = [*export_notes, *(["Frames are counted from 1 in the file."] if counts_from_one else [])]
    object_ids = _number_objects(frames)
    next_id = max(object_ids.values(), default=0) + 1
    untracked = duplicates = 0
    boxes: dict[tuple[int, int], Box] = {}
    raw_attributes: dict[tuple[int, int], dict[str, Any]] = {}
    for frame in frames:
        for annotation, class_id in frame.boxes:
            if annotation.object_id is None:
                object_id, next_id, untracked = next_id, next_id + 1, untracked + 1
            else:
                object_id = object_ids[annotation.object_id]
            key = frame.number - first, object_id
            duplicates += key in boxes
            left, top, width, height = annotation.bbox
            boxes[key] = left, top, left + width, top + height, class_id
            raw_attributes[key] = {
                name: value for name, value in annotation.attributes.items() if name not in TOOL_ATTRIBUTES
            }
    attributes, attribute_notes = clean_values(raw_attributes)
    notes += attribute_notes
    if untracked:
        notes.append(untracked_note(untracked, len(boxes)))
    if duplicates:
        notes.append(duplicates_note(duplicates))
    sizes = {(frame.image.width, frame.image.height) for frame in frames}
    image_width, image_height = sizes.pop() if len(sizes) == 1 else (None, None)
    return LabelSequence(
        name=name,
        tracks=tracks_from_boxes(boxes, classes),
        labeled_frames=sorted(frame.number - first for frame in frames),
        size=(image_width, image_height) if image_width and image_height else None,
        notes=notes,
        box_attributes=attributes,
        may_lack_first_image=counts_from_one and is_only and all(frame.image.stated_frame is None for frame in frames),
    )


def _number_objects(frames: list[_Frame]) -> dict[Id, int]:
    """Return the object ID for each ID in the file: the same if all are positive integers, else a number from 1 on."""
    ids = {annotation.object_id for frame in frames for annotation, _ in frame.boxes} - {None}
    if all(isinstance(given, int) and 1 <= given <= MAX_OBJECT_ID for given in ids):
        return {given: int(given) for given in ids if given is not None}
    return {given: number for number, given in enumerate(sorted(ids, key=str), 1) if given is not None}


def _check_distinct(name: str, frames: list[_Frame]) -> None:
    """Check that no two images have the same frame number, as augmented copies do.

    Raises:
        UserError: With the names of two such images.
    """
    images: dict[int, _Image] = {}
    for frame in frames:
        if other := images.get(frame.number):
            raise UserError(
                f"The images “{other.file_name}” and “{frame.image.file_name}” of “{name}” are both frame "
                f"{frame.number}. Export the annotations without augmented copies, with one image per frame, and one "
                "file per video."
            )
        images[frame.number] = frame.image


def _read_path(path: Path, options: ReadOptions) -> list[LabelSequence]:
    """Read a file, or the files in a folder. Roboflow's are the splits of one export, others belong to one each."""
    files = [path] if path.is_file() else find_exports(path)
    if all(file.name == ROBOFLOW_FILE for file in files):
        return read(*files)
    return [sequence for file in files for sequence in read(file)]


FORMAT = LabelFormat(
    name="coco",
    title="COCO",
    description="a `.json` file whose images have frame numbers.",
    detect=detect,
    read=_read_path,
    rank=3,
)
