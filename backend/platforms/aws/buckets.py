"""What a bucket should be: private, encrypted, versioned, open to TLS only, and readable by the labeling page."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.labeling import CORS
from backend.platforms.aws.terminal import aws

PRIVATE = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}


@dataclass(frozen=True)
class Lack:
    """What is wrong with a bucket, and the command that mends it; none where it could not be looked up."""

    what: str
    command: str = ""


def lacks(account: Account, bucket: str) -> list[Lack]:
    """All that is missing; what may not be looked up counts, with the reason."""
    looks = (_private, _encrypted, _versioned, _tls_only, _readable_by_labelers)

    def look(each: Callable[[Account, str], Lack | None]) -> Lack | None:
        try:
            return each(account, bucket)
        except UserError as error:
            return Lack(str(error))

    with ThreadPoolExecutor(len(looks)) as pool:
        return [lack for lack in pool.map(look, looks) if lack]


def _private(account: Account, bucket: str) -> Lack | None:
    found = _get(account, bucket, "public_access_block").get("PublicAccessBlockConfiguration", {})
    if all(found.get(each) for each in PRIVATE):
        return None
    block = ",".join(f"{each}=true" for each in PRIVATE)
    command = _put(account, bucket, "public-access-block", "--public-access-block-configuration", block)
    return Lack("public access is not blocked", command)


def _encrypted(account: Account, bucket: str) -> Lack | None:
    if _get(account, bucket, "bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules"):
        return None
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    flag = "--server-side-encryption-configuration"
    return Lack("it is not encrypted", _put(account, bucket, "bucket-encryption", flag, json.dumps(rules)))


def _versioned(account: Account, bucket: str) -> Lack | None:
    if _get(account, bucket, "bucket_versioning").get("Status") == "Enabled":
        return None
    command = _put(account, bucket, "bucket-versioning", "--versioning-configuration", "Status=Enabled")
    return Lack("it keeps no older versions", command)


def _tls_only(account: Account, bucket: str) -> Lack | None:
    policy = json.loads(_get(account, bucket, "bucket_policy").get("Policy", '{"Version": "2012-10-17"}'))
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    if any(_denies_plain_text(each) for each in statements):
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
    whole = json.dumps(policy | {"Statement": [*statements, denial]})  # putting a policy replaces the one before
    return Lack("it may be read without TLS", _put(account, bucket, "bucket-policy", "--policy", whole))


def _readable_by_labelers(account: Account, bucket: str) -> Lack | None:
    if _get(account, bucket, "bucket_cors").get("CORSRules"):
        return None
    rules = json.dumps({"CORSRules": [CORS]})
    command = _put(account, bucket, "bucket-cors", "--cors-configuration", rules)
    return Lack("it has no CORS rules, without which the labeling page shows no frames", command)


def _denies_plain_text(statement: dict[str, Any]) -> bool:
    told = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and str(told).lower() == "false"


def _get(account: Account, bucket: str, what: str) -> dict[str, Any]:
    """One of the bucket's settings; empty where it was never set."""
    try:
        return account.call("s3", f"get_{what}", Bucket=bucket)
    except UserError as error:
        cause = error.__cause__
        code = str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""
        if code != "NoSuchBucket" and (code.startswith("NoSuch") or code.endswith("NotFoundError")):
            return {}
        raise


def _put(account: Account, bucket: str, what: str, flag: str, value: str) -> str:
    return aws(account, "s3api", f"put-{what}", "--bucket", bucket, flag, value)
