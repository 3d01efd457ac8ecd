"""What must be known of an AWS account before jobs can run there; kept as one setting of the workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.base import Options
from backend.platforms.options import option

TAG = "bytetrack-studio"  # the key of the tag on all that the console makes; its value is the stack's name
EXISTING, NETWORK = "Things that exist already, and people", "Network, encryption, tags"


@dataclass(frozen=True)
class AwsSettings:
    """All texts may be empty. `bucket`, `role`, `image` and `workteam` are filled in when the stack is made."""

    profile: str = option("", "Profile", "Of your AWS configuration; empty for the ordinary chain of credentials.")
    region: str = option("", "Region", "Where everything runs, such as eu-west-1; empty for the profile's own.")
    stack: str = option("bytetrack-studio", "Name of the stack", "On CloudFormation, and the tag on all that is made.")
    bucket: str = option("", "Bucket", "For videos, frames, models and results.", group=EXISTING)
    role: str = option("", "Execution role", "The ARN of the role that jobs and endpoints have.", group=EXISTING)
    image: str = option("", "Image", "The tracker's image in Amazon ECR, with tag or digest.", group=EXISTING)
    workteam: str = option("", "Work team", "The ARN of the private or vendor team that labels.", group=EXISTING)
    worker: str = option(
        "", "First worker", "E-mail address; invited when the stack makes a work team.", group=EXISTING
    )
    subnets: str = option("", "Subnets", "Of a VPC, for all jobs and endpoints; ids with commas.", group=NETWORK)
    security_groups: str = option("", "Security groups", "Of that VPC; ids with commas.", group=NETWORK)
    kms_key: str = option("", "KMS key", "Encrypts files and volumes; its ARN or id.", group=NETWORK)
    tags: str = option("", "Tags", "On all that is made: team=vision, project=crossing", group=NETWORK)
    network_isolation: bool = option(
        False, "Network isolation", "Containers cannot reach any network; they do not need to.", group=NETWORK
    )

    @classmethod
    def parse(cls, values: Options) -> AwsSettings:
        """From what a form or the workspace holds.

        Raises:
            UserError: naming the setting that makes no sense.
        """
        settings = options.parse(cls, values)
        for name, (pattern, example) in PATTERNS.items():
            value = getattr(settings, name)
            if value and not re.fullmatch(pattern, value):
                raise UserError(f"“{value}” cannot be the {LABELS[name].lower()}: it looks like {example}.")
        if bool(settings.subnets) != bool(settings.security_groups):
            raise UserError("Jobs in a VPC need both, subnets and security groups. Give the one that is missing.")
        _ = settings.tag_list
        return settings

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """As SageMaker takes them, the console's own first.

        Raises:
            UserError: where `tags` is not a list of key=value.
        """
        pairs = [each.partition("=") for each in self.tags.split(",") if each.strip()]
        if any(not (key.strip() and equals) or key.strip().lower().startswith("aws:") for key, equals, _ in pairs):
            raise UserError(f"“{self.tags}” cannot be the tags: write key=value, with commas between them.")
        own = {"Key": TAG, "Value": self.stack}
        return [own, *({"Key": key.strip(), "Value": value.strip()} for key, _, value in pairs)]


PATTERNS = {
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
LABELS = {each.name: each.metadata["label"] for each in fields(AwsSettings)}
