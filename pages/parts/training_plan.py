"""What the form on the page Training has been filled in with so far, and how long it takes and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.widgets.formatting import cost_range, duration_range
from app.workspace import workspace
from backend.platforms import registry
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Hardware, Options, Purpose
from backend.platforms.registry import PLATFORMS, platform_of
from backend.steps import training
from backend.steps.training_estimates import Estimate, estimate_training
from backend.workspace.records import Dataset, Model

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class TrainingPlan:
    """A training, or the trainings of a search, without its hyperparameters.

    Attributes:
        dataset: The dataset to train on.
        size: Size of the network, see `bytetrack.training.hyperparameters.SIZES`.
        base: The model to start from, if any.
        purpose: Whether it is one training or a search.
        options: Options of the platform for it.
    """

    dataset: Dataset
    size: str
    base: Model | None
    purpose: Purpose
    options: Options

    @cached_property
    def hardware(self) -> Hardware | None:
        """What one training runs on."""
        return platform_of(workspace()).hardware(self.purpose, self.options)

    @property
    def has_gpu(self) -> bool:
        """Whether it runs on a GPU."""
        return bool(self.hardware and self.hardware.gpus)

    def suggest(self, **options: Any) -> dict[str, str]:
        """Suggest hyperparameters; the options are `epochs` and `preset` of `training.suggest`."""
        return training.suggest(
            workspace(), self.dataset.id, self.size, pretrained=self.base is not None, gpu=self.has_gpu, **options
        )

    def estimate(self, hyperparameters: dict[str, str]) -> Estimate | None:
        """Estimate how long one training takes."""
        return estimate_training(
            workspace(),
            self.dataset,
            hyperparameters,
            size=self.base.size if self.base else self.size,
            is_pretrained=self.base is not None,
            platform=registry.chosen(workspace()),
            options=self.options,
            hardware=self.hardware,
        )

    @property
    def cost_per_hour(self) -> float:
        """US dollars per hour of one training; 0 if it is free or unknown."""
        return platform_of(workspace()).cost_per_hour(TRAINING, _training_options(self.options))

    @property
    def place(self) -> str:
        """Where it runs, in a sentence."""
        name = registry.chosen(workspace())
        instance = str(self.options.get("instance_type", ""))
        return instance or PLATFORMS[name].title.replace("This", "this")


def short_time_and_cost(plan: TrainingPlan, hyperparameters: dict[str, str]) -> str:
    """Return time and cost of one training for a caption, such as `, about 4 min, about $0.10`; empty if unknown."""
    estimate = plan.estimate(hyperparameters)
    if estimate is None:
        return ""
    cost = f", {_cost(estimate, plan.cost_per_hour)}" if plan.cost_per_hour else ""
    return f", {duration_range(estimate.low, estimate.high)}{cost}"


def time_and_cost(plan: TrainingPlan, hyperparameters: dict[str, str], trials: int = 1) -> str:
    """Return sentences about time and cost of a training, or of all trials of a search, and where they come from."""
    estimate, price = plan.estimate(hyperparameters), plan.cost_per_hour
    unit = " and training" if plan.purpose == HYPERPARAMETER_SEARCH else ""
    hourly = f" \\${price:.2f} per hour{unit}." if price else ""
    startup = " Starting the instance takes some minutes more." if price else ""
    if estimate is None:
        text = f"No estimate yet for size {plan.size} on {plan.place}: the time left is shown once it runs."
        return f"{text}{hourly}{startup}"
    rounds = -(-trials // int(plan.options.get("parallel", 1)))  # trials that run one after another
    total = Estimate(estimate.low * rounds, estimate.high * rounds if estimate.high else None, estimate.basis)
    all_trials = Estimate(estimate.low * trials, estimate.high * trials if estimate.high else None, estimate.basis)
    cost = f", {_cost(all_trials, price)}" if price else ""
    text = duration_range(total.low, total.high)
    return f"**{text[0].upper()}{text[1:]}{cost}** on {plan.place}, {estimate.basis}.{hourly}{startup}"


def _cost(estimate: Estimate, price: float) -> str:
    high = estimate.high * price / SECONDS_PER_HOUR if estimate.high else None
    text = cost_range(estimate.low * price / SECONDS_PER_HOUR, high)
    return text.replace("$", "\\$")  # two dollar signs would begin and end a formula


def _training_options(options: Options) -> Options:
    """Return the options without those that only a search has."""
    return {name: value for name, value in options.items() if name not in ("strategy", "parallel")}
