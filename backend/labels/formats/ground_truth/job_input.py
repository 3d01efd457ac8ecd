"""What goes into a SageMaker Ground Truth job of the task type video object tracking: manifest, sequences, categories.

Frame k of a job's sequence is frame `k * every` of the clip. What the sequence files do not tell goes into the manifest
under `OWN`: Ground Truth passes it on to the output, where `backend.labels.formats.ground_truth.reading` finds it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.box_attributes import ATTRIBUTES, BoxAttributes
from backend.labels.formats.ground_truth.reading import NOT_SET, OWN, SET, TRACKING
from backend.platforms.base import LabelingSpec
from bytetrack.tracks import Tracks

MANIFEST, CATEGORIES = "input.manifest", "label-categories.json"
EARLIER = "earlier-ref"  # the attribute of the labels to correct
# Ground Truth's quotas for video frame object tracking.
MOST_CLIPS, MOST_FRAMES = 10, 2000
MOST_CLASSES, LONGEST_CLASS = 30, 16
LONGEST_SHORT, LONGEST_FULL = 254, 2047  # characters of the instructions


def check(frames: Mapping[str, int], classes: Sequence[str], short_instructions: str, full_instructions: str) -> None:
    """Whether a job can be made.

    Args:
        frames: how many are to be labeled, by the clip's name.

    Raises:
        UserError: naming what is missing or beyond Ground Truth's limits, and what to do.
    """
    if not frames:
        raise UserError("There is nothing to label. Choose at least one clip.")
    if len(frames) > MOST_CLIPS:
        raise UserError(f"{len(frames)} clips are too many: a job may have {MOST_CLIPS}. Start several jobs.")
    for name, count in frames.items():
        if count > MOST_FRAMES:
            raise UserError(
                f"{count:,} frames of “{name}” are too many: a job may have {MOST_FRAMES:,} of each clip. "
                "Cut it into clips, or label fewer of its frames."
            )
    if not classes:
        raise UserError("Nobody would know what to look for. Name at least one class, such as person.")
    if len(classes) > MOST_CLASSES:
        raise UserError(f"{len(classes)} classes are too many: a job may have {MOST_CLASSES}.")
    for name in classes:
        if not 1 <= len(name) <= LONGEST_CLASS:
            raise UserError(f"“{name}” cannot be a class: its name must have 1 to {LONGEST_CLASS} characters.")
        if classes.count(name) > 1:
            raise UserError(f"The class “{name}” is named twice.")
    for title, text, most in (
        ("short instructions", short_instructions, LONGEST_SHORT),
        ("full instructions", full_instructions, LONGEST_FULL),
    ):
        if len(text) > most:
            raise UserError(f"The {title} have {len(text):,} characters, but may have {most:,}. Shorten them.")


def documents(spec: LabelingSpec, address: str, frames: Mapping[str, str]) -> dict[str, bytes]:
    """A job's files but for the frames, by their paths below `address`; `MANIFEST` and `CATEGORIES` are among them.

    Args:
        address: where the files will lie, such as `s3://bucket/folder/`, with a slash at its end.
        frames: where the frames of each clip lie, likewise.
    """
    files: dict[str, bytes] = {}
    lines = []
    for number, (name, clip) in enumerate(spec.clips.items()):
        names = sorted(path.name for path in clip.folder.glob("*.jpg"))
        folder = f"{number}/{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"
        source = f"{folder}-sequence.json"
        files[source] = _json(sequence_file(number + 1, frames[name], names))
        line: dict[str, Any] = {"source-ref": address + source}
        line[OWN] = {"clip": name, "every": clip.every, "frames": clip.length}
        if clip.earlier is not None:
            labels = f"{folder}/SeqLabel.json"
            earlier, noted = (
                thinned(clip.earlier, clip.every, len(names)),
                box_attributes.subsample(clip.box_attributes, clip.every),
            )
            files[labels] = _json(seq_label(earlier, dict(enumerate(names)), spec.classes, noted))
            line[EARLIER] = address + labels
            line[f"{EARLIER}-metadata"] = metadata(spec.classes, "earlier")
        lines.append(json.dumps(line))
    files[MANIFEST] = "".join(f"{line}\n" for line in lines).encode()
    files[CATEGORIES] = _json(categories(spec))
    return files


def sequence_file(number: int, prefix: str, names: Sequence[str]) -> dict[str, Any]:
    """The frames of one clip, which lie at `prefix`."""
    frames = [{"frame-no": index, "frame": name} for index, name in enumerate(names)]
    return {"seq-no": number, "prefix": prefix, "number-of-frames": len(frames), "frames": frames}


def categories(spec: LabelingSpec) -> dict[str, Any]:
    """The label category configuration: classes and instructions, and which labels are to be corrected."""
    document: dict[str, Any] = {
        "documentVersion": "2020-03-01",
        "labels": [{"label": name} for name in spec.classes],
        "categoryGlobalAttributes": [
            {"name": name, "description": description, "type": "string", "enum": [SET, NOT_SET]}
            for name, description in ATTRIBUTES.items()
        ],
        "annotationType": "BoundingBox",
        "instructions": {"shortInstruction": spec.short_instructions, "fullInstruction": spec.full_instructions},
    }
    if any(clip.earlier is not None for clip in spec.clips.values()):
        document["auditLabelAttributeName"] = EARLIER
    return document


def metadata(classes: Sequence[str], job: str) -> dict[str, Any]:
    """What a manifest tells of the labels of one clip."""
    return {
        "class-map": {str(number): name for number, name in enumerate(classes)},
        "job-name": f"labeling-job/{job}",
        "human-annotated": "yes",
        "creation-date": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"),
        "type": TRACKING,
    }


def thinned(tracks: Tracks, every: int, count: int) -> Tracks:
    """The boxes on every `every`-th frame, by the numbers that these `count` frames have in the job."""
    kept = tracks.select((tracks.frame % every == 0) & (tracks.frame < every * count))
    return Tracks(kept.frame // every, kept.id, kept.xyxy, kept.score, kept.class_id, kept.classes)


def seq_label(
    tracks: Tracks,
    names: Mapping[int, str],
    classes: Sequence[str],
    noted: BoxAttributes | None = None,
) -> dict[str, Any]:
    """The labels of one clip as Ground Truth writes them: in whole pixels, each object of one class throughout.

    Args:
        tracks: by the frames' numbers in the job.
        names: the files of the frames that are labeled, those without boxes included; boxes on others are left out.
        classes: the job's; those of the tracks must be among them.
        noted: the marks of the boxes.
    """
    kinds, titles = _objects(tracks)
    annotations: dict[int, list[dict[str, Any]]] = {number: [] for number in names}
    for frame, identity, box in zip(tracks.frame.tolist(), tracks.id.tolist(), tracks.xyxy.round().astype(int)):
        if frame not in annotations:
            continue
        left, top, right, bottom = box.tolist()
        annotations[frame].append(
            {
                "height": max(bottom - top, 1),
                "width": max(right - left, 1),
                "top": top,
                "left": left,
                "class-id": str(classes.index(kinds[identity])),
                "label-category-attributes": dict.fromkeys((noted or {}).get((frame, identity), ()), SET),
                "object-id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(identity))),
                "object-name": titles[identity],
            }
        )
    return {
        "tracking-annotations": [
            {"annotations": annotations[number], "frame-no": str(number), "frame": name, "frame-attributes": {}}
            for number, name in names.items()
        ]
    }


def _objects(tracks: Tracks) -> tuple[dict[int, str], dict[int, str]]:
    """By id: the class that most of an object's boxes have, and what people call it, such as `person:2`."""
    kinds, titles = {}, {}
    counts: Counter[str] = Counter()
    for identity in np.unique(tracks.id).tolist():
        of_object = tracks.class_id[tracks.id == identity]
        kinds[identity] = tracks.classes[int(np.bincount(of_object).argmax())]
        counts[kinds[identity]] += 1
        titles[identity] = f"{kinds[identity]}:{counts[kinds[identity]]}"
    return kinds, titles


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
