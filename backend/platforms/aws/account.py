"""One AWS account and region: calls to its services, with AWS's errors turned into messages for the user."""

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
from backend.platforms.aws.messages import code_of, message_of, says_not_found, says_not_ready_yet
from backend.platforms.aws.settings import AwsSettings

# Ten attempts with growing waits of up to 20 s outlast throttling. `_RetryWhileUnreachable` handles a lost network.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=10,
    read_timeout=70,
    max_pool_connections=32,
    user_agent_extra="bytetrack-studio",
)
EXPIRED_CODES = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
DENIED_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
UNKNOWN_KEY_CODES = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
}
OTHER_REGION_CODES = {
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
QUOTA_CODES = {"ResourceLimitExceeded", "ServiceQuotaExceededException", "LimitExceededException"}
THROTTLING_CODES = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}

UNREACHABLE_ERRORS = (exceptions.HTTPClientError, exceptions.ConnectionError)  # no answer came
NOT_SENT_ERRORS = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)  # nor was anything sent
BOTO_ERRORS = (exceptions.ClientError, exceptions.BotoCoreError, S3UploadFailedError, RetriesExceededError)

UNREACHABLE_SECONDS = 10.0  # for how long a page retries while the network is down
LONGEST_RETRY_SECONDS = 8.0  # longest wait between two of these retries
NOT_READY_SECONDS = 60  # for how long a call retries when it depends on something that was created a moment ago
NOT_READY_RETRY_SECONDS = 2


class Account:
    """An AWS account and region. Clients are created on first use and shared by threads.

    All methods raise `UserError` if AWS refuses a request: with the reason and what to do about it.

    Args:
        settings: Credentials profile, region, and the names of existing resources.
        unreachable_seconds: For how long requests are retried while the network is down.
    """

    def __init__(self, settings: AwsSettings, unreachable_seconds: float = UNREACHABLE_SECONDS) -> None:
        self.settings = settings
        self.unreachable_seconds = unreachable_seconds
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
                f"There is no AWS profile “{self.settings.profile}” on this machine. Create it with `aws configure "
                f"--profile {self.settings.profile}`, or choose another on Account."
            ) from error
        except exceptions.ConfigParseError as error:
            raise UserError(f"The AWS configuration on this machine cannot be read: {error}") from error

    def within(self, region: str) -> Account:
        """Return the same account in a region, which may differ from the chosen one."""
        if region == self.region:
            return self
        return Account(replace(self.settings, region=region), self.unreachable_seconds)

    def require_setup(self) -> None:
        """Check that the settings name the image and the execution role, which all jobs and endpoints need.

        Raises:
            UserError: If one is missing.
        """
        required = {"image": self.settings.image, "execution role": self.settings.role}
        missing = [label for label, value in required.items() if not value]
        if missing:
            raise UserError(f"AWS is not set up yet: there is no {' and no '.join(missing)}. Set it up on Account.")

    @property
    def has_region(self) -> bool:
        """Whether a region is chosen, or the profile has one."""
        return bool(self._session.region_name)

    @property
    def has_credentials(self) -> bool:
        """Whether there are credentials, valid or not."""
        try:
            return self._session.get_credentials() is not None
        except exceptions.BotoCoreError:  # such as a single sign-on that has expired
            return True

    @property
    def region(self) -> str:
        """The chosen region, or that of the profile."""
        region: str | None = self._session.region_name
        if not region:
            raise UserError("No AWS region is chosen. Enter one on Account, such as eu-west-1.")
        return region

    @property
    def partition(self) -> str:
        """The second part of every ARN: `aws`, `aws-cn` or `aws-us-gov`."""
        partition: str = self._session.get_partition_for_region(self.region)
        return partition

    @cached_property
    def identity(self) -> dict[str, str]:
        """`Account` (12 digits) and `Arn` of the credentials' owner."""
        answer = self.call("sts", "get_caller_identity")
        return {"Account": answer["Account"], "Arn": answer["Arn"]}

    def kms(self, key: str) -> dict[str, str]:
        """Return the chosen KMS key as the field `key` of a request; empty if none is chosen."""
        return {key: self.settings.kms_key} if self.settings.kms_key else {}

    @property
    def vpc(self) -> dict[str, Any]:
        """`VpcConfig` as a field of a request; empty if no VPC is chosen."""
        subnets = _split_ids(self.settings.subnets)
        groups = _split_ids(self.settings.security_groups)
        return {"VpcConfig": {"Subnets": subnets, "SecurityGroupIds": groups}} if subnets else {}

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, for calls that `call` and `pages` cannot make. Use it in `errors`."""
        with self._lock:
            key = service, region
            if key not in self._clients:
                with self.errors(f"reach {service}"):
                    client = self._session.client(service, region_name=region or self.region, config=CONFIG)
                client.meta.events.register_first("needs-retry.*", _RetryWhileUnreachable(self.unreachable_seconds))
                self._clients[key] = client
            return self._clients[key]

    def call(self, service: str, operation: str, region: str | None = None, **parameters: Any) -> Any:
        """Make one request.

        Retries for a minute if it depends on something that was created a moment ago and is not known everywhere yet.
        If the credentials have expired, it loads them again, once.

        Args:
            service: boto3's name of the service.
            operation: boto3's name of the operation, such as `create_training_job`.
            region: Region of the service, if not the account's.
            parameters: Parameters of the operation.
        """
        deadline = time.monotonic() + NOT_READY_SECONDS
        renewed = False
        action = operation.replace("_", " ")
        while True:
            try:
                return getattr(self.client(service, region), operation)(**parameters)
            except exceptions.ClientError as error:
                may_be_too_early = operation.startswith(("create", "register", "update"))
                if code_of(error) in EXPIRED_CODES and not renewed:
                    renewed = True
                    self.renew()
                elif may_be_too_early and says_not_ready_yet(error) and time.monotonic() < deadline:
                    time.sleep(NOT_READY_RETRY_SECONDS)
                else:
                    raise UserError(self._explain(error, action)) from error
            except exceptions.BotoCoreError as error:
                raise UserError(self._explain(error, action)) from error

    def find(self, service: str, operation: str, **parameters: Any) -> Any | None:
        """Make one request, see `call`; returns None if the resource does not exist."""
        try:
            return self.call(service, operation, **parameters)
        except UserError as error:
            if says_not_found(error.__cause__):
                return None
            raise

    def pages(
        self, service: str, operation: str, key: str, region: str | None = None, **parameters: Any
    ) -> Iterator[Any]:
        """Yield all entries below `key` from all pages of a list operation."""
        with self.errors(operation.replace("_", " ")):
            for page in self.client(service, region).get_paginator(operation).paginate(**parameters):
                yield from page.get(key, [])

    @contextmanager
    def errors(self, action: str) -> Iterator[None]:
        """Turn AWS's errors in the block into `UserError`; `action` says what it does, such as "upload the frames"."""
        try:
            yield
        except BOTO_ERRORS as error:
            raise UserError(self._explain(error, action)) from error

    def renew(self) -> None:
        """Drop clients and session, so that credentials which the user has renewed are loaded."""
        with self._lock:
            self._clients.clear()
            self._session = self._new_session()

    def _explain(self, error: Exception, action: str) -> str:
        if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, exceptions.ClientError):
            error = error.__context__
        if isinstance(error, exceptions.ClientError):
            return _explain_refusal(error, action, self.settings)
        if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
            return (
                "No AWS credentials were found. Run `aws configure` or `aws sso login`, or start the console with "
                "AWS_PROFILE or a role; then try again."
            )
        if is_signed_out(error):
            return f"The single sign-on has expired. Run `{sign_in_command(self.settings)}`, then try again."
        if isinstance(error, exceptions.NoRegionError):
            return "No AWS region is chosen. Enter one on Account, such as eu-west-1."
        if isinstance(error, exceptions.ParamValidationError):
            return f"AWS does not accept the request ({action}): {str(error).partition(chr(10))[2] or error}"
        if isinstance(error, (RetriesExceededError, *UNREACHABLE_ERRORS)):
            error = getattr(error, "last_exception", error)
            return (
                f"AWS could not be reached to {action}, after several attempts ({error}). Check the network and the "
                "region, then try again; completed work is kept."
            )
        return f"AWS: {action} failed: {error}"


