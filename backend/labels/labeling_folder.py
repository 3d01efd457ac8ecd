"""Where people label on this machine: a job's frames as files, and the boxes drawn so far, saved as they are drawn.

An object is there from its first key frame to its last. Between two key frames its box moves evenly, unless the first
of them opens a gap. Frames are numbered as in the job: frame k is frame `k * every` of the clip.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.box_attributes import ATTRIBUTES, BoxAttributes
from backend.labels.formats.ground_truth import writing
from backend.labels.formats.ground_truth.job_input import CATEGORIES, MANIFEST, documents, seq_label, thinned
from backend.labels.keyframes import select_keyframes, split_at_gaps
from backend.labels.label_sequence import FrameNumber, Pixels
from backend.platforms.base import LabelingSpec
from backend.progress import Progress
from bytetrack.files import write_atomically
from bytetrack.tracks import Tracks

MOST_OBJECTS = 5000  # in a clip
SAME = 1e-3  # pixels


class EditConflict(Exception):
    """Somebody else saved in between; nothing was overwritten."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Keyframe(_Model):
    """An object's box in one frame, in pixels."""

    xyxy: tuple[Pixels, Pixels, Pixels, Pixels]
    predicted: bool = False  # by following it or by a model; else somebody drew it
    occluded: bool = False
    truncated: bool = False
    gap: bool = False  # whether the object is away from the next frame on, until the next key frame


class LabeledObject(_Model):
    id: int = Field(ge=1, lt=2**31)
    class_id: int = Field(ge=0)
    keys: dict[FrameNumber, Keyframe]


class ClipAnnotations(_Model):
    """All boxes of one clip. `version` counts how often they were saved."""

    version: int = 0
    done: bool = False
    objects: Annotated[list[LabeledObject], Field(max_length=MOST_OBJECTS)] = []


class Clip(_Model):
    name: str
    every: int
    length: int  # frames of the clip itself
    frames: list[str]  # files


class _Job(_Model):
    name: str
    classes: list[str]
    short_instructions: str
    full_instructions: str
    clips: list[Clip]
    created: float
    stopped: bool = False


