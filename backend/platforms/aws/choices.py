"""What one chooses for a job or an endpoint on SageMaker."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import UserError
from backend.platforms.base import ASYNC, BATCH, HYPERPARAMETER_SEARCH, REALTIME, TRAINING
from backend.platforms.options import option

MONEY, SCALING = "Time, disk, spot", "Scaling and notices"
TOPIC = "The ARN of an SNS topic that is told. Its name begins with that of the stack, whose role may tell no other."
STRATEGIES = {
    "Bayesian": "Bayesian: learns from the trials before",
    "Random": "random: all may run at once",
}


@dataclass(frozen=True)
class BatchChoices:
    """A processing job."""

    instance_type: str = option("ml.c5.2xlarge", "Instance type", "What each host of the job is.")
    count: int = option(1, "Instances", "They share the videos among them.", min=1, max=100)
    volume_gb: int = option(
        50, "Disk (GB)", "Of each host: videos and results must fit.", min=1, max=16384, group=MONEY
    )
    max_hours: float = option(24.0, "Time limit (hours)", "Then it is stopped.", min=0.1, max=120, group=MONEY)

    @property
    def at_once(self) -> int:
        """How many instances there are at once, at most."""
        return self.count


@dataclass(frozen=True)
class TrainingChoices:
    """A training job."""

    instance_type: str = option("ml.g5.xlarge", "Instance type", "All its GPUs are used.")
    count: int = option(1, "Instances", "They train one model together.", min=1, max=64)
    volume_gb: int = option(50, "Disk (GB)", "Of each host: the dataset must fit.", min=1, max=16384, group=MONEY)
    max_hours: float = option(
        24.0, "Time limit (hours)", "Then it is stopped; it can go on.", min=0.1, max=672, group=MONEY
    )
    spot: bool = option(
        False, "Spot", "Spare capacity for less; may wait and be interrupted, and goes on by itself.", group=MONEY
    )
    keep_alive_minutes: int = option(
        0,
        "Warm pool (minutes)",
        "Keeps the machine for the next training, and costs meanwhile.",
        min=0,
        max=60,
        group=MONEY,
    )

    def __post_init__(self) -> None:
        if self.spot and self.keep_alive_minutes:
            raise UserError("A warm pool is not possible with spot capacity. Choose one of them.")

    @property
    def at_once(self) -> int:
        """How many instances there are at once, at most."""
        return self.count


@dataclass(frozen=True)
class HyperparameterSearchChoices(TrainingChoices):
    """A tuning job: each of its trials is a training job."""

    strategy: str = option("Bayesian", "Strategy", "How the next trials are chosen.", choices=STRATEGIES)
    parallel: int = option(2, "At once", "Trials that run side by side.", min=1, max=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_alive_minutes:
            raise UserError("A warm pool is of no use to a search: set it to 0.")

    @property
    def at_once(self) -> int:
        """How many instances there are at once, at most."""
        return self.count * self.parallel


@dataclass(frozen=True)
class EndpointChoices:
    """A real-time endpoint."""

    instance_type: str = option("ml.c5.xlarge", "Instance type", "What each instance is.")
    count: int = option(1, "Instances", "That are always there.", min=1, max=100)
    max_count: int = option(
        1, "Instances at most", "More come with load where this is more.", min=1, max=100, group=SCALING
    )
    per_minute: int = option(
        300, "Requests a minute", "For each instance; with more, one more comes.", min=1, max=100_000, group=SCALING
    )

    def __post_init__(self) -> None:
        if self.max_count < self.count:
            raise UserError(f"At most {self.max_count} instances are less than the {self.count} that are always there.")

    @property
    def at_once(self) -> int:
        """How many instances there are at once, at most."""
        return self.max_count


@dataclass(frozen=True)
class AsyncChoices:
    """An asynchronous endpoint: a queue before the same container."""

    instance_type: str = option("ml.c5.xlarge", "Instance type", "What each instance is.")
    max_count: int = option(1, "Instances at most", "As many come as the queue is long.", min=1, max=100)
    scale_to_zero: bool = option(
        True,
        "Down to zero",
        "With an empty queue nothing runs or costs; the next video waits some minutes for a start.",
    )
    backlog: int = option(
        2, "Videos waiting", "For each instance; with more, one more comes.", min=1, max=1000, group=SCALING
    )
    concurrent: int = option(1, "At once", "Videos that one instance works on.", min=1, max=1000, group=SCALING)
    success_topic: str = option("", "Topic for successes", TOPIC, group=SCALING)
    error_topic: str = option("", "Topic for errors", TOPIC, group=SCALING)

    @property
    def at_once(self) -> int:
        """How many instances there are at once, at most."""
        return self.max_count


# What is chosen for what, and under which heading the Price List has its instances.
CHOICES: dict[str, tuple[type, str]] = {
    TRAINING: (TrainingChoices, "training"),
    HYPERPARAMETER_SEARCH: (HyperparameterSearchChoices, "training"),
    BATCH: (BatchChoices, "processing"),
    REALTIME: (EndpointChoices, "hosting"),
    ASYNC: (AsyncChoices, "hosting"),
}
