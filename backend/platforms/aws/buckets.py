"""Checks of a bucket: private, encrypted, versioned, reachable by TLS only, and readable by the labeling page."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.labeling import CORS_RULE
from backend.platforms.aws.messages import code_of
from backend.platforms.aws.terminal import aws

PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True)
class BucketIssue:
    """A problem of a bucket, and the command that solves it; no command if the setting could not be read."""

    description: str
    command: str = ""


def find_issues(account: Account, bucket: str) -> list[BucketIssue]:
    """Return all problems of a bucket. A setting that may not be read is one, with the reason."""
    checks = (_check_private, _check_encrypted, _check_versioned, _check_tls_only, _check_readable_by_labelers)

    def run(check: Callable[[Account, str], BucketIssue | None]) -> BucketIssue | None:
        try:
            return check(account, bucket)
        except UserError as error:
            return BucketIssue(str(error))

    with ThreadPoolExecutor(len(checks)) as pool:
        return [issue for issue in pool.map(run, checks) if issue]


def _check_private(account: Account, bucket: str) -> BucketIssue | None:
    block = _get(account, bucket, "public_access_block").get("PublicAccessBlockConfiguration", {})
    if all(block.get(key) for key in PUBLIC_ACCESS_BLOCK):
        return None
    wanted = ",".join(f"{key}=true" for key in PUBLIC_ACCESS_BLOCK)
    command = _put_command(account, bucket, "public-access-block", "--public-access-block-configuration", wanted)
    return BucketIssue("public access is not blocked", command)


def _check_encrypted(account: Account, bucket: str) -> BucketIssue | None:
    if _get(account, bucket, "bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules"):
        return None
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    flag = "--server-side-encryption-configuration"
    command = _put_command(account, bucket, "bucket-encryption", flag, json.dumps(rules))
    return BucketIssue("it is not encrypted", command)


def _check_versioned(account: Account, bucket: str) -> BucketIssue | None:
    if _get(account, bucket, "bucket_versioning").get("Status") == "Enabled":
        return None
    command = _put_command(account, bucket, "bucket-versioning", "--versioning-configuration", "Status=Enabled")
    return BucketIssue("it is not versioned", command)


def _check_tls_only(account: Account, bucket: str) -> BucketIssue | None:
    policy = json.loads(_get(account, bucket, "bucket_policy").get("Policy", '{"Version": "2012-10-17"}'))
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    if any(_denies_plain_http(statement) for statement in statements):
        return None
    arn = f"arn:{account.partition}:s3:::{bucket}"
    denial = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    whole_policy = json.dumps(policy | {"Statement": [*statements, denial]})  # a new policy replaces the old one
    command = _put_command(account, bucket, "bucket-policy", "--policy", whole_policy)
    return BucketIssue("it can be read without TLS", command)


def _check_readable_by_labelers(account: Account, bucket: str) -> BucketIssue | None:
    if _get(account, bucket, "bucket_cors").get("CORSRules"):
        return None
    rules = json.dumps({"CORSRules": [CORS_RULE]})
    command = _put_command(account, bucket, "bucket-cors", "--cors-configuration", rules)
    return BucketIssue("it has no CORS rules, which the labeling page needs to show frames", command)


def _denies_plain_http(statement: dict[str, Any]) -> bool:
    secure_transport = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and str(secure_transport).lower() == "false"


def _get(account: Account, bucket: str, setting: str) -> dict[str, Any]:
    """Return one of the bucket's settings; empty if it was never set."""
    try:
        answer: dict[str, Any] = account.call("s3", f"get_{setting}", Bucket=bucket)
        return answer
    except UserError as error:
        code = code_of(error.__cause__)
        if code != "NoSuchBucket" and (code.startswith("NoSuch") or code.endswith("NotFoundError")):
            return {}
        raise


def _put_command(account: Account, bucket: str, setting: str, flag: str, value: str) -> str:
    return aws(account, "s3api", f"put-{setting}", "--bucket", bucket, flag, value)
