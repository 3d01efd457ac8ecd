"""The options of jobs and endpoints on SageMaker."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import UserError
from backend.platforms.aws.prices import Usage
from backend.platforms.base import ASYNC, BATCH, HYPERPARAMETER_SEARCH, REALTIME, TRAINING, Purpose
from backend.platforms.options import option

LIMITS_GROUP, SCALING_GROUP = "Time, disk, spot", "Scaling and notifications"
TOPIC_HELP = (
    "ARN of an SNS topic to notify. Its name must begin with the stack's name, because the stack's role may publish "
    "to no other."
)
STRATEGIES = {
    "Bayesian": "Bayesian: learns from earlier trials",
    "Random": "random: all trials may run at once",
}


@dataclass(frozen=True)
class BatchChoices:
    """The options of a processing job."""

    instance_type: str = option("ml.c5.2xlarge", "Instance type", "Of each instance of the job.")
    count: int = option(1, "Instances", "The videos are split among them.", minimum=1, maximum=100)
    volume_gb: int = option(
        50, "Disk (GB)", "Per instance, for videos and results.", minimum=1, maximum=16384, group=LIMITS_GROUP
    )
    max_hours: float = option(
        24.0, "Time limit (hours)", "The job is stopped after this time.", minimum=0.1, maximum=120, group=LIMITS_GROUP
    )

    @property
    def at_once(self) -> int:
        """The largest number of instances that run at the same time."""
        return self.count


@dataclass(frozen=True)
class TrainingChoices:
    """The options of a training job."""

    instance_type: str = option("ml.g5.xlarge", "Instance type", "All of its GPUs are used.")
    count: int = option(1, "Instances", "They train one model together.", minimum=1, maximum=64)
    volume_gb: int = option(
        50, "Disk (GB)", "Per instance, for the dataset.", minimum=1, maximum=16384, group=LIMITS_GROUP
    )
    max_hours: float = option(
        24.0,
        "Time limit (hours)",
        "The job is stopped after this time. It can be resumed.",
        minimum=0.1,
        maximum=672,
        group=LIMITS_GROUP,
    )
    spot: bool = option(
        False,
        "Spot",
        "Spare capacity at a lower price. The job may wait or be interrupted, and resumes by itself.",
        group=LIMITS_GROUP,
    )
    keep_alive_minutes: int = option(
        0,
        "Warm pool (minutes)",
        "Keeps the instance for the next training. It costs the same meanwhile.",
        minimum=0,
        maximum=60,
        group=LIMITS_GROUP,
    )

    def __post_init__(self) -> None:
        if self.spot and self.keep_alive_minutes:
            raise UserError("Spot capacity has no warm pool. Turn one of the two off.")

    @property
    def at_once(self) -> int:
        """The largest number of instances that run at the same time."""
        return self.count


@dataclass(frozen=True)
class HyperparameterSearchChoices(TrainingChoices):
    """The options of a tuning job, each trial of which is a training job."""

    strategy: str = option("Bayesian", "Strategy", "How the next trials are chosen.", choices=STRATEGIES)
    parallel: int = option(2, "Parallel trials", "Trials that run at the same time.", minimum=1, maximum=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_alive_minutes:
            raise UserError("A hyperparameter search cannot use a warm pool. Set it to 0 minutes.")

    @property
    def at_once(self) -> int:
        """The largest number of instances that run at the same time."""
        return self.count * self.parallel


@dataclass(frozen=True)
class EndpointChoices:
    """The options of a real-time endpoint."""

    instance_type: str = option("ml.c5.xlarge", "Instance type", "Of each instance.")
    count: int = option(1, "Instances", "The number that always runs.", minimum=1, maximum=100)
    max_count: int = option(
        1,
        "Max. instances",
        "If higher than the number of instances, more are added with load.",
        minimum=1,
        maximum=100,
        group=SCALING_GROUP,
    )
    per_minute: int = option(
        300,
        "Requests per minute",
        "Per instance. An instance is added when there are more.",
        minimum=1,
        maximum=100_000,
        group=SCALING_GROUP,
    )

    def __post_init__(self) -> None:
        if self.max_count < self.count:
            raise UserError(f"Max. instances is {self.max_count}, but must be at least {self.count}, as Instances is.")

    @property
    def at_once(self) -> int:
        """The largest number of instances that run at the same time."""
        return self.max_count


@dataclass(frozen=True)
class AsyncChoices:
    """The options of an asynchronous endpoint, which has a queue in front of the same container."""

    instance_type: str = option("ml.c5.xlarge", "Instance type", "Of each instance.")
    max_count: int = option(1, "Max. instances", "More run when the queue is longer.", minimum=1, maximum=100)
    scale_to_zero: bool = option(
        True,
        "Scale to zero",
        "No instance runs or costs while the queue is empty. The next video waits some minutes for one to start.",
    )
    backlog: int = option(
        2,
        "Waiting videos",
        "Per instance. An instance is added when there are more.",
        minimum=1,
        maximum=1000,
        group=SCALING_GROUP,
    )
    concurrent: int = option(
        1,
        "Parallel videos",
        "Videos that one instance processes at the same time.",
        minimum=1,
        maximum=1000,
        group=SCALING_GROUP,
    )
    success_topic: str = option("", "Topic for successes", TOPIC_HELP, group=SCALING_GROUP)
    error_topic: str = option("", "Topic for errors", TOPIC_HELP, group=SCALING_GROUP)

    @property
    def at_once(self) -> int:
        """The largest number of instances that run at the same time."""
        return self.max_count


Choices = BatchChoices | TrainingChoices | EndpointChoices | AsyncChoices

# The options of each kind of job or endpoint, and the usage under which the price list has its instances.
CHOICES: dict[Purpose, tuple[type[Choices], Usage]] = {
    TRAINING: (TrainingChoices, "training"),
    HYPERPARAMETER_SEARCH: (HyperparameterSearchChoices, "training"),
    BATCH: (BatchChoices, "processing"),
    REALTIME: (EndpointChoices, "hosting"),
    ASYNC: (AsyncChoices, "hosting"),
}
