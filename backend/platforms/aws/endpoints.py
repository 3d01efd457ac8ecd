"""Real-time and asynchronous endpoints: a model, a configuration and an endpoint, made and deleted together."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import autoscaling, logs, prices, stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import AsyncChoices, EndpointChoices
from backend.platforms.aws.instances import has_gpu, has_own_disk
from backend.platforms.aws.jobs import waits
from backend.platforms.aws.models import container, put_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import Answer, EndpointState, Options
from backend.progress import Progress

VARIANT = autoscaling.VARIANT
STATES = {  # all others are on their way to one of these
    "InService": "in service",
    "SystemUpdating": "in service",
    "Failed": "failed",
    "OutOfService": "failed",
    "UpdateRollbackFailed": "failed",
    "Deleting": "gone",
}
START_SECONDS = 300  # what a start takes, more or less
LONGEST_START_SECONDS = 1200
UNKNOWN_SECONDS = 20  # for so long a new endpoint may not be known everywhere
ASYNC_SECONDS = 3600  # SageMaker's limit for an asynchronous answer
VOLUME_GB = 30  # room for the artifact and a video of 1 GB
# The image's CUDA 13 needs NVIDIA's driver 580; without this field, endpoints get 470 or 535. See
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
GPU_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"


def deploy(account: Account, name: str, model: Path, mode: str, chosen: Options) -> dict:
    """As `Platform.deploy` says; what was made until a failure is deleted again."""
    ref = _make_configuration(account, name_of(name, secrets.token_hex(3)), model, mode, chosen)
    try:
        account.call(
            "sagemaker",
            "create_endpoint",
            EndpointName=ref["endpoint"],
            EndpointConfigName=ref["config"],
            Tags=account.settings.tag_list,
        )
    except BaseException:
        delete(account, ref)
        raise
    return ref


def update(account: Account, ref: dict, model: Path, chosen: Options) -> dict:
    """As `Platform.update` says."""
    new = _make_configuration(account, ref["endpoint"], model, ref["mode"], chosen)
    try:
        autoscaling.deregister(account, ref["endpoint"])  # SageMaker refuses to update an endpoint that scales
        account.call("sagemaker", "update_endpoint", EndpointName=new["endpoint"], EndpointConfigName=new["config"])
    except BaseException:
        retire(account, new, ref)
        raise
    return new


def wait_in_service(account: Account, ref: dict, progress: Progress) -> None:
    """As `Platform.wait_in_service` says; then it begins to scale."""
    started = time.monotonic()
    for wait in waits():
        found, waited = state(account, ref), time.monotonic() - started
        if found.status != "starting" and not (found.status == "gone" and waited < UNKNOWN_SECONDS):
            break
        progress(waited / (waited + START_SECONDS), f"SageMaker starts the endpoint on {found.where}")
        time.sleep(wait)
    if found.status != "in service":
        raise UserError(f"The endpoint did not start. {found.reason} It printed: {log(account, ref, 5) or 'nothing'}")
    autoscaling.register(account, ref["endpoint"], ref["mode"], ref["options"])


def state(account: Account, ref: dict) -> EndpointState:
    """As SageMaker tells it; an update that SageMaker took back counts as failed."""
    found = account.find("sagemaker", "describe_endpoint", EndpointName=ref["endpoint"])
    if found is None:
        return EndpointState("gone", "It was deleted on AWS. Start it again, or delete it here.")
    status = STATES.get(found["EndpointStatus"], "starting")
    reason = found.get("FailureReason", "")
    if status == "in service" and found.get("EndpointConfigName") != ref["config"]:
        status, reason = "failed", reason or "What runs there is not what was asked for."
    variants = found.get("ProductionVariants", [])
    count = sum(each.get("CurrentInstanceCount", 0) for each in variants)
    chosen = _parse(ref["mode"], ref["options"])
    price = prices.per_hour(account, chosen.instance_type, "hosting")
    return EndpointState(
        status=status,
        reason=reason,
        since=found["CreationTime"].timestamp(),
        cost_per_hour=price.per_hour * count if price and status != "gone" else 0.0,
        where=f"{count or ''} x {chosen.instance_type}".removeprefix(" x "),
    )


def retire(account: Account, ref: dict, kept: dict) -> None:
    """As `Platform.retire` says; after an update that failed, the endpoint scales again as it did.

    What the endpoint has or is about to get stays: at AWS an update goes on that was broken off here.
    """
    found = account.find("sagemaker", "describe_endpoint", EndpointName=kept["endpoint"]) or {}
    used = {found.get("EndpointConfigName"), found.get("PendingDeploymentSummary", {}).get("EndpointConfigName")}
    if ref["config"] not in used:
        account.find("sagemaker", "delete_endpoint_config", EndpointConfigName=ref["config"])
        account.find("sagemaker", "delete_model", ModelName=ref["model"])
    if used == {kept["config"], None}:
        autoscaling.register(account, kept["endpoint"], kept["mode"], kept["options"])


def delete(account: Account, ref: dict) -> None:
    """Endpoint, configuration, model, and what scales it. Fine if any is gone already."""
    with deleted_endpoint(account, ref["endpoint"]):
        account.find("sagemaker", "delete_endpoint_config", EndpointConfigName=ref["config"])
        account.find("sagemaker", "delete_model", ModelName=ref["model"])


@contextmanager
def deleted_endpoint(account: Account, name: str) -> Iterator[None]:
    """Delete what scales an endpoint, and it; the block deletes what belongs to it. Fine if any is gone already.

    Raises:
        UserError: in the end, if what scales it may not be deleted: that does not keep what costs money.
    """
    refusal: UserError | None = None
    try:
        autoscaling.deregister(account, name)
    except UserError as error:
        refusal = error
    _delete_endpoint(account, name)
    yield
    if refusal:
        raise UserError(f"The endpoint is deleted, but how it scales may be left on AWS. {refusal}") from refusal


def _delete_endpoint(account: Account, name: str) -> None:
    """SageMaker refuses that while it starts or changes: then this waits."""
    deadline = time.monotonic() + LONGEST_START_SECONDS
    for wait in waits():
        try:
            account.find("sagemaker", "delete_endpoint", EndpointName=name)
            return
        except UserError as error:
            if "in-progress endpoint" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(wait)


def example(account: Account, ref: dict) -> str:
    """With AWS's command line."""
    ask = f"aws sagemaker-runtime invoke-endpoint --region {account.region} --endpoint-name {ref['endpoint']} \\\n  "
    if ref["mode"] == "async":
        ask = ask.replace("invoke-endpoint ", "invoke-endpoint-async ")
        return f"{ask} --content-type video/mp4 --input-location s3://{account.settings.bucket}/video.mp4"
    return (
        f"{ask} --content-type image/jpeg --body fileb://frame.jpg answer.json\n\n"
        f"{ask} --session-id NEW_SESSION --content-type application/json \\\n"
        "   --body '{\"frame_rate\": 25}' --cli-binary-format raw-in-base64-out answer.json\n"
        f"{ask} --session-id ID --content-type video/mp4 --body fileb://piece.mp4 answer.json"
    )


