"""The pretrained model that a training starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from yolox.models import YoloxModule

from bytetrack.detection import artifact
from bytetrack.detection.checkpoints import (
    Architecture,
    architecture_of,
    is_bytetrack_checkpoint,
    known_class_names,
    read_checkpoint,
)
from bytetrack.detection.normalization import Normalization

CHECKPOINT_SUFFIXES = (".pth", ".pth.tar", ".pt")


@dataclass(frozen=True)
class PretrainedModel:
    """A pretrained model.

    Attributes:
        weights: State dictionary of the YOLOX network.
        normalization: Pixel values that the network expects, see `ModelConfig`.
        classes: Class names in the network's order; None if they are unknown.
    """

    weights: dict[str, torch.Tensor]
    normalization: Normalization
    classes: list[str] | None

    @property
    def architecture(self) -> Architecture:
        """Depth, width and kind of the network."""
        return architecture_of(self.weights)


def find_pretrained(channel: Path, file_name: str) -> PretrainedModel | None:
    """Read the pretrained model in the channel “model”: an artifact, or a checkpoint.

    Args:
        channel: Folder of the channel.
        file_name: Name of the checkpoint file. If empty, the channel must contain one model only.

    Returns:
        The model; None if there is no such channel.

    Raises:
        ValueError: If the channel contains no model, several checkpoints and no `file_name`, or not the named file.
    """
    if not channel.is_dir():
        if file_name:
            raise ValueError(f"pretrained_model is “{file_name}”, but the training has no channel “model”.")
        return None
    if not file_name:
        with artifact.unpack_artifact(channel) as folder:
            if (folder / artifact.CONFIG_FILE).is_file():
                config = artifact.read_config(folder)
                return PretrainedModel(artifact.load_torch(folder).state_dict(), config.normalization, config.classes)
    checkpoints = sorted(path for path in channel.iterdir() if path.name.endswith(CHECKPOINT_SUFFIXES))
    selected = [path for path in checkpoints if path.name == file_name] if file_name else checkpoints
    if len(selected) != 1:
        names = ", ".join(path.name for path in checkpoints) or "no checkpoint"
        raise ValueError(
            f"The channel “model” must contain one model to start from, but it contains {names}. "
            "Name the file in pretrained_model."
        )
    weights = read_checkpoint(selected[0])
    classes = architecture_of(weights).classes
    from_bytetrack = is_bytetrack_checkpoint(selected[0].name, classes)
    return PretrainedModel(weights, "imagenet" if from_bytetrack else "raw", known_class_names(classes, from_bytetrack))


def load_pretrained_weights(model: YoloxModule, pretrained: PretrainedModel, classes: list[str]) -> str:
    """Copy the weights of a pretrained model into a new one.

    All weights of the same name and shape are copied. Of the class outputs, the rows of the classes that both models
    have are copied: names are compared without case, in any order. If the names of the pretrained model's classes are
    unknown, the class outputs are copied only if both models have the same number of classes.

    Args:
        model: The new model. Modified in place.
        pretrained: The model to copy from.
        classes: Class names of the new model, in order.

    Returns:
        A line for the log that says what was copied.

    Raises:
        ValueError: If the two models have different sizes.
    """
    own = model.state_dict()
    weights = {
        name: value
        for name, value in pretrained.weights.items()
        if name in own and own[name].shape == value.shape and (pretrained.classes is None or "cls_preds" not in name)
    }
    if mismatches := [name for name in own if name not in weights and "cls_preds" not in name]:
        depth, width, _, _ = pretrained.architecture
        raise ValueError(
            f"The pretrained model has depth {depth} and width {width}, but the hyperparameters have others "
            f"({len(mismatches)} of {len(own)} weights do not match). Leave depth and width out, or choose another "
            "model."
        )
    message = (
        f"started from a pretrained model with the input normalization {pretrained.normalization}: "
        f"{len(weights)} of {len(own)} weights copied"
    )
    if pretrained.classes is not None:
        pretrained_rows = {name.strip().casefold(): row for row, name in enumerate(pretrained.classes)}
        rows = {
            row: pretrained_rows[name.strip().casefold()]
            for row, name in enumerate(classes)
            if name.strip().casefold() in pretrained_rows
        }
        for name in [name for name in own if "cls_preds" in name]:
            weights[name] = own[name].clone()
            weights[name][list(rows)] = pretrained.weights[name][list(rows.values())].to(own[name])
        message += f", and the outputs of {', '.join(classes[row] for row in rows) or 'no class'}"
    model.load_state_dict(weights, strict=False)
    return message
