"""The input of a SageMaker Ground Truth job of the type video object tracking: manifest, sequence files, categories.

Frame `k` of a job is frame `every * k` of its clip. Sequence files cannot say so, hence the manifest does, under
`STUDIO_KEY`. Ground Truth copies it to the output manifest, where `reading` finds it.
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

from backend.labels import box_attributes
from backend.labels.attributes import AttributeDefinition
from backend.labels.box_attributes import FLAGS, AttributeValue, BoxAttributes
from backend.labels.formats.ground_truth.layout import (
    ATTRIBUTE_NOT_SET,
    ATTRIBUTE_SET,
    CATEGORIES_FILE,
    INITIAL_LABELS_ATTRIBUTE,
    INPUT_MANIFEST,
    STUDIO_KEY,
    TASK_TYPE,
)
from backend.labels.labeling_spec import LabelingSpec
from bytetrack.tracks import Tracks


def input_files(spec: LabelingSpec, address: str, frame_addresses: Mapping[str, str]) -> dict[str, bytes]:
    """Return the input files of a job, except for the frames.

    Args:
        spec: The labeling job.
        address: Address of the folder that the files will be stored in, such as `s3://bucket/folder/`, with a slash at
            its end.
        frame_addresses: Address of the folder with the frames of each clip, with a slash at its end, by the name of
            the clip.

    Returns:
        Contents by path below `address`. `INPUT_MANIFEST` and `CATEGORIES_FILE` are among the paths.
    """
    files: dict[str, bytes] = {}
    lines = []
    for number, (name, clip) in enumerate(spec.clips.items()):
        file_names = sorted(path.name for path in clip.folder.glob("*.jpg"))
        folder = f"{number}/{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"
        sequence_path = f"{folder}-sequence.json"
        files[sequence_path] = _to_json(sequence_file(number + 1, frame_addresses[name], file_names))
        line: dict[str, Any] = {"source-ref": address + sequence_path}
        line[STUDIO_KEY] = {"clip": name, "every": clip.every, "frames": clip.length} | stated_attributes(
            spec.attributes
        )
        if clip.initial_tracks is not None:
            labels_path = f"{folder}/SeqLabel.json"
            tracks = subsample_tracks(clip.initial_tracks, clip.every, len(file_names))
            attributes = box_attributes.subsample(clip.box_attributes, clip.every)
            files[labels_path] = _to_json(label_document(tracks, dict(enumerate(file_names)), spec.classes, attributes))
            line[INITIAL_LABELS_ATTRIBUTE] = address + labels_path
            line[f"{INITIAL_LABELS_ATTRIBUTE}-metadata"] = label_metadata(spec.classes, "earlier")
        lines.append(json.dumps(line))
    files[INPUT_MANIFEST] = "".join(f"{line}\n" for line in lines).encode()
    files[CATEGORIES_FILE] = _to_json(label_categories(spec))
    return files


def sequence_file(number: int, prefix: str, file_names: Sequence[str]) -> dict[str, Any]:
    """Return the sequence file of a clip.

    Args:
        number: Number of the clip in its job, counted from 1.
        prefix: Address of the folder with the frames, with a slash at its end.
        file_names: Files of the frames, in their order.
    """
    frames = [{"frame-no": index, "frame": name} for index, name in enumerate(file_names)]
    return {"seq-no": number, "prefix": prefix, "number-of-frames": len(frames), "frames": frames}


def label_categories(spec: LabelingSpec) -> dict[str, Any]:
    """Return the label category configuration: classes, box attributes, instructions, and the labels to correct."""
    document: dict[str, Any] = {
        "documentVersion": "2020-03-01",
        "labels": [{"label": name} for name in spec.classes],
        "categoryGlobalAttributes": [
            *(
                {
                    "name": name,
                    "description": description,
                    "type": "string",
                    "enum": [ATTRIBUTE_SET, ATTRIBUTE_NOT_SET],
                }
                for name, description in FLAGS.items()
            ),
            *(_category_attribute(definition) for definition in spec.attributes),
        ],
        "annotationType": "BoundingBox",
        "instructions": {"shortInstruction": spec.short_instructions, "fullInstruction": spec.full_instructions},
    }
    if any(clip.initial_tracks is not None for clip in spec.clips.values()):
        document["auditLabelAttributeName"] = INITIAL_LABELS_ATTRIBUTE
    return document


def _category_attribute(definition: AttributeDefinition) -> dict[str, Any]:
    """Return an attribute of the label category configuration. One of any text has no list of values."""
    attribute: dict[str, Any] = {"name": definition.name, "description": definition.name, "type": "string"}
    if definition.kind == "checkbox":
        attribute["enum"] = [ATTRIBUTE_SET, ATTRIBUTE_NOT_SET]
    elif definition.kind == "choice":
        attribute["enum"] = definition.values
    return attribute


def stated_attributes(definitions: Sequence[AttributeDefinition]) -> dict[str, Any]:
    """Return the entry of `STUDIO_KEY` that states the attributes of a job; none if it has no attributes."""
    return {"attributes": [definition.model_dump() for definition in definitions]} if definitions else {}


def label_metadata(classes: Sequence[str], job: str) -> dict[str, Any]:
    """Return the metadata that a manifest holds about the labels of one clip."""
    return {
        "class-map": {str(number): name for number, name in enumerate(classes)},
        "job-name": f"labeling-job/{job}",
        "human-annotated": "yes",
        "creation-date": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"),
        "type": TASK_TYPE,
    }


def subsample_tracks(tracks: Tracks, every: int, frames: int) -> Tracks:
    """Return the boxes on every `every`-th frame of a clip, by frame numbers of the job.

    Args:
        tracks: Tracks by frame numbers of the clip.
        every: Step between labeled frames.
        frames: Number of frames in the job. Boxes on later ones are dropped.
    """
    kept = tracks.select((tracks.frame % every == 0) & (tracks.frame < every * frames))
    return Tracks(kept.frame // every, kept.id, kept.xyxy, kept.score, kept.class_id, kept.classes)


def label_document(
    tracks: Tracks,
    file_names: Mapping[int, str],
    classes: Sequence[str],
    attributes: BoxAttributes | None = None,
) -> dict[str, Any]:
    """Return the labels of one clip in the format of Ground Truth's `SeqLabel.json`.

    Boxes are rounded to whole pixels. An object has one class, the one that most of its boxes have.

    Args:
        tracks: Boxes by frame numbers of the job.
        file_names: File of each labeled frame, by its number. Boxes on other frames are left out.
        classes: Classes of the job, which contain those of the tracks.
        attributes: Attributes of the boxes.
    """
    class_names, titles = _name_objects(tracks)
    no_values: dict[str, AttributeValue] = {}
    annotations: dict[int, list[dict[str, Any]]] = {frame: [] for frame in file_names}
    for frame, object_id, box in zip(tracks.frame.tolist(), tracks.id.tolist(), tracks.xyxy.round().astype(int)):
        if frame not in annotations:
            continue
        left, top, right, bottom = box.tolist()
        annotations[frame].append(
            {
                "height": max(bottom - top, 1),
                "width": max(right - left, 1),
                "top": top,
                "left": left,
                "class-id": str(classes.index(class_names[object_id])),
                "label-category-attributes": {
                    name: ATTRIBUTE_SET if value is True else value
                    for name, value in (attributes or {}).get((frame, object_id), no_values).items()
                },
                "object-id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(object_id))),
                "object-name": titles[object_id],
            }
        )
    return {
        "tracking-annotations": [
            {"annotations": annotations[frame], "frame-no": str(frame), "frame": file_name, "frame-attributes": {}}
            for frame, file_name in file_names.items()
        ]
    }


def _name_objects(tracks: Tracks) -> tuple[dict[int, str], dict[int, str]]:
    """Return the class and the display name, such as `person:2`, of each object by its ID."""
    class_names: dict[int, str] = {}
    titles: dict[int, str] = {}
    objects_per_class: Counter[str] = Counter()
    for object_id in np.unique(tracks.id).tolist():
        class_ids = tracks.class_id[tracks.id == object_id]
        name = tracks.classes[int(np.bincount(class_ids).argmax())]
        objects_per_class[name] += 1
        class_names[object_id] = name
        titles[object_id] = f"{name}:{objects_per_class[name]}"
    return class_names, titles


def _to_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
