"""Real-time and asynchronous endpoints: a model, an endpoint configuration and an endpoint, which belong together."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypedDict

from botocore.exceptions import ClientError
from typing_extensions import override

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import autoscaling, logs, metrics, prices, request_examples, stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.choices import AsyncChoices, EndpointChoices
from backend.platforms.aws.instances import has_gpu, has_own_disk
from backend.platforms.aws.jobs import wait_intervals
from backend.platforms.aws.messages import code_of, message_of, says_endpoint_is_changing, says_not_found
from backend.platforms.aws.models import container, put_model
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.request_examples import Target
from backend.platforms.aws.storage import Bucket
from backend.platforms.base import (
    Answer,
    EndpointMode,
    EndpointService,
    EndpointState,
    EndpointStatus,
    Example,
    Options,
    OptionValue,
    SampleFiles,
    Traffic,
)
from backend.progress import Progress

VARIANT = autoscaling.VARIANT
STATUSES: dict[str, EndpointStatus] = {  # all other statuses of SageMaker lead to one of these
    "InService": "in service",
    "SystemUpdating": "in service",
    "Failed": "failed",
    "OutOfService": "failed",
    "UpdateRollbackFailed": "failed",
    "Deleting": "gone",
}
TYPICAL_START_SECONDS = 300  # an estimate, for the progress bar
DELETE_TIMEOUT_SECONDS = 1200  # an endpoint that is starting or changing can be deleted only afterwards
UNKNOWN_SECONDS = 20  # for how long a new endpoint may not be known everywhere
ANSWER_TIMEOUT_SECONDS = 3600  # SageMaker's limit for an asynchronous answer
HEALTH_CHECK_TIMEOUT_SECONDS = 600
VOLUME_GB = 30  # room for the artifact and a video of 1 GB
# The image's CUDA 13 needs NVIDIA's driver 580; without this field, endpoints get 470 or 535. See
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
GPU_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"


class SageMakerRef(TypedDict):
    """The `ref` of an endpoint on SageMaker."""

    endpoint: str  # name of the endpoint
    config: str  # name of its configuration
    model: str  # name of SageMaker's model
    mode: EndpointMode
    options: dict[str, OptionValue]
    region: str


class SageMakerEndpoints(EndpointService[SageMakerRef]):
    """Implements `backend.platforms.base.EndpointService`. Endpoints may be in another region than the chosen one."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def start(self, name: str, model: Path, mode: EndpointMode, options: Options) -> SageMakerRef:
        self._account.require_setup()
        ref = _create_configuration(self._account, name_of(name, secrets.token_hex(3)), model, mode, options)
        try:
            self._account.call(
                "sagemaker",
                "create_endpoint",
                EndpointName=ref["endpoint"],
                EndpointConfigName=ref["config"],
                Tags=self._account.settings.tag_list,
            )
        except BaseException:
            self.delete(ref)
            raise
        return ref

    @override
    def wait_in_service(self, ref: SageMakerRef, progress: Progress) -> None:
        started = time.monotonic()
        for interval in wait_intervals():
            state, waited = self.state(ref), time.monotonic() - started
            if state.status != "starting" and not (state.status == "gone" and waited < UNKNOWN_SECONDS):
                break
            progress(waited / (waited + TYPICAL_START_SECONDS), f"SageMaker starts the endpoint on {state.location}")
            time.sleep(interval)
        if state.status != "in service":
            raise UserError(f"The endpoint did not start. {state.reason} It printed: {self.log(ref, 5) or 'nothing'}")
        autoscaling.register(self._account_of(ref), ref["endpoint"], ref["mode"], ref["options"])

    @override
    def update(self, ref: SageMakerRef, model: Path, options: Options) -> SageMakerRef:
        self._account.require_setup()
        account = self._account_of(ref)
        new = _create_configuration(account, ref["endpoint"], model, ref["mode"], options)
        try:
            autoscaling.deregister(account, ref["endpoint"])  # SageMaker refuses to update an endpoint that scales
            account.call("sagemaker", "update_endpoint", EndpointName=new["endpoint"], EndpointConfigName=new["config"])
        except BaseException:
            self.retire(new, ref)
            raise
        return new

    @override
    def retire(self, ref: SageMakerRef, kept: SageMakerRef) -> None:
        """Delete after an update whatever belongs to the version `ref` and not to the version `kept`.

        If the update failed, the endpoint scales again as before. If it was only interrupted here, it continues on AWS,
        so nothing that the endpoint uses now or is about to use is deleted.
        """
        account = self._account_of(ref)
        endpoint = account.find("sagemaker", "describe_endpoint", EndpointName=kept["endpoint"]) or {}
        pending = endpoint.get("PendingDeploymentSummary", {})
        in_use = {endpoint.get("EndpointConfigName"), pending.get("EndpointConfigName")}
        if ref["config"] not in in_use:
            _delete_configuration(account, ref)
        if in_use == {kept["config"], None}:
            autoscaling.register(account, kept["endpoint"], kept["mode"], kept["options"])

    @override
    def state(self, ref: SageMakerRef) -> EndpointState:
        """Return the state that SageMaker reports. An update that SageMaker rolled back counts as failed."""
        account = self._account_of(ref)
        endpoint = account.find("sagemaker", "describe_endpoint", EndpointName=ref["endpoint"])
        if endpoint is None:
            return EndpointState("gone", "It was deleted on AWS.")
        status = STATUSES.get(endpoint["EndpointStatus"], "starting")
        reason = endpoint.get("FailureReason", "")
        if status == "in service" and endpoint.get("EndpointConfigName") != ref["config"]:
            status, reason = "failed", reason or "The endpoint runs another configuration than requested."
        count = sum(variant.get("CurrentInstanceCount", 0) for variant in endpoint.get("ProductionVariants", []))
        instance_type = _parse(ref["mode"], ref["options"]).instance_type
        running = 0 if status == "gone" else count
        return EndpointState(
            status=status,
            reason=reason,
            since=endpoint["CreationTime"].timestamp(),
            cost_per_hour=prices.cost_per_hour(account, instance_type, "hosting", running),
            location=f"{count} x {instance_type}" if count else instance_type,
        )

    @override
    def traffic(self, ref: SageMakerRef) -> Traffic:
        return metrics.traffic(self._account_of(ref), ref["endpoint"])

    @override
    def process_ids(self, ref: SageMakerRef) -> list[int]:
        return []

    @override
    def delete(self, ref: SageMakerRef) -> None:
        account = self._account_of(ref)
        with endpoint_deleted(account, ref["endpoint"]):
            _delete_configuration(account, ref)

    @override
    def invoke(
        self, ref: SageMakerRef, body: bytes, content_type: str, session: str | None = None, attributes: str = ""
    ) -> Answer:
        account = self._account_of(ref)
        answer = _call_runtime(
            account,
            "invoke_endpoint",
            EndpointName=ref["endpoint"],
            Body=body,
            ContentType=content_type,
            **({"SessionId": session} if session else {}),
            **_attributes(attributes),
        )
        with account.errors("read the endpoint's answer"):
            content = answer["Body"].read()
        new_session = answer.get("NewSessionId")
        return Answer(content, new_session.partition(";")[0] if new_session else None, answer.get("ClosedSessionId"))

    @override
    def submit(self, ref: SageMakerRef, body: Path, content_type: str, attributes: str = "") -> str:
        account = self._account_of(ref)
        answer = _call_runtime(
            account,
            "invoke_endpoint_async",
            EndpointName=ref["endpoint"],
            InputLocation=Bucket(account).put_file(body, "videos"),  # a file that is in the bucket is not sent again
            ContentType=content_type,
            InvocationTimeoutSeconds=ANSWER_TIMEOUT_SECONDS,
            **_attributes(attributes),
        )
        return json.dumps({"output": answer["OutputLocation"], "failure": answer.get("FailureLocation")})

    @override
    def collect(self, ref: SageMakerRef, ticket: str) -> bytes | None:
        bucket, addresses = Bucket(self._account_of(ref)), json.loads(ticket)
        if (answer := bucket.find(addresses["output"])) is not None:
            with suppress(UserError):  # missing permission to delete it must not withhold the answer
                bucket.remove(addresses["output"])
            return answer
        if addresses["failure"] and (failure := bucket.find(addresses["failure"])) is not None:
            bucket.remove(addresses["failure"])
            raise UserError(_container_message(failure.decode(errors="replace")))
        state = self.state(ref)
        if state.status in ("gone", "failed"):
            raise UserError(f"The endpoint is {state.status}. {state.reason} Restart it on Deploy, then try again.")
        return None

    @override
    def examples(self, ref: SageMakerRef, files: SampleFiles) -> list[Example]:
        account = self._account_of(ref)
        address = account.client("sagemaker-runtime").meta.endpoint_url
        target = Target(account.region, ref["endpoint"], account.settings.bucket, address)
        return request_examples.examples(target, ref["mode"], files)

    @override
    def log(self, ref: SageMakerRef, lines: int = 200) -> str:
        return logs.last_lines(self._account_of(ref), logs.ENDPOINTS_PREFIX + ref["endpoint"], lines)

    def _account_of(self, ref: SageMakerRef) -> Account:
        return self._account.within(ref["region"])


