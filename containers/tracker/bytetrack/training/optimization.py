"""The optimizer, the moving average of the weights, and multi-scale batches."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from yolox.models import YoloxModule

from bytetrack.detection.artifact import STRIDE
from bytetrack.training.hyperparameters import Hyperparameters

WEIGHT_DECAY = {"sgd": 5e-4, "adamw": 0.05}
MAX_EMA_DECAY = 0.9998
STEPS_PER_SCALE = 10  # steps for which a multi-scale training keeps an image size


class ModelEma:
    """An exponential moving average (EMA) of all weights and statistics, in evaluation mode.

    This is the model that is evaluated and saved. In the beginning the average follows quickly: after n steps it spans
    about n / 10 of them, so that short trainings benefit as well.

    Attributes:
        model: The averaged model.
        updates: Number of updates so far.
    """

    def __init__(self, model: YoloxModule) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.updates = 0

    @torch.no_grad()
    def update(self, model: YoloxModule) -> None:
        """Include the current weights of `model` in the average."""
        self.updates += 1
        decay = min(MAX_EMA_DECAY, (1 + self.updates) / (10 + self.updates))
        averages, current = self.model.state_dict(), model.state_dict()
        names = [name for name, value in averages.items() if value.is_floating_point()]
        torch._foreach_lerp_([averages[name] for name in names], [current[name] for name in names], 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and the number of updates, for a checkpoint."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


def make_optimizer(model: YoloxModule, settings: Hyperparameters) -> torch.optim.Optimizer:
    """Make the optimizer; as in YOLOX, biases and batch norms have no weight decay.

    The learning rate is a placeholder, since the training sets it before each step.
    """
    kernels = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    decay = WEIGHT_DECAY[settings.optimizer]
    groups = [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    # `fused` updates hundreds of small tensors in one call.
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=1e-8, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=1e-8, fused=True)


def rescale_batch(
    images: torch.Tensor, labels: torch.Tensor, settings: Hyperparameters, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale a batch to a random size, for multi-scale training. No-op if `random_size_h` is 0.

    The size changes every `STEPS_PER_SCALE` steps and is the same in all workers.

    Args:
        images: `(N, 3, H, W)` float.
        labels: `(N, M, 5)` float: class, center x, center y, width, height in pixels.
        settings: Hyperparameters of the training.
        step: Number of the step since the start of the training.
    """
    if not settings.random_size_h:
        return images, labels
    generator = torch.Generator().manual_seed(settings.seed + step // STEPS_PER_SCALE)
    strides = int(torch.randint(settings.random_size_h, settings.random_size_w + 1, (1,), generator=generator))
    height = STRIDE * strides
    width = max(STRIDE, round(height * settings.input_size_w / settings.input_size_h / STRIDE) * STRIDE)
    factors = labels.new_tensor([1, *[width / images.shape[3], height / images.shape[2]] * 2])
    return torch.nn.functional.interpolate(images, (height, width), mode="bilinear"), labels * factors
