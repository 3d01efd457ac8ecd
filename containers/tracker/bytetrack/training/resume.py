"""The checkpoint of a training in progress, from which the next start resumes.

It contains no state of random number generators: all randomness depends on the seed, the epoch and the image only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from bytetrack.detection.artifact import ModelConfig
from bytetrack.detection.checkpoints import architecture_of
from bytetrack.files import atomic_path

LAST_CHECKPOINT = "last.pt"
BEST_WEIGHTS = "best.pt"


@dataclass
class TrainingProgress:
    """How far a training has come.

    Attributes:
        epoch: Number of complete epochs.
        step: Number of complete steps in the current epoch.
        best: Scores of the best epoch so far.
        best_epoch: Number of that epoch, counted from 1; 0 for the pretrained model.
    """

    epoch: int = 0
    step: int = 0
    best: dict[str, float] = field(default_factory=lambda: {"AP": -1.0})
    best_epoch: int = 0


def save_checkpoint(path: Path, parts: Mapping[str, Any], progress: TrainingProgress) -> None:
    """Write the states of `parts` (the model, the optimizer, …, by name) and the progress to `path`."""
    states = {name: part.state_dict() for name, part in parts.items()}
    save_atomically(path, {**states, **asdict(progress)})


def load_checkpoint(path: Path, parts: Mapping[str, Any], config: ModelConfig) -> TrainingProgress | None:
    """Restore the states of `parts` from the checkpoint at `path`.

    Args:
        path: Where `save_checkpoint` wrote the checkpoint.
        parts: The objects to restore, by the names they were saved under. Modified in place.
        config: Configuration of the model in training.

    Returns:
        The progress at the checkpoint; None if there is no checkpoint yet.

    Raises:
        ValueError: If the checkpoint is damaged, or belongs to another model.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        architecture = architecture_of(state["model"])
    except Exception as error:  # a damaged file can fail in the zip, in the pickle or in a tensor
        raise ValueError(f"The checkpoint {path} is damaged. Remove it to start from the beginning.") from error
    if architecture != (config.depth, config.width, config.depthwise, len(config.classes)):
        raise ValueError(
            f"The checkpoint {path} has another network size or number of classes. Remove it to start from the "
            "beginning."
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    # Version 1.0 did not write best_epoch.
    return TrainingProgress(state["epoch"], state["step"], state["best"], state.get("best_epoch", state["epoch"]))


def save_atomically(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state dictionary to `path`, in one step."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)