@contextmanager
def endpoint_deleted(account: Account, name: str) -> Iterator[None]:
    """Delete an endpoint and its autoscaling. The block then deletes what belongs to it. No-op if it does not exist.

    Raises:
        UserError: After the block, if the autoscaling may not be deleted; the endpoint, which costs money, is deleted.
    """
    refusal: UserError | None = None
    try:
        autoscaling.deregister(account, name)
    except UserError as error:
        refusal = error
    _delete_endpoint(account, name)
    yield
    if refusal:
        raise UserError(f"The endpoint is deleted, but its autoscaling may remain on AWS. {refusal}") from refusal


def _delete_endpoint(account: Account, name: str) -> None:
    """Delete an endpoint. Waits while it starts or changes, because SageMaker refuses until that has ended."""
    deadline = time.monotonic() + DELETE_TIMEOUT_SECONDS
    for interval in wait_intervals():
        try:
            account.find("sagemaker", "delete_endpoint", EndpointName=name)
            return
        except UserError as error:
            if not says_endpoint_is_changing(error.__cause__) or time.monotonic() > deadline:
                raise
        time.sleep(interval)


def _delete_configuration(account: Account, ref: SageMakerRef) -> None:
    account.find("sagemaker", "delete_endpoint_config", EndpointConfigName=ref["config"])
    account.find("sagemaker", "delete_model", ModelName=ref["model"])


