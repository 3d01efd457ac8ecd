"""Labels as SageMaker Ground Truth leaves them behind a job of the task type video object tracking.

`backend.labels.formats.ground_truth.reading` reads it; the layout is that of an output folder in S3.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.labels.box_attributes import BoxAttributes
from backend.labels.formats.ground_truth.job_input import metadata, seq_label, sequence_file
from backend.labels.formats.ground_truth.reading import OWN
from bytetrack.tracks import Tracks

MANIFEST = Path("manifests", "output", "output.manifest")
LABELS = Path("annotations", "consolidated-annotation", "output")
FRAME = "frame_{:06d}.jpg"


def write(
    folder: Path, address: str, job: str, classes: Sequence[str], clips: Sequence[tuple[dict[str, Any], dict | None]]
) -> None:
    """The output of a job.

    Args:
        address: where the folder is to be found, with a slash at its end.
        job: its name; the label attribute is `<job>-ref`.
        clips: for each its line of the input manifest, and its labels as `seq_label` makes them: None where it is not
            labeled.
    """
    lines = []
    for number, (line, labels) in enumerate(clips):
        line, attribute = dict(line), f"{job}-ref"
        if labels is not None:
            path = LABELS / str(number) / "SeqLabel.json"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(labels))
            line[attribute] = f"{address}{path}"
        line[f"{attribute}-metadata"] = metadata(classes, job)
        lines.append(json.dumps(line))
    (folder / MANIFEST).parent.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text("".join(f"{line}\n" for line in lines))


def write_tracks(
    folder: Path, name: str, tracks: Tracks, frames: int, labeled: Sequence[int], noted: BoxAttributes | None = None
) -> None:
    """Tracks of one video, as if people had labeled these of its frames: the folder of a job called `name`."""
    address, names = f"{folder.name}/", {frame: FRAME.format(frame) for frame in range(frames)}
    source = f"{name}-sequence.json"
    folder.mkdir(parents=True)
    (folder / source).write_text(json.dumps(sequence_file(1, f"{address}frames/", list(names.values()))))
    line = {"source-ref": address + source, OWN: {"clip": name, "frames": frames}}
    labels = seq_label(tracks, {frame: names[frame] for frame in labeled}, tracks.classes, noted)
    write(folder, address, "labels", tracks.classes, [(line, labels)])
