"""Labels written the way the tools write them."""

from __future__ import annotations

import json
from pathlib import Path

from bytetrack.tracks import Tracks

TRACKING = "groundtruth/video-object-tracking"


def seq_label(tracks: Tracks, labeled_frames: list[int]) -> dict:
    """A `SeqLabel.json` as Ground Truth writes it."""
    frames = []
    for number in labeled_frames:
        at = tracks.at(number)
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
                        "class-id": str(kind),
                        "object-id": f"uuid-{identity}",
                    }
                    for (x1, y1, x2, y2), kind, identity in zip(at.xyxy.tolist(), at.class_id, at.id, strict=True)
                ],
            }
        )
    return {"tracking-annotations": frames}


def sequence_file(job: Path, clip: str, pictures: list[str], first: int = 0) -> None:
    """The sequence file of a clip of `labeling_job`, with its pictures, where a copy of the job's inputs lies."""
    path = job.parent / "inputs" / f"{clip}.mp4" / f"{clip}.mp4-sequence-1.json"
    path.parent.mkdir(parents=True)
    frames = [{"frame-no": number, "frame": name} for number, name in enumerate(pictures, first)]
    path.write_text(json.dumps({"seq-no": 1, "prefix": "s3://b/", "number-of-frames": len(pictures), "frames": frames}))


def labeling_job(
    folder: Path, clips: dict[str, dict | None], classes: tuple[str, ...] = ("person",), kind: str = TRACKING
) -> Path:
    """A job's output folder; `clips` are SeqLabel documents by the clip's name, None where a clip is not labeled."""
    lines = []
    for number, (clip, document) in enumerate(clips.items()):
        line = {"source-ref": f"s3://bucket/inputs/{clip}.mp4/{clip}.mp4-sequence-1.json"}
        if document is not None:
            inside = f"annotations/consolidated-annotation/output/{number}/SeqLabel.json"
            (folder / inside).parent.mkdir(parents=True)
            (folder / inside).write_text(json.dumps(document))
            line["job-ref"] = f"s3://bucket/out/{folder.name}/{inside}"
            line["job-ref-metadata"] = {"class-map": dict(enumerate(classes)), "type": kind, "creation-date": "2026"}
        lines.append(json.dumps(line))
    (folder / "manifests" / "output").mkdir(parents=True)
    (folder / "manifests" / "output" / "output.manifest").write_text("\n".join(lines))
    return folder
