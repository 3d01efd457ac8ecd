"""Rules of AWS that apply to several operations."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from standin.model import invalid

IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/(?P<name>[a-z0-9._/-]+?)([:@].*)?")
# Instance types with a local disk, from https://aws.amazon.com/ec2/instance-types/
OWN_DISK = re.compile(r"ml\.(g4dn|g5|g6|g6e|gr6|p3dn|p4de?|p5(e|en)?|p6-b\d+|trn\d\w*|[cmr]\d[a-z]*d|i\d\w*)\..+")

# Types with NVIDIA GPUs, from https://aws.amazon.com/ec2/instance-types/ (without Arm's g5g and AMD's g4ad)
GPU = re.compile(r"ml\.(p\d\w*|p\d-b\d+|g4dn|g5|g6f?|g6e|gr6f?|g7e?)\..+")
# NVIDIA's driver by `InferenceAmiVersion`, or else by family, from the API reference of ProductionVariant and
# https://docs.aws.amazon.com/sagemaker/latest/dg/inference-gpu-drivers.html
AMI_DRIVERS = {
    "al2-ami-sagemaker-inference-gpu-2": 535,
    "al2-ami-sagemaker-inference-gpu-2-1": 535,
    "al2-ami-sagemaker-inference-gpu-3-1": 550,
    "al2023-ami-sagemaker-inference-gpu-4-1": 580,
}
DEFAULT_DRIVERS = {"p2": 470, "p3": 470, "p4d": 470, "p4de": 470, "g4dn": 470, "g5": 470}  # all others have 535
IMAGE_DRIVER = 580  # CUDA 13 of the Dockerfile's base image needs this one


def check_driver(variant: dict[str, Any]) -> None:
    """Raise RuntimeError with SageMaker's reason if a GPU's driver is too old for the image."""
    instance_type = variant["InstanceType"]
    if not GPU.fullmatch(instance_type):
        return
    default = DEFAULT_DRIVERS.get(instance_type.split(".")[1], 535)
    if AMI_DRIVERS.get(variant.get("InferenceAmiVersion", ""), default) < IMAGE_DRIVER:
        raise RuntimeError(
            "CannotStartContainerError. Please ensure the model container for variant "
            f"{variant['VariantName']} starts correctly when invoked with 'docker run <image> serve'"
        )


def check_role(iam: Any, arn: str) -> None:
    """Check that the role exists and trusts SageMaker."""
    message = (
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )
    try:
        role = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        raise invalid(message) from error
    if "sagemaker.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]) or role["Arn"] != arn:
        raise invalid(message)


def check_image(ecr: Any, region: str, uri: str) -> None:
    """Check that the image is in an existing ECR repository of the same region."""
    match = IMAGE.fullmatch(uri)
    if not match or match[2] != region:
        raise invalid(f"Invalid image URI {uri}. Please provide a valid Amazon Elastic Container Registry path.")
    try:
        ecr.describe_repositories(repositoryNames=[match["name"]])
    except ClientError as error:
        raise invalid(f"Requested image {uri} not found.") from error


def check_own_disk(instance_type: str, **volume: Any) -> None:
    """Refuse keys and sizes of volumes for an instance type with a local disk."""
    options = [name for name, value in volume.items() if value]
    if options and OWN_DISK.fullmatch(instance_type):
        raise invalid(f"{' and '.join(options)} cannot be requested for {instance_type}, which has local storage.")


def check_tags(tags: list[dict[str, str]]) -> None:
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys) or any(key.lower().startswith("aws:") for key in keys):
        raise invalid("Tag keys must be unique, and not begin with aws:.")
