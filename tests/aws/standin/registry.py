"""The Model Registry: groups of model packages, which are numbered versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from standin import files
from standin.model import Refused
from standin.resources import Resources

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker


class Registry:
    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        missing, name_in_use = "ModelPackageGroup {arn} does not exist.", "Model Package Group already exists: {arn}"
        self.groups = Resources(
            "model-package-group", ("ValidationException", missing), ("ValidationException", name_in_use)
        )
        missing = "ModelPackage {arn} does not exist."
        self.packages = Resources("model-package", ("ValidationException", missing), ("ConflictException", name_in_use))
        self.kinds = [self.groups, self.packages]

    def create_model_package_group(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        tags = request.pop("Tags", None)
        return {"ModelPackageGroupArn": self.groups.add(region, request["ModelPackageGroupName"], request, tags)["Arn"]}

    def describe_model_package_group(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._group(self.groups.get(_name(request["ModelPackageGroupName"]), region)) | {"CreatedBy": {}}

    def list_model_package_groups(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.groups.page(request, region, "ModelPackageGroupName")
        return {"ModelPackageGroupSummaryList": [self._group(entry) for entry in page.pop("entries")], **page}

    def delete_model_package_group(self, region: str, request: dict[str, Any]) -> None:
        group = self.groups.get(_name(request["ModelPackageGroupName"]), region)
        if self._versions(group, region):
            message = f"Model package group {group['Arn']} cannot be deleted because it still contains model packages."
            raise Refused("ConflictException", message)
        self.groups.remove(group["ModelPackageGroupName"], region)

    def create_model_package(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        group = self.groups.get(_name(request["ModelPackageGroupName"]), region)
        for container in request["InferenceSpecification"]["Containers"]:
            self._sagemaker.check_image(region, container["Image"])
            files.must_exist(self._sagemaker.standin.client("s3", region), container["ModelDataUrl"])
        # Numbers of deleted versions are not used again.
        group["Newest"] = version = group.get("Newest", 0) + 1
        name, tags = group["ModelPackageGroupName"], request.pop("Tags", None)
        document = request | {"ModelPackageGroupName": name, "ModelPackageVersion": version}
        return {"ModelPackageArn": self.packages.add(region, f"{name}/{version}", document, tags)["Arn"]}

    def describe_model_package(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        versions = self.packages.get(_name(request["ModelPackageName"]), region)
        return self._package(versions) | {
            "ModelPackageName": versions["ModelPackageGroupName"],
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
        }

    def list_model_packages(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        wanted = _name(request.get("ModelPackageGroupName", ""))
        page = self.packages.page(request | {"NameContains": wanted}, region, "ModelPackageGroupName")
        versions = [
            self._package(entry) for entry in page.pop("entries") if wanted in ("", entry["ModelPackageGroupName"])
        ]
        return {"ModelPackageSummaryList": versions, **page}

    def delete_model_package(self, region: str, request: dict[str, Any]) -> None:
        self.packages.remove(_name(request["ModelPackageName"]), region)

    def end_everything(self) -> None:
        pass

    def _versions(self, group: dict[str, Any], region: str) -> list[dict[str, Any]]:
        name = group["ModelPackageGroupName"]
        return [package for package in self.packages.values(region) if package["ModelPackageGroupName"] == name]

    def _group(self, group: dict[str, Any]) -> dict[str, Any]:
        return group | {"ModelPackageGroupArn": group["Arn"], "ModelPackageGroupStatus": "Completed"}

    def _package(self, package: dict[str, Any]) -> dict[str, Any]:
        return package | {"ModelPackageArn": package["Arn"], "ModelPackageStatus": "Completed"}


def _name(name_or_arn: str) -> str:
    """Return the name of a group, or of a version with its number: `group/3`."""
    return name_or_arn.partition(":model-package")[2].partition("/")[2] if ":" in name_or_arn else name_or_arn
