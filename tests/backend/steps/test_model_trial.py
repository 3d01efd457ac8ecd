"""Trying a model on a picture, with networks that give known answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_checkpoints import CLASSES

from backend.errors import UserError
from backend.progress import silent
from backend.steps import model_trial, models, videos
from backend.steps.model_trial import better_normalization, describe, draw_boxes, read_picture, try_normalizations
from backend.workspace import Workspace
from backend.workspace.records import Video
from bytetrack.detection.artifact import ModelConfig

BOXES = [[12.0, 32.0, 8.0, 20.0], [32.0, 32.0, 8.0, 20.0], [52.0, 32.0, 8.0, 20.0]]  # center and size in the input


class ExpectsPixels(torch.nn.Module):
    """Detects three cars, surely if the input looks like pixels of 0 to 255, and else not."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        score = 0.9 if images.max() > 10 else 0.2
        rows = [[*box, score, 0.0, 1.0, 0.0] for box in BOXES]
        return torch.tensor([rows]).repeat(len(images), 1, 1)


def config(**options) -> ModelConfig:
    return ModelConfig(0.33, 0.125, True, CLASSES, [64, 64], **options)


def test_the_normalization_that_detects_more_is_better() -> None:
    frame = np.full((128, 128, 3), 200, np.uint8)
    raw, imagenet = try_normalizations(ExpectsPixels(), config(), frame)
    assert (raw.normalization, raw.counts, round(raw.mean_score, 3)) == ("raw", {"car": 3}, 0.9)
    np.testing.assert_allclose(np.sort(raw.detections.xyxy[:, 0]), [16, 56, 96])
    assert (imagenet.normalization, imagenet.counts, imagenet.mean_score) == ("imagenet", {}, 0)
    assert better_normalization([raw, imagenet]) == "raw" and better_normalization([imagenet, imagenet]) is None
    assert better_normalization([raw, raw]) is None
    assert describe(raw) == "pixels 0-255: 3 boxes, mean score 0.90 (car 3)"
    assert describe(imagenet) == "ImageNet mean and std: 0 boxes"


@pytest.mark.parametrize("shape", [(48, 64), (720, 1280), (2160, 3840), (1920, 1080)])
def test_boxes_are_drawn_where_they_are(shape: tuple[int, int]) -> None:
    frame = np.full((*shape, 3), 255, np.uint8)
    trial, _ = try_normalizations(ExpectsPixels(), config(), frame)
    drawn = draw_boxes(frame, trial)
    assert drawn.shape[1] == min(shape[1], model_trial.PICTURE_WIDTH) and (frame == 255).all()
    scale = drawn.shape[1] / shape[1]
    left, top, right, bottom = (trial.detections.xyxy[0] * scale).round().astype(int)
    assert (drawn[(top + bottom) // 2, left] != 255).any()
    assert (drawn[(top + bottom) // 2, (left + right) // 2] == 255).all() or right - left < 12


def test_a_file_is_tried_on_a_frame_and_nothing_is_imported(
    workspace: Workspace, checkpoint: Path, tiny_video: Path
) -> None:
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    result = model_trial.try_model(
        workspace, silent, source=str(checkpoint), input_size=[64, 96], video=video.id, frame=3
    )
    assert [trial["normalization"] for trial in result["trials"]] == ["raw", "imagenet"]
    assert (result["size"], result["outputs"], result["class_names"]) == ("custom", 3, [])
    assert result["input_size"] == [64, 96]
    for trial in result["trials"]:
        assert cv2.imread(trial["picture"]).shape == (48, 64, 3)
    assert len(list(workspace.root.glob("models/*"))) == 0


def test_a_model_of_the_workspace_is_tried(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "copy")
    model = models.store(workspace, tmp_path / "copy", "mine", "file")
    cv2.imwrite(str(tmp_path / "street.jpg"), np.zeros((60, 80, 3), np.uint8))
    result = model_trial.try_model(workspace, silent, model=model.id, picture=str(tmp_path / "street.jpg"))
    assert (result["input_size"], result["class_names"]) == ([64, 64], CLASSES)


def test_what_cannot_be_tried_is_said(workspace: Workspace, checkpoint: Path, tiny_video: Path, tmp_path: Path) -> None:
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="Give a video or a picture"):
        read_picture(workspace)
    with pytest.raises(UserError, match="has no frame 20: it has 20, counted from 0"):
        read_picture(workspace, video=video.id, frame=20)
    for name, reason in (("text.jpg", "not a picture"), ("empty.jpg", "not a picture"), ("gone.jpg", "not found")):
        with pytest.raises(UserError, match=reason):
            read_picture(workspace, picture=str(tmp_path / name))
    with pytest.raises(UserError, match="does not say how large its input is"):
        model_trial.try_model(workspace, silent, source=str(checkpoint), video=video.id)
    with pytest.raises(UserError, match="either the file of a model or a model"):
        model_trial.try_model(workspace, silent, video=video.id)


@pytest.mark.slow
def test_a_real_checkpoint_expects_what_it_was_trained_with(workspace: Workspace, shared_data: Path) -> None:
    video = videos.add(workspace, silent, source=str(shared_data / "pets" / "PETS09-S2L1.mp4"))["video"]
    source = str(shared_data / "weights" / "yolox_nano_coco.pth")
    result = model_trial.try_model(workspace, silent, source=source, input_size=[416, 416], video=video)
    assert result["better"] == "imagenet" and len(result["class_names"]) == 80
    raw, imagenet = result["trials"]
    assert imagenet["classes"].get("person", 0) >= 3 > raw["classes"].get("person", 0)
