"""Checkpoints (`.pth`, `.pth.tar`) that YOLOX and ByteTrack write: weights of a known network, read as data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from yolox.models import YoloxModule

STEM = "backbone.backbone.stem.conv.conv.weight"
HEAD = "head.cls_preds.0.weight"


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights in a checkpoint of a YOLOX network, on the CPU, in single precision.

    The file is a pickle, which could hold code: only tensors, numbers and plain containers are read.

    Raises:
        ValueError: if it is not a checkpoint, holds anything else, or its weights are not those of a YOLOX.
    """
    # Takes seconds to import; besides what PyTorch allows, this lets NumPy's scalars in, which old trainers wrote.
    from torch import Tensor
    from yolox.utils import load_checkpoint

    path = Path(path)
    try:
        content = load_checkpoint(path)
    except Exception as error:  # a file that is not one fails anywhere: in the zip, in the pickle, in a tensor
        raise ValueError(
            f"{path.name} cannot be read as a checkpoint: it is not one, was not copied whole, or holds code."
        ) from error
    weights = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(weight, Tensor) for name, weight in weights.items()
    ):
        raise ValueError(f"{path.name} is a PyTorch file without a model's weights in it.")
    weights = {name.removeprefix("module."): weight for name, weight in weights.items()}  # of a distributed training
    if STEM not in weights or HEAD not in weights:
        raise ValueError(f"{path.name} holds the weights of another kind of network than YOLOX.")
    if not all(weight.isfinite().all() for weight in weights.values()):
        raise ValueError(f"{path.name} holds weights that are no numbers: its training failed.")
    return {name: weight.float() if weight.is_floating_point() else weight for name, weight in weights.items()}


def architecture_of(weights: dict[str, Tensor]) -> tuple[float, float, bool, int]:
    """Depth, width, whether convolutions are depthwise, and number of classes, told from the weights' shapes."""
    width = weights[STEM].shape[0] / 64
    blocks = {match[1] for name in weights if (match := re.match(r"backbone\.backbone\.dark2\.1\.m\.(\d+)\.", name))}
    depthwise = any(".dconv." in name for name in weights)
    return round(len(blocks) / 3, 2), width, depthwise, weights[HEAD].shape[0]


def known_class_names(count: int, from_bytetrack: bool) -> list[str] | None:
    """Return the names of a published checkpoint's classes, which it does not hold itself.

    Args:
        count: number of classes of the network.
        from_bytetrack: whether ByteTrack's authors trained it, on people only.

    Returns:
        The names in the network's order: COCO's for 80 classes. None if they are unknown.
    """
    if count == 80:
        from yolox.data.datasets.coco_classes import COCO_CLASSES

        return list(COCO_CLASSES)
    return ["person"] if count == 1 and from_bytetrack else None


def network_of(weights: dict[str, Tensor]) -> YoloxModule:
    """The network with these weights, ready to infer.

    Raises:
        ValueError: if they are not all that its architecture has.
    """
    from yolox.config import YoloxConfig

    depth, width, depthwise, classes = architecture_of(weights)
    network = YoloxConfig("", num_classes=classes, depth=depth, width=width, depthwise=depthwise).get_model()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # names each weight that is missing, left over or of another shape
        raise ValueError(f"The weights are not those of a whole YOLOX of depth {depth} and width {width}.") from error
    return network.eval()
