"""The folder of a labeling job on this machine: its frames as files, and the boxes that people have drawn so far.

`job.json` describes the job, `input/` has the files that Ground Truth would receive, `frames/<clip>/` the frames and
`drawn/<clip>.json` the boxes, saved as they are drawn.

An object is present from its first keyframe to its last. Its box is interpolated linearly between two keyframes, unless
the first of them starts a gap. An attribute of the job is the same in all frames of an object, or holds from one
keyframe to the next. Frames have the numbers of the job: frame `k` is frame `every * k` of the clip.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.attributes import MAX_TEXT_LENGTH, AttributeDefinition
from backend.labels.box_attributes import FLAGS, AttributeValue, BoxAttributes
from backend.labels.formats.ground_truth import writing
from backend.labels.formats.ground_truth.job_input import input_files, label_document, subsample_tracks
from backend.labels.formats.ground_truth.layout import CATEGORIES_FILE, INPUT_MANIFEST
from backend.labels.keyframes import select_keyframes, split_at_gaps
from backend.labels.label_files import FrameNumber, Pixels
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from backend.progress import Progress
from bytetrack.arrays import FloatArray
from bytetrack.files import write_atomically
from bytetrack.tracks import Tracks

JOB_FILE = "job.json"
MAX_OBJECTS = 5000  # per clip
LOSSLESS_TOLERANCE_PIXELS = 1e-3  # of interpolated boxes that must equal the initial ones
MIN_SIDE_PIXELS = 1


class EditConflict(Exception):
    """The annotations were saved by someone else in the meantime. Nothing was overwritten."""


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


AttributeValues = dict[str, bool | Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]]


class Keyframe(_Schema):
    """The box of an object in one frame.

    Attributes:
        xyxy: The box in pixels.
        predicted: Whether a tracker or a model placed the box, not a person.
        occluded: Whether something else hides a part of the object, until the next keyframe.
        truncated: Whether a part of the object is outside the frame, until the next keyframe.
        gap: Whether the object is absent between this keyframe and the next.
        attributes: Values of the attributes that change over time, until the next keyframe.
    """

    xyxy: tuple[Pixels, Pixels, Pixels, Pixels]
    predicted: bool = False
    occluded: bool = False
    truncated: bool = False
    gap: bool = False
    attributes: AttributeValues = {}


class LabeledObject(_Schema):
    """An object in a clip, by its keyframes. `attributes` are those that are the same in all its frames."""

    id: int = Field(ge=1, lt=2**31)
    class_id: int = Field(ge=0)
    attributes: AttributeValues = {}
    keys: dict[FrameNumber, Keyframe]


class ClipAnnotations(_Schema):
    """All objects of one clip. `version` counts how often they were saved."""

    version: int = 0
    done: bool = False
    objects: Annotated[list[LabeledObject], Field(max_length=MAX_OBJECTS)] = []


class JobClip(_Schema):
    """A clip of a labeling job.

    Attributes:
        name: Name of the clip.
        every: Step between labeled frames.
        length: Number of frames of the clip, including those that are not labeled.
        frames: Files of the labeled frames.
    """

    name: str
    every: int
    length: int
    frames: list[str]


class JobDescription(_Schema):
    """The content of `job.json`."""

    name: str
    classes: list[str]
    short_instructions: str
    full_instructions: str
    clips: list[JobClip]
    created: float
    stopped: bool = False
    attributes: list[AttributeDefinition] = []


class LabelingFolder:
    """The folder of one labeling job. Several processes and browser tabs may use it at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, spec: LabelingSpec, created: float, progress: Progress) -> LabelingFolder:
        """Create the folder of a job, completely or not at all.

        Args:
            path: Folder to create.
            spec: The labeling job.
            created: Time of creation in seconds since 1970.
            progress: Receives the share of the clips that are copied.
        """
        unfinished = cls(path.with_name(f".{path.name}-{secrets.token_hex(4)}"))
        try:
            clips = []
            for number, (name, clip) in enumerate(spec.clips.items()):
                clips.append(unfinished._add_clip(number, name, clip, spec))
                progress((number + 1) / len(spec.clips), name)
            frame_addresses = {clip.name: f"{path}/frames/{number}/" for number, clip in enumerate(clips)}
            for relative_path, content in input_files(spec, f"{path}/input/", frame_addresses).items():
                target = unfinished.path / "input" / relative_path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            job = JobDescription(
                name=spec.name,
                classes=spec.classes,
                short_instructions=spec.short_instructions,
                full_instructions=spec.full_instructions,
                clips=clips,
                created=created,
                attributes=spec.attributes,
            )
            (unfinished.path / JOB_FILE).write_text(job.model_dump_json())
            unfinished.path.rename(path)
        except BaseException:
            shutil.rmtree(unfinished.path, ignore_errors=True)
            raise
        return cls(path)

    @property
    def job(self) -> JobDescription:
        """Description of the job.

        Raises:
            UserError: If the job was removed.
        """
        try:
            return JobDescription.model_validate_json((self.path / JOB_FILE).read_bytes())
        except FileNotFoundError as error:
            raise UserError("This labeling job was removed.") from error

    def exists(self) -> bool:
        """Return whether the job exists."""
        return (self.path / JOB_FILE).exists()

    def frame_path(self, clip: int, frame: int) -> Path:
        """Return the image file of a frame.

        Raises:
            LookupError: If the job has no such frame.
        """
        clips = self.job.clips
        if not (0 <= clip < len(clips) and 0 <= frame < len(clips[clip].frames)):
            raise LookupError(frame)
        return self.path / "frames" / str(clip) / clips[clip].frames[frame]

    def annotations(self, clip: int) -> ClipAnnotations:
        """Load the annotations of a clip."""
        return ClipAnnotations.model_validate_json(self._annotations_path(clip).read_bytes())

    def save(self, clip: int, content: bytes) -> ClipAnnotations:
        """Save the annotations of a clip.

        Args:
            clip: Number of the clip in the job.
            content: JSON of `ClipAnnotations`, with the version of those that were loaded and edited.

        Returns:
            The annotations with their new version.

        Raises:
            EditConflict: If others were saved since these were loaded.
            UserError: If they are invalid, or the job was stopped.
        """
        job = self.job
        try:
            annotations = ClipAnnotations.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise UserError(f"Cannot save the annotations: {first['msg']} at {first['loc']}.") from error
        _check(annotations, job, job.clips[clip])
        with self._locked():
            if job.stopped:
                raise UserError("This labeling job was stopped. Annotations can no longer be changed.")
            if annotations.version != self.annotations(clip).version:
                raise EditConflict
            annotations.version += 1
            self._write(clip, annotations)
        return annotations

    def stop(self) -> None:
        """Stop the job: its annotations can no longer be changed."""
        with self._locked():
            stopped = self.job.model_copy(update={"stopped": True})
            write_atomically(self.path / JOB_FILE, stopped.model_dump_json().encode())

    def write_output(self, folder: Path, name: str) -> None:
        """Write the labels in the layout of Ground Truth's output, under the label attribute `<name>-ref`.

        Clips that are not labeled have no labels in it.
        """
        job = self.job
        clips: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
        for number, line in enumerate((self.path / "input" / INPUT_MANIFEST).read_text().splitlines()):
            document: dict[str, Any] = json.loads(line)
            source = Path(document["source-ref"])
            _copy(source, folder / source.relative_to("/"))
            annotations = self.annotations(number)
            labels = None
            if self.is_labeled(annotations):
                tracks, attributes = tracks_from_objects(annotations, job.classes)
                file_names = dict(enumerate(job.clips[number].frames))
                labels = label_document(tracks, file_names, job.classes, attributes)
            clips.append((document, labels))
        writing.write_output(folder, f"{self.path}/output/", name, job.classes, clips)
        _copy(self.path / "input" / CATEGORIES_FILE, folder / CATEGORIES_FILE)

    def is_labeled(self, annotations: ClipAnnotations) -> bool:
        """Return whether a clip is done, or has been edited before the job was stopped."""
        return annotations.done or (self.job.stopped and annotations.version > 0)

    def _add_clip(self, number: int, name: str, clip: ClipToLabel, spec: LabelingSpec) -> JobClip:
        file_names = sorted(path.name for path in clip.folder.glob("*.jpg"))
        shutil.copytree(clip.folder, self.path / "frames" / str(number))
        objects: list[LabeledObject] = []
        if clip.initial_tracks is not None:
            tracks = subsample_tracks(clip.initial_tracks, clip.every, len(file_names))
            attributes = box_attributes.subsample(clip.box_attributes, clip.every)
            objects = objects_from_tracks(tracks, spec.classes, attributes, spec.attributes)
        self._write(number, ClipAnnotations(objects=objects))
        return JobClip(name=name, every=clip.every, length=clip.length, frames=file_names)

    def _annotations_path(self, clip: int) -> Path:
        return self.path / "drawn" / f"{clip}.json"

    def _write(self, clip: int, annotations: ClipAnnotations) -> None:
        path = self._annotations_path(clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, annotations.model_dump_json(exclude_defaults=True).encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the job, across processes, while the block runs."""
        with (self.path / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def objects_from_tracks(
    tracks: Tracks,
    classes: Sequence[str],
    attributes: BoxAttributes | None = None,
    definitions: Sequence[AttributeDefinition] = (),
) -> list[LabeledObject]:
    """Represent tracks by predicted keyframes, with gaps where frames are missing.

    Args:
        tracks: Boxes by frame numbers of the job.
        classes: Classes of the job, which contain those of the tracks. An object gets the one of most of its boxes.
        attributes: Attributes of the boxes.
        definitions: Attributes of the job, which contain those of the boxes. One that does not change over time gets
            the value of most boxes of the object.
    """
    changing = [definition.name for definition in definitions if definition.changes]
    constant = [definition.name for definition in definitions if not definition.changes]
    constant_values: dict[int, dict[str, Counter[AttributeValue]]] = defaultdict(lambda: defaultdict(Counter))
    keyframes: dict[int, dict[int, Keyframe]] = {}
    for rows in split_at_gaps(tracks):
        frames, boxes, object_id = tracks.frame[rows], tracks.xyxy[rows], int(tracks.id[rows[0]])
        own = keyframes.setdefault(object_id, {})
        if own:
            own[max(own)].gap = True
        values = [(attributes or {}).get((frame, object_id), {}) for frame in frames.tolist()]
        for name in constant:
            constant_values[object_id][name].update(box[name] for box in values if name in box)
        held = [{name: box[name] for name in (*FLAGS, *changing) if name in box} for box in values]
        # Attributes hold until the next keyframe, so each change of them needs one.
        changes = [row for row in range(1, len(rows)) if held[row] != held[row - 1]]
        tolerance = np.full(len(rows), LOSSLESS_TOLERANCE_PIXELS)
        for row in sorted({*select_keyframes(frames, boxes, tolerance), *changes}):
            left, top, right, bottom = boxes[row].round(2).tolist()
            own[int(frames[row])] = Keyframe(
                xyxy=(left, top, right, bottom),
                predicted=True,
                occluded="occluded" in held[row],
                truncated="truncated" in held[row],
                attributes={name: value for name, value in held[row].items() if name not in FLAGS},
            )
    objects = []
    for object_id, own in keyframes.items():
        class_id = int(np.bincount(tracks.class_id[tracks.id == object_id]).argmax())
        objects.append(
            LabeledObject(
                id=object_id,
                class_id=classes.index(tracks.classes[class_id]),
                attributes={
                    name: values.most_common(1)[0][0] for name, values in constant_values[object_id].items() if values
                },
                keys=own,
            )
        )
    return objects


def tracks_from_objects(
    annotations: ClipAnnotations, classes: Sequence[str]
) -> tuple[Tracks, dict[tuple[int, int], dict[str, AttributeValue]]]:
    """Interpolate the box of each object in each frame in which it is present.

    Returns:
        The boxes by frame numbers of the job, and their attributes.
    """
    rows: list[tuple[int, int, int]] = []  # frame, object ID, class ID
    boxes: list[FloatArray] = []
    attributes: dict[tuple[int, int], dict[str, AttributeValue]] = {}
    for labeled_object in annotations.objects:
        keyframes = labeled_object.keys
        frames = sorted(keyframes)
        for frame, next_frame in zip(frames, [*frames[1:], None]):
            keyframe = keyframes[frame]
            box = np.array(keyframe.xyxy)
            next_box = box if next_frame is None else np.array(keyframes[next_frame].xyxy)
            stop = frame + 1 if next_frame is None or keyframe.gap else next_frame
            flags = {name: True for name in FLAGS if getattr(keyframe, name)}
            values = {**flags, **labeled_object.attributes, **keyframe.attributes}
            for number in range(frame, stop):
                fraction = 0.0 if next_frame is None else (number - frame) / (next_frame - frame)
                rows.append((number, labeled_object.id, labeled_object.class_id))
                boxes.append(box + fraction * (next_box - box))
                if values:
                    attributes[number, labeled_object.id] = values
    if not rows:
        return Tracks.empty(tuple(classes)), attributes
    frame_numbers, object_ids, class_ids = np.array(rows, np.int64).T
    tracks = Tracks(frame_numbers, object_ids, np.array(boxes), np.ones(len(rows)), class_ids, tuple(classes))
    return tracks, attributes


def _check(annotations: ClipAnnotations, job: JobDescription, clip: JobClip) -> None:
    """Check what the schema cannot.

    IDs are unique, classes and attributes are those of the job, and boxes have an area in frames of the clip.
    """
    ids = [labeled_object.id for labeled_object in annotations.objects]
    if len(set(ids)) < len(ids):
        raise UserError("Cannot save the annotations: two objects have the same ID.")
    constant = {definition.name: definition for definition in job.attributes if not definition.changes}
    changing = {definition.name: definition for definition in job.attributes if definition.changes}
    for labeled_object in annotations.objects:
        if labeled_object.class_id >= len(job.classes):
            raise UserError(
                f"Cannot save the annotations: the job does not have the class of object #{labeled_object.id}."
            )
        _check_values(labeled_object.attributes, constant, labeled_object.id)
        for frame, keyframe in labeled_object.keys.items():
            _check_values(keyframe.attributes, changing, labeled_object.id)
            left, top, right, bottom = keyframe.xyxy
            if frame >= len(clip.frames) or right - left < MIN_SIDE_PIXELS or bottom - top < MIN_SIDE_PIXELS:
                raise UserError(
                    f"Cannot save the annotations: the box of object #{labeled_object.id} in frame {frame} is invalid."
                )


def _check_values(
    values: Mapping[str, AttributeValue], definitions: Mapping[str, AttributeDefinition], object_id: int
) -> None:
    for name, value in values.items():
        if name not in definitions or not definitions[name].accepts(value):
            raise UserError(
                f"Cannot save the annotations: object #{object_id} has the attribute “{name}” with the value "
                f"“{value}”, which the job does not define."
            )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