def invoke(account: Account, ref: dict, body: bytes, content_type: str, session: str | None, attributes: str) -> Answer:
    """As `Platform.invoke` says."""
    more = {"SessionId": session} if session else {}
    answer = _runtime(
        account,
        "invoke_endpoint",
        EndpointName=ref["endpoint"],
        Body=body,
        ContentType=content_type,
        **more,
        **_attributes(attributes),
    )
    with account.errors("read the endpoint's answer"):
        content = answer["Body"].read()
    opened = answer.get("NewSessionId")
    return Answer(content, opened.partition(";")[0] if opened else None, answer.get("ClosedSessionId"))


def submit(account: Account, ref: dict, body: Path, content_type: str, attributes: str) -> str:
    """As `Platform.submit` says; a body that was sent before is not sent again."""
    answer = _runtime(
        account,
        "invoke_endpoint_async",
        EndpointName=ref["endpoint"],
        InputLocation=Bucket(account).put_file(body, "videos"),
        ContentType=content_type,
        InvocationTimeoutSeconds=ASYNC_SECONDS,
        **_attributes(attributes),
    )
    return json.dumps({"output": answer["OutputLocation"], "failure": answer.get("FailureLocation")})


def collect(account: Account, ref: dict, ticket: str) -> bytes | None:
    """As `Platform.collect` says; an answer that was read is removed."""
    bucket, places = Bucket(account), json.loads(ticket)
    if (answer := bucket.find(places["output"])) is not None:
        with suppress(UserError):  # who may not remove it has it all the same
            bucket.remove(places["output"])
        return answer
    if places["failure"] and (failure := bucket.find(places["failure"])) is not None:
        bucket.remove(places["failure"])
        raise UserError(_sentence(failure.decode(errors="replace")))
    found = state(account, ref)
    if found.status in ("gone", "failed"):
        raise UserError(f"The endpoint is {found.status}. {found.reason} Start it again on Deploy, then try again.")
    return None