def _create_configuration(
    account: Account, endpoint: str, model: Path, mode: EndpointMode, chosen: Options
) -> SageMakerRef:
    """Create SageMaker's model and endpoint configuration and return the endpoint's `ref`."""
    settings, choices = account.settings, _parse(mode, chosen)
    _check_topics(account, choices)
    name = name_of(endpoint, secrets.token_hex(3))
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
        "ContainerStartupHealthCheckTimeoutInSeconds": HEALTH_CHECK_TIMEOUT_SECONDS,
    }
    if has_gpu(choices.instance_type):
        variant["InferenceAmiVersion"] = GPU_AMI
    request: dict[str, Any] = {}
    if isinstance(choices, AsyncChoices):
        request["AsyncInferenceConfig"] = _async_config(bucket, endpoint, choices)
    if not has_own_disk(choices.instance_type):
        variant["VolumeSizeInGB"] = VOLUME_GB
        request |= account.kms("KmsKeyId")
    try:
        account.call(
            "sagemaker",
            "create_endpoint_config",
            EndpointConfigName=name,
            ProductionVariants=[variant],
            Tags=settings.tag_list,
            **request,
        )
    except BaseException:
        account.find("sagemaker", "delete_model", ModelName=name)
        raise
    return {
        "endpoint": endpoint,
        "config": name,
        "model": name,
        "mode": mode,
        "options": dict(chosen),
        "region": account.region,
    }


def _check_topics(account: Account, choices: EndpointChoices | AsyncChoices) -> None:
    """Check that the stack's role may publish to the topics: SageMaker takes any topic, and would not publish to it."""
    if not isinstance(choices, AsyncChoices) or not stack.has_own_role(account):
        return
    prefix = f"{account.settings.stack}-"
    for topic in (choices.success_topic, choices.error_topic):
        name = topic.rpartition(":")[2]
        if topic and not name.startswith(prefix):
            raise UserError(
                f"The stack's execution role may publish only to topics whose names begin with “{prefix}”, not to "
                f"“{name}”. Choose such a topic, or enter a role of your own on Account."
            )


def _async_config(bucket: Bucket, endpoint: str, choices: AsyncChoices) -> dict[str, Any]:
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


def _parse(mode: EndpointMode, chosen: Options) -> EndpointChoices | AsyncChoices:
    return options.parse(AsyncChoices, chosen) if mode == "async" else options.parse(EndpointChoices, chosen)


def _attributes(attributes: str) -> dict[str, str]:
    return {"CustomAttributes": attributes} if attributes else {}


def _call_runtime(account: Account, operation: str, **parameters: Any) -> Any:
    """Send a request to an endpoint; if it is refused, raises `UserError` with the container's own message."""
    try:
        return account.call("sagemaker-runtime", operation, **parameters)
    except UserError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and code_of(cause) == "ModelError":
            response: dict[str, Any] = dict(cause.response)
            raise UserError(_container_message(response.get("OriginalMessage") or message_of(cause))) from error
        if says_not_found(cause):
            raise UserError(
                "The endpoint is gone: it was deleted on AWS. Restart it on Deploy, then try again."
            ) from error
        raise


def _container_message(text: str) -> str:
    """Return the message in the container's answer, which is `{"error": message}`."""
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The endpoint answered: {text[:500]}"
