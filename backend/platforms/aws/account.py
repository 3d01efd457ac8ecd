"""One AWS account and region: calls to its services, with every refusal turned into a sentence."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions
from botocore.config import Config
from s3transfer.exceptions import RetriesExceededError

from backend.errors import UserError
from backend.platforms.aws.settings import AwsSettings

# Ten attempts, each waiting longer, up to 20 s: throttling passes. For a network that is away see `_Patience`.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=10,
    read_timeout=70,
    max_pool_connections=32,
    user_agent_extra="bytetrack-studio",
)
NOT_FOUND = {
    "ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "NoSuchEntity", "404",
    "RepositoryNotFoundException", "ImageNotFoundException", "ObjectNotFoundException",
}  # fmt: skip
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
UNKNOWN_KEYS = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"}
# What a service says of something that was made a moment ago and is not known everywhere yet.
NOT_YET = ("could not assume role", "could not find model", "could not find endpoint configuration", "not yet")
NOT_YET_SECONDS = 60
# No answer came; of the last two it is certain that nothing was sent, either.
UNREACHABLE = (exceptions.HTTPClientError, exceptions.ConnectionError)
NOT_SENT = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)
LONGEST_WAIT = 8.0  # seconds from one try to the next
PATIENCE = 10.0  # seconds for a network that is away: a page does not wait long


class Account:
    """Clients are made when first needed and shared by threads.

    Args:
        patience: seconds for which a network that is away is waited for.

    Raises (all methods):
        UserError: what AWS refused and what to do about it.
    """

    def __init__(self, settings: AwsSettings, patience: float = PATIENCE) -> None:
        self.settings = settings
        self.patience = patience
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str | None], Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        return self._new_session()

    def _new_session(self) -> boto3.Session:
        try:
            return boto3.Session(profile_name=self.settings.profile or None, region_name=self.settings.region or None)
        except exceptions.ProfileNotFound as error:
            raise UserError(
                f"There is no AWS profile “{self.settings.profile}” on this machine. Make it with `aws configure "
                f"--profile {self.settings.profile}`, or choose another on Account."
            ) from error
        except exceptions.ConfigParseError as error:
            raise UserError(f"AWS's configuration on this machine cannot be read: {error}") from error

    def within(self, region: str) -> Account:
        """The same account in that region, which may no longer be the chosen one."""
        if region == self.region:
            return self
        return Account(replace(self.settings, region=region), self.patience)

    @property
    def region(self) -> str:
        region = self._session.region_name
        if not region:
            raise UserError("No AWS region is chosen. Name one on Account, such as eu-west-1.")
        return region

    @property
    def partition(self) -> str:
        """`aws`, or `aws-cn`, `aws-us-gov`: the second part of every ARN."""
        return self._session.get_partition_for_region(self.region)

    @cached_property
    def identity(self) -> dict[str, str]:
        """`Account` (12 digits) and `Arn` of who the credentials are."""
        answer = self.call("sts", "get_caller_identity")
        return {"Account": answer["Account"], "Arn": answer["Arn"]}

    def kms(self, key: str) -> dict[str, str]:
        """The chosen KMS key under the name that a request has for it; nothing where none is chosen."""
        return {key: self.settings.kms_key} if self.settings.kms_key else {}

    @property
    def vpc(self) -> dict[str, Any]:
        """`VpcConfig` as a part of a request; nothing where no VPC is chosen."""
        subnets, groups = (
            [each.strip() for each in text.split(",") if each.strip()]
            for text in (self.settings.subnets, self.settings.security_groups)
        )
        return {"VpcConfig": {"Subnets": subnets, "SecurityGroupIds": groups}} if subnets else {}

    def client(self, service: str, region: str | None = None) -> Any:
        """The boto3 client of a service; for calls that `call` and `pages` cannot do, within `errors`."""
        with self._lock:
            key = service, region
            if key not in self._clients:
                with self.errors(f"reach {service}"):
                    made = self._session.client(service, region_name=region or self.region, config=CONFIG)
                made.meta.events.register_first("needs-retry.*", _Patience(self.patience))
                self._clients[key] = made
            return self._clients[key]

    def call(self, service: str, operation: str, region: str | None = None, **parameters: Any) -> Any:
        """One call; `operation` is boto3's name of it, such as `create_training_job`.

        Something that was made a moment ago may not be known yet to what is made on top of it: then it waits.
        Credentials that expired are read anew, once.
        """
        deadline = time.monotonic() + NOT_YET_SECONDS
        renewed = False
        while True:
            try:
                return getattr(self.client(service, region), operation)(**parameters)
            except exceptions.ClientError as error:
                code, message = _told(error)
                if code in EXPIRED and not renewed:
                    renewed = True
                    self.renew()
                elif operation.startswith(("create", "register", "update")) and _is_not_yet(message, deadline):
                    time.sleep(2)
                else:
                    raise UserError(self._sentence(error, operation.replace("_", " "))) from error
            except exceptions.BotoCoreError as error:
                raise UserError(self._sentence(error, operation.replace("_", " "))) from error

    def find(self, service: str, operation: str, **parameters: Any) -> Any | None:
        """Like `call`, but None where what is asked for does not exist."""
        try:
            return self.call(service, operation, **parameters)
        except UserError as error:
            if is_not_found(error.__cause__):
                return None
            raise

    def pages(self, service: str, operation: str, key: str, region: str | None = None, **parameters: Any) -> Iterator:
        """All entries below `key` of an operation that answers in pages."""
        with self.errors(operation.replace("_", " ")):
            for page in self.client(service, region).get_paginator(operation).paginate(**parameters):
                yield from page.get(key, [])

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Sentences for what goes wrong in the block; `what` says what it does ("upload the frames")."""
        try:
            yield
        except (
            exceptions.ClientError, exceptions.BotoCoreError, S3UploadFailedError, RetriesExceededError,
        ) as error:  # fmt: skip
            raise UserError(self._sentence(error, what)) from error

    def renew(self) -> None:
        """Forget clients and session, so that the credentials that somebody renewed meanwhile are found."""
        with self._lock:
            self._clients.clear()
            self._session = self._new_session()

    def _sentence(self, error: Exception, what: str) -> str:
        if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, exceptions.ClientError):
            error = error.__context__
        if isinstance(error, exceptions.ClientError):
            return _refused(error, what, self.settings)
        if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
            return (
                "No AWS credentials were found. Run `aws configure` or `aws sso login`, or start the console with "
                "AWS_PROFILE or a role; then try again."
            )
        if is_signed_out(error):
            return f"The single sign-on has expired. Run `{sign_in(self.settings)}`, then try again."
        if isinstance(error, exceptions.NoRegionError):
            return "No AWS region is chosen. Name one on Account, such as eu-west-1."
        if isinstance(error, exceptions.ParamValidationError):
            return f"AWS would not take that ({what}): {str(error).partition(chr(10))[2] or error}"
        if isinstance(error, (RetriesExceededError, *UNREACHABLE)):
            error = getattr(error, "last_exception", error)
            return (
                f"AWS could not be reached to {what}, also not after several tries ({error}). "
                "Check the network and the region, then try again; what was done until now is kept."
            )
        return f"AWS: {what} did not work: {error}"


