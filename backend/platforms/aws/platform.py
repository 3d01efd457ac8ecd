"""The platform that runs jobs and endpoints on Amazon SageMaker and keeps files in Amazon S3."""

from __future__ import annotations

from backend.platforms.aws import instances, prices
from backend.platforms.aws.account import UNREACHABLE_SECONDS, Account
from backend.platforms.aws.checks import AwsSetup
from backend.platforms.aws.choices import CHOICES
from backend.platforms.aws.endpoints import SageMakerEndpoints
from backend.platforms.aws.hyperparameter_search import SageMakerHyperparameterSearch
from backend.platforms.aws.inventory import AwsInventory
from backend.platforms.aws.labeling import GroundTruth, labeling_options
from backend.platforms.aws.models import SageMakerModelRegistry
from backend.platforms.aws.processing import SageMakerProcessing
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.aws.storage import Bucket
from backend.platforms.aws.training import SageMakerTraining
from backend.platforms.base import LABELING, Hardware, Option, Options, Purpose
from backend.platforms.options import form, parse


class AwsPlatform:
    """Implements `backend.platforms.base.Platform` with one account and region."""

    name = "aws"
    runs_here = False

    def __init__(self, settings: AwsSettings, unreachable_seconds: float = UNREACHABLE_SECONDS) -> None:
        self.account = Account(settings, unreachable_seconds)
        self.setup = AwsSetup(self.account)
        self.inventory = AwsInventory(self.account)
        self.files = Bucket(self.account)
        self.training = SageMakerTraining(self.account)
        self.hyperparameter_search = SageMakerHyperparameterSearch(self.account)
        self.batch = SageMakerProcessing(self.account)
        self.endpoints = SageMakerEndpoints(self.account)
        self.labeling = GroundTruth(self.account)
        self.model_registry = SageMakerModelRegistry(self.account)

    def options(self, purpose: Purpose) -> list[Option]:
        """Return the options of a kind of job or endpoint."""
        if purpose == LABELING:
            return labeling_options(self.account)
        choices_class, usage = CHOICES[purpose]
        return form(choices_class, instance_type=instances.choices(self.account, usage))

    def hardware(self, purpose: Purpose, options: Options) -> Hardware | None:
        """Return what the chosen instances have, or None if the type is not in the table of instance types."""
        choices = parse(CHOICES[purpose][0], options)
        instance = instances.instance_table().get(choices.instance_type)
        if instance is None:
            return None
        return Hardware(instance.cpus, instance.gpus, instance.gpu, getattr(choices, "count", 1))

    def cost_per_hour(self, purpose: Purpose, options: Options) -> float:
        """Return the price in US dollars per hour, or 0 if it is unknown."""
        choices_class, usage = CHOICES[purpose]
        choices = parse(choices_class, options)
        count = getattr(choices, "count", 1)  # an asynchronous endpoint has no fixed number of instances
        return prices.cost_per_hour(self.account, choices.instance_type, usage, count)
