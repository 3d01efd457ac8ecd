"""Files of labeling jobs in the layout in which Ground Truth writes them."""

from __future__ import annotations

import json
from pathlib import Path

from bytetrack.tracks import Tracks

TRACKING = "groundtruth/video-object-tracking"


def seq_label(tracks: Tracks, labeled_frames: list[int]) -> dict:
    """Return the content of a `SeqLabel.json` with the boxes of these frames."""
    frames = []
    for number in labeled_frames:
        boxes = tracks.at(number)
        frames.append(
            {
                "frame-no": number,
                "frame": f"frame_{number:04d}.jpeg",
                "annotations": [
                    {
                        "left": x1,
                        "top": y1,
                        "width": x2 - x1,
                        "height": y2 - y1,
                        "class-id": str(class_id),
                        "object-id": f"uuid-{identity}",
                    }
                    for (x1, y1, x2, y2), class_id, identity in zip(
                        boxes.xyxy.tolist(), boxes.class_id, boxes.id, strict=True
                    )
                ],
            }
        )
    return {"tracking-annotations": frames}


def write_sequence_file(job: Path, clip: str, images: list[str], first: int = 0) -> None:
    """Write the sequence file of a clip of a `write_labeling_job`, in a copy of the job's inputs.

    Args:
        job: Output folder of the job.
        clip: Name of the clip.
        images: File names of the clip's images, in order.
        first: Frame number of the first image.
    """
    path = job.parent / "inputs" / f"{clip}.mp4" / f"{clip}.mp4-sequence-1.json"
    path.parent.mkdir(parents=True)
    frames = [{"frame-no": number, "frame": name} for number, name in enumerate(images, first)]
    path.write_text(json.dumps({"seq-no": 1, "prefix": "s3://b/", "number-of-frames": len(images), "frames": frames}))


def write_labeling_job(
    folder: Path, clips: dict[str, dict | None], classes: tuple[str, ...] = ("person",), kind: str = TRACKING
) -> Path:
    """Write the output folder of a labeling job.

    Args:
        folder: Where to write.
        clips: Contents of the `SeqLabel.json` by the clip's name, or None for a clip that is not labeled.
        classes: Names of the classes, in the order of their ids.
        kind: Type of the labeling job.

    Returns:
        The folder.
    """
    lines = []
    for number, (clip, document) in enumerate(clips.items()):
        line = {"source-ref": f"s3://bucket/inputs/{clip}.mp4/{clip}.mp4-sequence-1.json"}
        if document is not None:
            path = f"annotations/consolidated-annotation/output/{number}/SeqLabel.json"
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text(json.dumps(document))
            line["job-ref"] = f"s3://bucket/out/{folder.name}/{path}"
            line["job-ref-metadata"] = {"class-map": dict(enumerate(classes)), "type": kind, "creation-date": "2026"}
        lines.append(json.dumps(line))
    (folder / "manifests" / "output").mkdir(parents=True)
    (folder / "manifests" / "output" / "output.manifest").write_text("\n".join(lines))
    return folder
