"""Checkpoints (`.pth`, `.pth.tar`) of YOLOX and ByteTrack, read as data: no code in them is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor
    from yolox.models import YoloxModule

STEM = "backbone.backbone.stem.conv.conv.weight"
HEAD = "head.cls_preds.0.weight"


class Architecture(NamedTuple):
    """The architecture of a YOLOX network.

    Attributes:
        depth: YOLOX's depth multiplier.
        width: YOLOX's width multiplier.
        depthwise: Whether the convolutions are depthwise separable, as in YOLOX-nano.
        classes: Number of classes.
    """

    depth: float
    width: float
    depthwise: bool
    classes: int


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read the weights of a YOLOX network from a checkpoint, onto the CPU and in single precision.

    The file is a pickle, which can contain code. Only tensors, numbers and plain containers are read from it.

    Raises:
        ValueError: If the file is not a checkpoint, contains anything else, or its weights are not those of a YOLOX.
    """
    # Both take seconds to import. YOLOX's loader also accepts NumPy scalars, which older trainers stored.
    from torch import Tensor
    from yolox.utils import load_checkpoint

    path = Path(path)
    try:
        content = load_checkpoint(path)
    except Exception as error:  # a file of another kind can fail in the zip, in the pickle or in a tensor
        raise ValueError(
            f"{path.name} cannot be read as a checkpoint: it is of another kind, incomplete, or contains code."
        ) from error
    weights = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(weight, Tensor) for name, weight in weights.items()
    ):
        raise ValueError(f"{path.name} is a PyTorch file that contains no weights of a model.")
    # A training on several GPUs stores each name with this prefix.
    weights = {name.removeprefix("module."): weight for name, weight in weights.items()}
    if STEM not in weights or HEAD not in weights:
        raise ValueError(f"{path.name} contains the weights of another network than YOLOX.")
    if not all(weight.isfinite().all() for weight in weights.values()):
        raise ValueError(f"{path.name} contains weights that are not finite: the training diverged.")
    return {name: weight.float() if weight.is_floating_point() else weight for name, weight in weights.items()}


def architecture_of(weights: dict[str, Tensor]) -> Architecture:
    """Derive the architecture of a YOLOX network from the shapes of its weights."""
    blocks = {match[1] for name in weights if (match := re.match(r"backbone\.backbone\.dark2\.1\.m\.(\d+)\.", name))}
    return Architecture(
        depth=round(len(blocks) / 3, 2),
        width=weights[STEM].shape[0] / 64,
        depthwise=any(".dconv." in name for name in weights),
        classes=weights[HEAD].shape[0],
    )


def is_bytetrack_checkpoint(file_name: str, classes: int) -> bool:
    """Guess whether ByteTrack's code trained a checkpoint, rather than YOLOX's.

    It matters because ByteTrack's networks expect ImageNet-normalized input, and the file itself does not say so.
    ByteTrack's authors trained on the single class “person”, and named their files after the MOT benchmarks, or
    `bytetrack_ablation`.

    Args:
        file_name: Name of the checkpoint file.
        classes: Number of classes of the network.
    """
    name = file_name.lower()
    return classes == 1 and ("bytetrack" in name or "mot" in name)


def known_class_names(count: int, from_bytetrack: bool) -> list[str] | None:
    """Return the class names of a published checkpoint, which the file itself does not contain.

    Args:
        count: Number of classes of the network.
        from_bytetrack: Whether it is one of ByteTrack's checkpoints, which detect people only.

    Returns:
        The names in the network's order: those of COCO if it has 80 classes. None if they are unknown.
    """
    if count == 80:
        from yolox.data.datasets.coco_classes import COCO_CLASSES

        return list(COCO_CLASSES)
    return ["person"] if count == 1 and from_bytetrack else None


def build_network(weights: dict[str, Tensor]) -> YoloxModule:
    """Build the network that the weights belong to, in evaluation mode.

    Raises:
        ValueError: If weights of its architecture are missing.
    """
    from yolox.config import YoloxConfig

    depth, width, depthwise, classes = architecture_of(weights)
    network = YoloxConfig("", num_classes=classes, depth=depth, width=width, depthwise=depthwise).get_model()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # lists every weight that is missing, unexpected or of another shape
        raise ValueError(
            f"The weights are not those of a complete YOLOX of depth {depth} and width {width}."
        ) from error
    return network.eval()
