"""Conditions that AWS reports only in the text of an error, without an error code of their own."""

from __future__ import annotations

from botocore.exceptions import ClientError

NOT_FOUND_CODES = {
    "ResourceNotFound",
    "ResourceNotFoundException",
    "NoSuchKey",
    "NoSuchBucket",
    "NoSuchEntity",
    "404",
    "RepositoryNotFoundException",
    "ImageNotFoundException",
    "ObjectNotFoundException",
}


def code_of(error: BaseException | None) -> str:
    """Return AWS's error code, or "" if AWS did not answer with an error."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def message_of(error: BaseException | None) -> str:
    """Return AWS's error text, or "" if AWS did not answer with an error."""
    return str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else ""


def says_not_found(error: BaseException | None) -> bool:
    """Return whether AWS says that a resource does not exist.

    SageMaker and CloudFormation report that as a validation error, see "ValidationError" in
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html.
    """
    phrases = ("could not find", "does not exist", "cannot be found", "not found")
    return code_of(error) in NOT_FOUND_CODES or _is_validation_error(error, phrases)


def says_not_ready_yet(error: BaseException | None) -> bool:
    """Return whether AWS says that a resource, which may have been created a moment ago, cannot be used.

    New roles take a while to be known everywhere:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    phrases = ("could not assume role", "could not find model", "could not find endpoint configuration", "not yet")
    return any(phrase in message_of(error).lower() for phrase in phrases)


def says_endpoint_is_changing(error: BaseException | None) -> bool:
    """Return whether SageMaker refuses to delete an endpoint because it is being created or updated.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpoint.html
    """
    return "in-progress endpoint" in message_of(error)


def says_nothing_to_update(error: BaseException | None) -> bool:
    """Return whether CloudFormation says that a stack is up to date.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html
    """
    return "No updates are to be performed" in message_of(error)


def says_cancelled(reason: str) -> bool:
    """Return whether the reason in a CloudFormation event says that it failed only because another resource did.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
    """
    return "cancelled" in reason  # AWS's own spelling


def _is_validation_error(error: BaseException | None, phrases: tuple[str, ...]) -> bool:
    message = message_of(error).lower()
    return code_of(error) in ("ValidationException", "ValidationError") and any(phrase in message for phrase in phrases)
