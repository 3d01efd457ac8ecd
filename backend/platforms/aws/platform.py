"""The platform where jobs and endpoints run on Amazon SageMaker, and files lie in Amazon S3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.errors import UserError
from backend.platforms import base, options
from backend.platforms.aws import (
    checks,
    endpoints,
    hyperparameter_search,
    image,
    instances,
    inventory,
    metrics,
    models,
    prices,
    processing,
    settings,
    training,
)
from backend.platforms.aws.account import PATIENCE, Account
from backend.platforms.aws.choices import CHOICES
from backend.platforms.aws.labeling import GroundTruth, labeling_options
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import (
    Answer,
    Check,
    EndpointState,
    HyperparameterSearchSpec,
    Option,
    Options,
    ProcessingSpec,
    Resource,
    Traffic,
    TrainingSpec,
    Trial,
    Watch,
)
from backend.platforms.options import parse
from backend.progress import Progress


class AwsPlatform:
    """Implements `backend.platforms.base.Platform` with one account and region."""

    name = "aws"
    has_registry = True

    def __init__(self, chosen: settings.AwsSettings, patience: float = PATIENCE) -> None:
        self.account = Account(chosen, patience)

    @property
    def labeling(self) -> GroundTruth:
        return GroundTruth(self.account)

    def options(self, what: str) -> list[Option]:
        if what == base.SETTINGS:
            return options.form(settings.AwsSettings)
        if what == base.LABELING:
            return labeling_options(self.account)
        cls, usage = CHOICES[what]
        return options.form(cls, instance_type=instances.choices(self.account, usage))

    def cost_per_hour(self, what: str, options: Options) -> float:
        cls, usage = CHOICES[what]
        chosen: Any = parse(cls, options)
        price = prices.per_hour(self.account, chosen.instance_type, usage)
        return price.per_hour * getattr(chosen, "count", 1) if price else 0.0

    def checks(self, chosen: Sequence[tuple[str, Options]] = ()) -> list[Check]:
        return checks.checks(self.account, chosen)

    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        return checks.fix(self.account, key, watch)

    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        return checks.revert(self.account, key, watch)

    def inventory(self) -> list[Resource]:
        return inventory.inventory(self.account)

    def delete_resource(self, id: str) -> None:
        inventory.delete_resource(self.account, id)

    def download(self, address: str, target: Path, progress: Progress) -> None:
        Bucket(self.account).get_file(address, target, progress)

    def image(self) -> str:
        return image.pinned(self._ready())

    def train(self, spec: TrainingSpec, watch: Watch) -> None:
        training.train(self._ready(), spec, watch)

    def resumable(self, checkpoints: str) -> bool:
        return training.resumable(self.account, checkpoints)

    def forget(self, checkpoints: str) -> None:
        training.forget(self.account, checkpoints)

    def search_hyperparameters(
        self, spec: HyperparameterSearchSpec, watch: Watch, tell: Callable[[list[Trial]], None]
    ) -> Trial:
        return hyperparameter_search.search(self._ready(), spec, watch, tell)

    def process(self, spec: ProcessingSpec, watch: Watch) -> None:
        processing.process(self._ready(), spec, watch)

    def publish(self, name: str, model: Path, facts: Mapping[str, str | float]) -> str:
        return models.publish(self._ready(), name, model, facts)

    def deploy(self, name: str, model: Path, mode: str, options: Options) -> dict:
        return endpoints.deploy(self._ready(), name, model, mode, options)

    def wait_in_service(self, ref: dict, progress: Progress) -> None:
        endpoints.wait_in_service(self._of(ref), ref, progress)

    def update(self, ref: dict, model: Path, options: Options) -> dict:
        return endpoints.update(self._ready().within(ref["region"]), ref, model, options)

    def retire(self, ref: dict, kept: dict) -> None:
        endpoints.retire(self._of(ref), ref, kept)

    def endpoint(self, ref: dict) -> EndpointState:
        return endpoints.state(self._of(ref), ref)

    def traffic(self, ref: dict) -> Traffic | None:
        return metrics.traffic(self._of(ref), ref["endpoint"])

    def delete_endpoint(self, ref: dict) -> None:
        endpoints.delete(self._of(ref), ref)

    def example(self, ref: dict) -> str:
        return endpoints.example(self._of(ref), ref)

    def invoke(
        self, ref: dict, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        return endpoints.invoke(self._of(ref), ref, body, content_type, session, attributes)

    def submit(self, ref: dict, body: Path, content_type: str, attributes: str = "") -> str:
        return endpoints.submit(self._of(ref), ref, body, content_type, attributes)

    def collect(self, ref: dict, ticket: str) -> bytes | None:
        return endpoints.collect(self._of(ref), ref, ticket)

    def endpoint_log(self, ref: dict, lines: int = 200) -> str:
        return endpoints.log(self._of(ref), ref, lines)

    def _of(self, ref: dict) -> Account:
        """The account in the region where the endpoint is."""
        return self.account.within(ref["region"])

    def _ready(self) -> Account:
        """The account, if it has what jobs need."""
        chosen = self.account.settings
        missing = [label for label, value in (("image", chosen.image), ("execution role", chosen.role)) if not value]
        if missing:
            raise UserError(f"AWS is not set up yet: there is no {' and no '.join(missing)}. See to it on Account.")
        return self.account
