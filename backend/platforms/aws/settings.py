"""The settings of the AWS platform, stored as one setting of the workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.base import Options
from backend.platforms.options import option

TAG = "bytetrack-studio"  # key of the tag on everything that the console creates; its value is the stack's name
EXISTING_GROUP, NETWORK_GROUP = "Existing resources and people", "Network, encryption, tags"


@dataclass(frozen=True)
class AwsSettings:
    """The settings of an account. Texts may be empty.

    `bucket`, `role`, `image` and `workteam` are filled in when the console creates these resources.
    """

    profile: str = option("", "Profile", "Of your AWS configuration. Leave empty for the default credentials.")
    region: str = option("", "Region", "Such as eu-west-1. Leave empty for the profile's region.")
    stack: str = option("bytetrack-studio", "Stack name", "On CloudFormation, and in the tag on all resources.")
    bucket: str = option("", "Bucket", "For videos, frames, models and results.", group=EXISTING_GROUP)
    role: str = option("", "Execution role", "ARN of the role that jobs and endpoints assume.", group=EXISTING_GROUP)
    image: str = option("", "Image", "The tracker's image in Amazon ECR, with a tag or digest.", group=EXISTING_GROUP)
    workteam: str = option("", "Work team", "ARN of the private or vendor team that labels.", group=EXISTING_GROUP)
    worker: str = option(
        "", "First worker", "E-mail address to invite when the stack creates a work team.", group=EXISTING_GROUP
    )
    subnets: str = option(
        "", "Subnets", "Of a VPC, for all jobs and endpoints. Comma-separated ids.", group=NETWORK_GROUP
    )
    security_groups: str = option("", "Security groups", "Of that VPC. Comma-separated ids.", group=NETWORK_GROUP)
    kms_key: str = option("", "KMS key", "ARN or id of the key that encrypts files and volumes.", group=NETWORK_GROUP)
    tags: str = option("", "Tags", "On all resources, such as team=vision, project=crossing.", group=NETWORK_GROUP)
    network_isolation: bool = option(
        False, "Network isolation", "Containers get no network access. They do not need any.", group=NETWORK_GROUP
    )

    @classmethod
    def parse(cls, values: Options) -> AwsSettings:
        """Build settings from the values of a form or the workspace.

        Raises:
            UserError: If a setting is invalid.
        """
        settings = options.parse(cls, values)
        for name, (pattern, example) in PATTERNS.items():
            value = getattr(settings, name)
            if value and not re.fullmatch(pattern, value):
                raise UserError(f"“{value}” cannot be the {LABELS[name].lower()}: it looks like {example}.")
        if bool(settings.subnets) != bool(settings.security_groups):
            raise UserError("A VPC needs both subnets and security groups. Enter the missing one.")
        _ = settings.tag_list  # raises if the tags are invalid
        return settings

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags as AWS's services expect them, the console's own first.

        Raises:
            UserError: If `tags` is not a list of key=value.
        """
        pairs = [pair.partition("=") for pair in self.tags.split(",") if pair.strip()]
        if any(not (key.strip() and equals) or key.strip().lower().startswith("aws:") for key, equals, _ in pairs):
            raise UserError(f"“{self.tags}” cannot be the tags: write key=value, separated by commas.")
        own = {"Key": TAG, "Value": self.stack}
        return [own, *({"Key": key.strip(), "Value": value.strip()} for key, _, value in pairs)]


PATTERNS = {  # regular expression and example by setting
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "eu-west-1"),
    "stack": (r"[A-Za-z][A-Za-z0-9-]{0,40}", "bytetrack-studio, letters, digits and dashes"),
    "bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "my-bucket"),
    "role": (r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", "arn:aws:iam::123456789012:role/name"),
    "image": (
        r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+([:@][\w.:-]+)?",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/name:tag",
    ),
    "workteam": (
        r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:workteam/[a-z0-9/-]+",
        "arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/name",
    ),
    "worker": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "ana@example.com"),
    "subnets": (r"subnet-[0-9a-z]+(\s*,\s*subnet-[0-9a-z]+)*", "subnet-0a1b, subnet-2c3d"),
    "security_groups": (r"sg-[0-9a-z]+(\s*,\s*sg-[0-9a-z]+)*", "sg-0a1b"),
}
LABELS = {field.name: field.metadata["label"] for field in fields(AwsSettings)}
