"""A channel as `train` gets it: small frames with a bright square, labeled in COCO's format."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

SIDE, OBJECT = 64, 16


def save_channel(folder: Path, images: int = 6, classes: tuple[str, ...] = ("square", "disc")) -> Path:
    """Write `images` frames of 64x64 pixels; each shows one object, which moves to the right, but the last is empty."""
    (folder / "images").mkdir(parents=True)
    document: dict[str, list[dict]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
    }
    for number in range(images):
        frame = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE, 3), np.uint8)
        name = f"{number:03d}.jpg"
        document["images"].append(
            {"id": number + 1, "file_name": name, "width": SIDE, "height": SIDE, "video_id": 1, "frame_id": number}
        )
        if number < images - 1:
            left, top = 4 * number, 20
            frame[top : top + OBJECT, left : left + OBJECT] = (40, 220, 250)
            box = [left, top, OBJECT, OBJECT]
            document["annotations"].append(
                {"id": number + 1, "image_id": number + 1, "category_id": 1, "bbox": box, "area": OBJECT**2}
                | {"iscrowd": 0, "track_id": 1}
            )
        cv2.imwrite(str(folder / "images" / name), frame)
    write_document(folder, document)
    return folder


def read_document(folder: Path) -> dict:
    return json.loads((folder / "annotations.json").read_bytes())


def write_document(folder: Path, document: dict) -> None:
    (folder / "annotations.json").write_text(json.dumps(document))
