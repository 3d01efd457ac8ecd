"""Channels of a training job: small labeled frames with a bright square, and pretrained models."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig

SIDE, OBJECT = 64, 16


def save_channel(folder: Path, images: int = 6, classes: tuple[str, ...] = ("square", "disc")) -> Path:
    """Write frames of 64x64 pixels with COCO annotations.

    Each frame shows one object that moves to the right; the last frame shows none.
    """
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


def save_pretrained(path: Path, classes: int | list[str], width: float = 0.125) -> dict[str, torch.Tensor]:
    """Write a pretrained model with random weights: a checkpoint if `path` has a suffix, else an artifact.

    Returns:
        The weights.
    """
    names = classes if isinstance(classes, list) else [str(number) for number in range(classes)]
    config = ModelConfig(0.33, width, True, names, [64, 64], "imagenet")
    model = artifact.build(config)
    if path.suffix:
        path.parent.mkdir()
        torch.save({"model": model.state_dict(), "start_epoch": 300}, path)
    else:
        artifact.save(path, model, config)
    weights: dict[str, torch.Tensor] = model.state_dict()
    return weights
