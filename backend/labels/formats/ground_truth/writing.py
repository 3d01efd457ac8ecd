"""Write labels in the layout of the output folder of a SageMaker Ground Truth video object tracking job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.labels.attributes import AttributeDefinition
from backend.labels.box_attributes import BoxAttributes
from backend.labels.formats.ground_truth.job_input import (
    label_document,
    label_metadata,
    sequence_file,
    stated_attributes,
)
from backend.labels.formats.ground_truth.layout import LABELS_PATH, OUTPUT_MANIFEST_PATH, STUDIO_KEY
from bytetrack.tracks import Tracks

FRAME_FILE = "frame_{:06d}.jpg"


def write_output(
    folder: Path,
    address: str,
    job: str,
    classes: Sequence[str],
    clips: Sequence[tuple[dict[str, Any], dict[str, Any] | None]],
) -> None:
    """Write the output of a labeling job.

    Args:
        folder: Output folder of the job.
        address: Address of the folder in the references of the manifest, with a slash at its end.
        job: Name of the job. The label attribute is `<job>-ref`.
        classes: Classes of the job.
        clips: Line of the input manifest, and labels as `label_document` returns them, of each clip. The labels of
            clips that are not labeled are None.
    """
    lines = []
    attribute = f"{job}-ref"
    for number, (input_line, labels) in enumerate(clips):
        line = dict(input_line)
        if labels is not None:
            path = Path(LABELS_PATH, "output", str(number), "SeqLabel.json")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(labels))
            line[attribute] = f"{address}{path}"
        line[f"{attribute}-metadata"] = label_metadata(classes, job)
        lines.append(json.dumps(line))
    manifest = folder / OUTPUT_MANIFEST_PATH
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text("".join(f"{line}\n" for line in lines))


def write_tracks(
    folder: Path,
    name: str,
    tracks: Tracks,
    frames: int,
    labeled_frames: Sequence[int],
    attributes: BoxAttributes | None = None,
    definitions: Sequence[AttributeDefinition] = (),
) -> None:
    """Write the tracks of a video as the output of a labeling job with one clip.

    Args:
        folder: Output folder to create.
        name: Name of the video.
        tracks: Boxes by frame numbers of the video.
        frames: Number of frames of the video.
        labeled_frames: Frames that count as labeled.
        attributes: Attributes of the boxes.
        definitions: Definitions of the attributes.
    """
    address = f"{folder.name}/"
    file_names = {frame: FRAME_FILE.format(frame) for frame in range(frames)}
    sequence_path = f"{name}-sequence.json"
    folder.mkdir(parents=True)
    (folder / sequence_path).write_text(json.dumps(sequence_file(1, f"{address}frames/", list(file_names.values()))))
    clip = {"clip": name, "frames": frames} | stated_attributes(definitions)
    line = {"source-ref": address + sequence_path, STUDIO_KEY: clip}
    labels = label_document(tracks, {frame: file_names[frame] for frame in labeled_frames}, tracks.classes, attributes)
    write_output(folder, address, "labels", tracks.classes, [(line, labels)])
