"""SageMaker's control plane: dispatches operations to its parts, and stores tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from standin.endpoints import Endpoints
from standin.labeling import LabelingJobs, WorkTeams
from standin.model import Refused, invalid
from standin.processing import ProcessingJobs
from standin.registry import Registry
from standin.resources import Resources
from standin.rules import check_image, check_role, check_tags
from standin.training import TrainingJobs
from standin.tuning import TuningJobs

if TYPE_CHECKING:
    from standin.server import Standin


class SageMaker:
    """Each part stores one kind of resource and has one method per operation, with boto3's name."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin
        self.training = TrainingJobs(self)
        self.processing = ProcessingJobs(self)
        self.tuning = TuningJobs(self)
        self.endpoints = Endpoints(self)
        self.workteams = WorkTeams(self)
        self.labeling = LabelingJobs(self)
        self.registry = Registry(self)
        self._parts = (
            self.tuning,
            self.training,
            self.processing,
            self.endpoints,
            self.workteams,
            self.labeling,
            self.registry,
        )

    def do(self, operation: str, region: str, request: dict[str, Any]) -> dict[str, Any]:
        check_tags(request.get("Tags", []))
        for part in (*self._parts, self):
            method: Callable | None = getattr(part, xform_name(operation), None)
            if method:
                return method(region, request) or {}
        raise Refused("UnknownOperationException", f"The stand-in has no {operation}.")

    def kinds(self) -> list[Resources]:
        return [resources for part in self._parts for resources in part.kinds]

    def end_everything(self) -> None:
        for part in self._parts:
            part.end_everything()

    # --- Tags -----------------------------------------------------------------------------------------------------

    def add_tags(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        tags = {entry["Key"]: entry for entry in [*self._tags(request["ResourceArn"]), *request["Tags"]]}
        self._tags(request["ResourceArn"])[:] = tags.values()
        return {"Tags": list(tags.values())}

    def delete_tags(self, region: str, request: dict[str, Any]) -> None:
        tags = self._tags(request["ResourceArn"])
        tags[:] = [tag for tag in tags if tag["Key"] not in request["TagKeys"]]

    def list_tags(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tags(request["ResourceArn"])}

    def _tags(self, arn: str) -> list[dict[str, str]]:
        for kind in self.kinds():
            if arn in kind.tags:
                return kind.tags[arn]
        raise invalid(f"Could not find resource {arn}.")

    # --- Rules for several operations ------------------------------------------------------------------------------

    def check_role(self, arn: str) -> None:
        check_role(self.standin.client("iam"), arn)

    def check_image(self, region: str, uri: str) -> None:
        check_image(self.standin.client("ecr", region), region, uri)