def log(account: Account, ref: dict, lines: int) -> str:
    return logs.last_lines(account, logs.ENDPOINTS + ref["endpoint"], lines)


def _make_configuration(account: Account, endpoint: str, model: Path, mode: str, chosen: Options) -> dict:
    """SageMaker's model and endpoint configuration; returns the `ref` that they make."""
    settings, choices = account.settings, _parse(mode, chosen)
    _check_topics(account, choices)
    name = name_of(endpoint, secrets.token_hex(3))
    ref = {
        "endpoint": endpoint, "config": name, "model": name, "mode": mode, "options": dict(chosen),
        "region": account.region,
    }  # fmt: skip
    bucket = Bucket(account)
    account.call(
        "sagemaker",
        "create_model",
        ModelName=name,
        PrimaryContainer=container(account, put_model(bucket, model)),
        ExecutionRoleArn=settings.role,
        EnableNetworkIsolation=settings.network_isolation,
        Tags=settings.tag_list,
        **account.vpc,
    )
    variant: dict[str, Any] = {
        "VariantName": VARIANT,
        "ModelName": name,
        "InstanceType": choices.instance_type,
        "InitialInstanceCount": choices.count if isinstance(choices, EndpointChoices) else 1,
        "ContainerStartupHealthCheckTimeoutInSeconds": 600,
    }
    if has_gpu(choices.instance_type):
        variant["InferenceAmiVersion"] = GPU_AMI
    more: dict[str, Any] = {}
    if isinstance(choices, AsyncChoices):
        more["AsyncInferenceConfig"] = _queue(bucket, endpoint, choices)
    if not has_own_disk(choices.instance_type):
        variant["VolumeSizeInGB"] = VOLUME_GB
        more |= account.kms("KmsKeyId")
    try:
        account.call(
            "sagemaker",
            "create_endpoint_config",
            EndpointConfigName=name,
            ProductionVariants=[variant],
            Tags=settings.tag_list,
            **more,
        )
    except BaseException:
        account.find("sagemaker", "delete_model", ModelName=name)
        raise
    return ref


def _check_topics(account: Account, choices: EndpointChoices | AsyncChoices) -> None:
    """SageMaker itself would take any topic, and then tell it nothing where the role may not."""
    prefix = f"{account.settings.stack}-"
    for topic in (choices.success_topic, choices.error_topic) if isinstance(choices, AsyncChoices) else ():
        name = topic.rpartition(":")[2]
        if topic and stack.has_own_role(account) and not name.startswith(prefix):
            raise UserError(
                f"The stack's execution role may tell only topics whose names begin with “{prefix}”, not “{name}”. "
                "Choose such a topic, or name a role of your own on Account."
            )


def _queue(bucket: Bucket, endpoint: str, choices: AsyncChoices) -> dict[str, Any]:
    topics = {
        key: topic
        for key, topic in (("SuccessTopic", choices.success_topic), ("ErrorTopic", choices.error_topic))
        if topic
    }
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": choices.concurrent},
        "OutputConfig": {
            "S3OutputPath": bucket.uri(f"answers/{endpoint}"),
            "S3FailurePath": bucket.uri(f"failures/{endpoint}"),
            **bucket.account.kms("KmsKeyId"),
            **({"NotificationConfig": topics} if topics else {}),
        },
    }


def _parse(mode: str, chosen: Options) -> EndpointChoices | AsyncChoices:
    return options.parse(AsyncChoices, chosen) if mode == "async" else options.parse(EndpointChoices, chosen)


def _attributes(attributes: str) -> dict[str, str]:
    return {"CustomAttributes": attributes} if attributes else {}


def _runtime(account: Account, operation: str, **parameters: Any) -> Any:
    """A request to an endpoint, whose refusal is told in the container's own words."""
    try:
        return account.call("sagemaker-runtime", operation, **parameters)
    except UserError as error:
        refused = error.__cause__
        if not isinstance(refused, ClientError):
            raise
        told = refused.response.get("Error", {})
        if told.get("Code") == "ModelError":
            original = cast(Any, refused.response).get("OriginalMessage") or told.get("Message", "")
            raise UserError(_sentence(original)) from error
        if "not found" in told.get("Message", "") or "Could not find" in told.get("Message", ""):
            raise UserError(
                "The endpoint is gone: it was deleted on AWS. Start it again on Deploy, then try again."
            ) from error
        raise


def _sentence(message: str) -> str:
    """The container's sentence, which it gives as `{"error": sentence}`."""
    try:
        return str(json.loads(message)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The endpoint answered: {message[:500]}"