class _Patience:
    """A handler of botocore's `needs-retry`: goes on trying for as long as the network may be away.

    Botocore's own way gives up after seconds, and at once where many requests are under way.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(
        self, caught_exception: Exception | None, operation: Any, request_dict: dict, attempts: int, **_: Any
    ) -> float | bool | None:
        """Seconds to wait before the next try, False for none, None to leave it to botocore."""
        if not isinstance(caught_exception, UNREACHABLE):
            return None
        if operation.name == "InvokeEndpoint" and not isinstance(caught_exception, NOT_SENT):
            return False  # it may have been answered: a session's tracker must not see the same frames again
        now = time.monotonic()
        if now - request_dict["context"].setdefault("unreachable_since", now) > self._seconds:
            return False
        return min(0.5 * 2 ** min(attempts, 10), LONGEST_WAIT) * random.uniform(0.5, 1.0)


def sign_in(settings: AwsSettings) -> str:
    """The command that renews a single sign-on."""
    return "aws sso login" + (f" --profile {settings.profile}" if settings.profile else "")


def is_signed_out(error: BaseException | None) -> bool:
    """Whether there is a single sign-on, and it has expired."""
    expired = exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError
    return isinstance(error, expired)


def is_not_found(error: BaseException | None) -> bool:
    """Whether AWS said that there is no such thing."""
    if not isinstance(error, exceptions.ClientError):
        return False
    code, message = _told(error)
    # SageMaker and CloudFormation call it a validation error.
    missing = ("could not find", "does not exist", "cannot be found", "not found")
    return (
        code in NOT_FOUND
        or (code == "ValidationException" and any(each in message for each in missing))
        or (code == "ValidationError" and "does not exist" in message)
    )


def is_expired(error: BaseException | None) -> bool:
    """Whether AWS said that the credentials have expired."""
    return any(
        isinstance(each, exceptions.ClientError) and _told(each)[0] in EXPIRED
        for each in (error, error.__context__ if error else None)
    )


def _told(error: exceptions.ClientError) -> tuple[str, str]:
    told = error.response.get("Error", {})
    return str(told.get("Code", "")), str(told.get("Message", "")).lower()


def _is_not_yet(message: str, deadline: float) -> bool:
    return any(each in message for each in NOT_YET) and time.monotonic() < deadline


def _refused(error: exceptions.ClientError, what: str, settings: AwsSettings) -> str:
    code, _ = _told(error)
    message = error.response.get("Error", {}).get("Message", "") or code
    if code in EXPIRED:
        return (
            f"Your AWS credentials have expired ({what}). Renew them, for example by `{sign_in(settings)}`, then start "
            "it again, or resume it: what was uploaded is not sent twice, and a job that runs on AWS is followed on."
        )
    if code in UNKNOWN_KEYS:
        return f"AWS does not know these credentials ({what}). Check the profile on Account, or renew them."
    if code in DENIED:
        return (
            f"You may not {what}: {message} Ask who manages the account for this permission, or name things that "
            "exist already on Account."
        )
    if code in ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return (
            f"The bucket lies in another region than {settings.region or 'the chosen one'} ({what}). Choose that "
            "region on Account, or a bucket in this one."
        )
    if code == "NoSuchBucket":
        return f"There is no bucket “{settings.bucket}” (any more). Set AWS up again on Account."
    if code in ("ResourceLimitExceeded", "ServiceQuotaExceededException", "LimitExceededException"):
        return (
            f"The account may not have that much at once: {message} Ask for a higher quota (Account shows it), delete "
            "what is not needed, or choose another instance type."
        )
    if code in ("ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"):
        return f"AWS is busy with other requests of this account ({what}), also after several tries. Try again later."
    return f"AWS refused to {what}: {message}"
