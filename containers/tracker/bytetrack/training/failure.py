"""Why a training failed: the sentence that SageMaker and the console show."""

from __future__ import annotations

import errno

import torch


class TrainingDiverged(ValueError):
    """The loss or the weights are no longer finite.

    Args:
        learning_rate: The `basic_lr_per_img` of the training.
    """

    def __init__(self, learning_rate: float) -> None:
        super().__init__(
            f"The training diverged: choose a smaller basic_lr_per_img than {learning_rate:g}, or more warmup_epochs."
        )


def failure_reason(error: Exception) -> str:
    """Return the sentence for `output/failure`."""
    if isinstance(error, ValueError):
        # An error in a process that prepares images arrives with that process's traceback as its text. The last line
        # of the traceback is the error itself.
        return str(error).strip().splitlines()[-1].removeprefix("ValueError: ")
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "The GPU's memory is too small for this training. Choose a smaller batch_size or input size."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Free some space and start again: the training continues from its last checkpoint."
    return f"The training failed unexpectedly: {type(error).__name__}: {error}"