class _RetryWhileUnreachable:
    """A handler of botocore's event `needs-retry` that retries for some time while the network is down.

    Botocore's own handler gives up after seconds, and at once if many requests are in flight.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(
        self,
        caught_exception: Exception | None,
        operation: Any,
        request_dict: dict[str, Any],
        attempts: int,
        **_: Any,
    ) -> float | bool | None:
        """Return the seconds until the next attempt, False for no more attempts, or None to let botocore decide."""
        if not isinstance(caught_exception, UNREACHABLE_ERRORS):
            return None
        if operation.name == "InvokeEndpoint" and not isinstance(caught_exception, NOT_SENT_ERRORS):
            return False  # it may have been processed, and a session's tracker must not see the same frames twice
        now = time.monotonic()
        if now - request_dict["context"].setdefault("unreachable_since", now) > self._seconds:
            return False
        wait: float = min(0.5 * 2 ** min(attempts, 10), LONGEST_RETRY_SECONDS) * random.uniform(0.5, 1.0)
        return wait


def sign_in_command(settings: AwsSettings) -> str:
    """Return the command that renews a single sign-on."""
    return "aws sso login" + (f" --profile {settings.profile}" if settings.profile else "")


def is_signed_out(error: BaseException | None) -> bool:
    """Return whether the error says that a single sign-on has expired."""
    expired = exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError, exceptions.TokenRetrievalError
    return isinstance(error, expired)


def is_expired(error: BaseException | None) -> bool:
    """Return whether AWS says that the credentials have expired."""
    return any(code_of(cause) in EXPIRED_CODES for cause in (error, error.__context__ if error else None))


def _split_ids(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _explain_refusal(error: exceptions.ClientError, action: str, settings: AwsSettings) -> str:
    code = code_of(error)
    message = message_of(error) or code
    if code in EXPIRED_CODES:
        return (
            f"Your AWS credentials have expired ({action}). Renew them, for example with "
            f"`{sign_in_command(settings)}`, then start or resume the job: files are not uploaded twice, and a job "
            "that still runs on AWS is followed."
        )
    if code in UNKNOWN_KEY_CODES:
        return f"AWS does not know these credentials ({action}). Check the profile on Account, or renew them."
    if code in DENIED_CODES:
        return (
            f"You may not {action}: {message} Ask the account's administrator for this permission, or enter existing "
            "resources on Account."
        )
    if code in OTHER_REGION_CODES:
        return (
            f"The bucket is in another region than {settings.region or 'the chosen one'} ({action}). Choose that "
            "region on Account, or a bucket in this one."
        )
    if code == "NoSuchBucket":
        return f"The bucket “{settings.bucket}” does not exist. Set AWS up again on Account."
    if code in QUOTA_CODES:
        return (
            f"A quota of the account is exceeded: {message} Request a higher quota (see Account), delete what you do "
            "not need, or choose another instance type."
        )
    if code in THROTTLING_CODES:
        return f"AWS throttles this account's requests ({action}), after several attempts. Try again later."
    return f"AWS refused to {action}: {message}"