class LabelingFolder:
    """One labeling job in a folder of its own; several processes and tabs may use it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, folder: Path, spec: LabelingSpec, created: float, progress: Progress) -> LabelingFolder:
        """Make the job: all of it or, on an error, nothing."""
        temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        try:
            job_folder = cls(temporary)
            clips = []
            for number, (name, clip) in enumerate(spec.clips.items()):
                frames = sorted(path.name for path in clip.folder.glob("*.jpg"))
                shutil.copytree(clip.folder, temporary / "frames" / str(number))
                clips.append(Clip(name=name, every=clip.every, length=clip.length, frames=frames))
                earlier = thinned(clip.earlier, clip.every, len(frames)) if clip.earlier is not None else Tracks.empty()
                noted = box_attributes.subsample(clip.box_attributes, clip.every)
                job_folder._write(number, ClipAnnotations(objects=objects_from_tracks(earlier, spec.classes, noted)))
                progress((number + 1) / len(spec.clips), name)
            for path, content in documents(spec, f"{folder}/input/", job_folder._addresses(folder, clips)).items():
                target = temporary / "input" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            job = _Job(
                name=spec.name,
                classes=spec.classes,
                short_instructions=spec.short_instructions,
                full_instructions=spec.full_instructions,
                clips=clips,
                created=created,
            )
            (temporary / "job.json").write_text(job.model_dump_json())
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return cls(folder)

    @property
    def job(self) -> _Job:
        """Raises UserError if it was removed."""
        try:
            return _Job.model_validate_json((self.path / "job.json").read_bytes())
        except FileNotFoundError as error:
            raise UserError("This labeling job was removed.") from error

    def exists(self) -> bool:
        return (self.path / "job.json").exists()

    def frame_path(self, clip: int, frame: int) -> Path:
        """Raises LookupError if there is no such frame."""
        clips = self.job.clips
        if not (0 <= clip < len(clips) and 0 <= frame < len(clips[clip].frames)):
            raise LookupError(frame)
        return self.path / "frames" / str(clip) / clips[clip].frames[frame]

    def annotations(self, clip: int) -> ClipAnnotations:
        return ClipAnnotations.model_validate_json(self._annotations_path(clip).read_bytes())

    def save(self, clip: int, content: bytes) -> ClipAnnotations:
        """Keep what was drawn: JSON of a `ClipAnnotations` whose version is that of the one it was made from.

        Raises:
            EditConflict: if another one was saved in between.
            UserError: if it is not what it should be.
        """
        job = self.job
        try:
            new = ClipAnnotations.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise UserError(f"What was drawn cannot be saved: {first['msg']} at {first['loc']}.") from error
        _check(new, job.clips[clip], job.classes)
        with self._locked():
            if job.stopped:
                raise UserError("This labeling job was stopped: nothing more can be drawn.")
            if new.version != self.annotations(clip).version:
                raise EditConflict
            new.version += 1
            self._write(clip, new)
        return new

    def stop(self) -> None:
        with self._locked():
            write_atomically(
                self.path / "job.json", self.job.model_copy(update={"stopped": True}).model_dump_json().encode()
            )

    def write_output(self, folder: Path, ref: str) -> None:
        """Write what was labeled in Ground Truth's layout, under the label attribute `ref`; clips not done are left
        without labels."""
        job, clips = self.job, []
        for number, line in enumerate((self.path / "input" / MANIFEST).read_text().splitlines()):
            document: dict[str, Any] = json.loads(line)
            source = Path(document["source-ref"])
            _copy(source, folder / source.relative_to("/"))
            drawn, labels = self.annotations(number), None
            if self.is_labeled(drawn):
                tracks, noted = tracks_from_objects(drawn, job.classes)
                labels = seq_label(tracks, dict(enumerate(job.clips[number].frames)), job.classes, noted)
            clips.append((document, labels))
        writing.write(folder, f"{self.path}/output/", ref, job.classes, clips)
        _copy(self.path / "input" / CATEGORIES, folder / CATEGORIES)

    def is_labeled(self, drawn: ClipAnnotations) -> bool:
        """Whether it is finished; in a job that was stopped, whether anything was drawn."""
        return drawn.done or (self.job.stopped and drawn.version > 0)

    def _annotations_path(self, clip: int) -> Path:
        return self.path / "drawn" / f"{clip}.json"

    def _write(self, clip: int, drawn: ClipAnnotations) -> None:
        self._annotations_path(clip).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._annotations_path(clip), drawn.model_dump_json(exclude_defaults=True).encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _addresses(self, folder: Path, clips: list[Clip]) -> dict[str, str]:
        return {clip.name: f"{folder}/frames/{number}/" for number, clip in enumerate(clips)}


def objects_from_tracks(tracks: Tracks, classes: list[str], noted: BoxAttributes | None = None) -> list[LabeledObject]:
    """As predicted key frames, with gaps where frames are missing; frames by their numbers in the job."""
    keys: dict[int, dict[int, Keyframe]] = {}
    for rows in split_at_gaps(tracks):
        frames, boxes, id = tracks.frame[rows], tracks.xyxy[rows], int(tracks.id[rows[0]])
        own = keys.setdefault(id, {})
        if own:  # there was a stretch before
            own[max(own)].gap = True
        found = [tuple((noted or {}).get((frame, id), ())) for frame in frames.tolist()]
        changes = [row for row in range(1, len(rows)) if found[row] != found[row - 1]]  # marks hold until the next key
        for row in sorted({*select_keyframes(frames, boxes, np.full(len(rows), SAME)), *changes}):
            here = dict.fromkeys(found[row], True)
            own[int(frames[row])] = Keyframe(xyxy=tuple(boxes[row].round(2).tolist()), predicted=True, **here)
    kinds = {id: tracks.classes[int(np.bincount(tracks.class_id[tracks.id == id]).argmax())] for id in keys}
    return [LabeledObject(id=id, class_id=classes.index(kinds[id]), keys=own) for id, own in keys.items()]


def tracks_from_objects(drawn: ClipAnnotations, classes: list[str]) -> tuple[Tracks, dict[tuple[int, int], list[str]]]:
    """The box of each object in each frame, and by frame and id which of `ATTRIBUTES` it has."""
    rows: list[tuple[int, int, int, np.ndarray]] = []
    noted: dict[tuple[int, int], list[str]] = {}
    for each in drawn.objects:
        frames = sorted(each.keys)
        for frame, following in zip(frames, [*frames[1:], None]):
            key = each.keys[frame]
            here = np.array(key.xyxy)
            last = frame + 1 if following is None or key.gap else following
            there = here if following is None else np.array(each.keys[following].xyxy)
            for number in range(frame, last):
                share = (number - frame) / (following - frame) if following is not None else 0.0
                rows.append((number, each.id, each.class_id, here + share * (there - here)))
                if found := [name for name in ATTRIBUTES if getattr(key, name)]:
                    noted[number, each.id] = found
    if not rows:
        return Tracks.empty(tuple(classes)), noted
    whole = np.array([row[:3] for row in rows])
    xyxy = np.array([row[3] for row in rows])
    return Tracks(whole[:, 0], whole[:, 1], xyxy, np.ones(len(rows)), whole[:, 2], tuple(classes)), noted


def _check(drawn: ClipAnnotations, clip: Clip, classes: list[str]) -> None:
    ids = [each.id for each in drawn.objects]
    if len(set(ids)) < len(ids):
        raise UserError("What was drawn cannot be saved: two objects have the same number.")
    for each in drawn.objects:
        if each.class_id >= len(classes):
            raise UserError(f"What was drawn cannot be saved: #{each.id} is of a class that the job does not have.")
        for frame, key in each.keys.items():
            left, top, right, bottom = key.xyxy
            if frame >= len(clip.frames) or right - left < 1 or bottom - top < 1:
                raise UserError(f"What was drawn cannot be saved: the box of #{each.id} in frame {frame} is none.")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
