"""Requests to endpoints: answered at once, or queued by an asynchronous endpoint."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import httpx
from botocore.model import Shape, StructureShape
from werkzeug.wrappers import Request, Response

from standin.asynchronous import QueuedRequest, Queues
from standin.endpoints import Fleet
from standin.model import Refused, answer, check_request, invalid, operation

if TYPE_CHECKING:
    from standin.server import Standin

HEADER = "X-Amzn-SageMaker-"
LIMIT_BYTES = 25 * 1024 * 1024
LIMIT_SECONDS = 60
# Headers that SageMaker passes from the request to the container, and from its answer to the client.
TO_CONTAINER = ("Content-Type", "Accept", HEADER + "Session-Id", HEADER + "Custom-Attributes", HEADER + "Inference-Id")
TO_CLIENT = tuple(HEADER + entry for entry in ("New-Session-Id", "Closed-Session-Id", "Custom-Attributes"))


class Runtime:
    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self.queues = Queues(standin)

    def respond(self, request: Request, name: str, region: str) -> Response:
        """Answer one of the runtime's operations.

        Raises:
            Refused: as SageMaker refuses it, or the container did.
        """
        began = time.perf_counter()
        parameters = _parsed(request, name)
        check_request("sagemaker-runtime", name, parameters)
        endpoints = self._standin.sagemaker.endpoints
        endpoint = endpoints.in_service(parameters["EndpointName"], region)
        queued = "AsyncInferenceConfig" in endpoint
        if (name == "InvokeEndpointAsync") != queued:
            kind = "an asynchronous" if queued else "a real-time"
            raise invalid(
                f"Endpoint {parameters['EndpointName']} is {kind} endpoint: it has no {name}.", "ValidationError"
            )
        if queued:
            return self._queue(endpoint, parameters)
        with endpoints.asking(endpoint) as fleet:
            return self._invoke(request, endpoint, fleet, parameters["Body"], began)

    def _invoke(self, request: Request, endpoint: dict[str, Any], fleet: Fleet, body: bytes, began: float) -> Response:
        if not body:
            raise invalid(
                "Value null at 'body' failed to satisfy constraint: Member must not be null", "ValidationError"
            )
        if len(body) > LIMIT_BYTES:
            raise Refused("ValidationError", f"HTTP content length exceeded {LIMIT_BYTES} bytes.", 413)
        headers = {entry: request.headers[entry] for entry in TO_CONTAINER if entry in request.headers}
        started = time.perf_counter()
        try:
            result = fleet.client.post("/invocations", content=body, headers=headers, timeout=LIMIT_SECONDS)
        except httpx.TimeoutException as error:
            raise model_error(0, "Your invocation timed out while waiting for a response from container.") from error
        except httpx.HTTPError as error:
            raise model_error(500, f"The container closed the connection: {error!r}") from error
        seconds = time.perf_counter() - started
        status = result.status_code
        overhead = time.perf_counter() - began - seconds
        self._standin.metrics.add(
            endpoint["Region"],
            {"EndpointName": endpoint["EndpointName"], "VariantName": fleet.variant},
            Invocations=1,
            ModelLatency=seconds * 1e6,
            OverheadLatency=overhead * 1e6,
            Invocation4XXErrors=int(400 <= status < 500),
            Invocation5XXErrors=int(status >= 500),
        )
        if not result.is_success:
            raise model_error(status, result.text)
        response = Response(result.content, content_type=result.headers.get("Content-Type", ""))
        response.headers["x-Amzn-Invoked-Production-Variant"] = fleet.variant
        for entry in TO_CLIENT:
            if entry in result.headers:
                response.headers[entry] = result.headers[entry]
        _check_answer("InvokeEndpoint", response)
        return response

    def _queue(self, endpoint: dict[str, Any], parameters: dict[str, Any]) -> Response:
        if "InputLocation" not in parameters:
            raise invalid("The stand-in takes asynchronous requests by InputLocation.", "ValidationError")
        places, unique = endpoint["AsyncInferenceConfig"]["OutputConfig"], secrets.token_hex(16)
        output = f"{places['S3OutputPath'].rstrip('/')}/{unique}.out"
        # Without an address for failures, only SNS reports them.
        failure = f"{places['S3FailurePath'].rstrip('/')}/{unique}-error.out" if "S3FailurePath" in places else ""
        inference_id = parameters.get("InferenceId", secrets.token_hex(16))
        headers = {
            "Content-Type": parameters.get("ContentType", "application/octet-stream"),
            HEADER + "Inference-Id": inference_id,
            **(
                {HEADER + "Custom-Attributes": parameters["CustomAttributes"]}
                if "CustomAttributes" in parameters
                else {}
            ),
        }
        limit = parameters.get("InvocationTimeoutSeconds", 900)
        self.queues.put(
            endpoint, QueuedRequest(parameters["InputLocation"], headers, limit, inference_id, output, failure)
        )
        response = Response(json.dumps({"InferenceId": inference_id}), 202, content_type="application/json")
        response.headers[HEADER + "OutputLocation"] = output
        if failure:
            response.headers[HEADER + "FailureLocation"] = failure
        _check_answer("InvokeEndpointAsync", response)
        return response


def model_error(status: int, message: str) -> Refused:
    """Return SageMaker's answer for a container's answer."""
    kind = "client" if 400 <= status < 500 else "server"
    return Refused(
        "ModelError",
        f'Received {kind} error ({status}) from primary with message "{message}". See the endpoint\'s log.',
        424,
        OriginalStatusCode=status,
        OriginalMessage=message,
    )


def _parsed(request: Request, operation_name: str) -> dict[str, Any]:
    """Return a request's parameters from its path, headers and body."""
    shape = operation("sagemaker-runtime", operation_name).input_shape
    assert isinstance(shape, StructureShape)
    result: dict[str, Any] = {"EndpointName": request.path.split("/")[2]}
    for key, member in shape.members.items():
        if (
            member.serialization.get("location") == "header"
            and (header := member.serialization["name"]) in request.headers
        ):
            result[key] = _converted(request.headers[header], member)
    body = request.get_data()
    return result | ({"Body": body} if body or operation_name == "InvokeEndpoint" else {})


def _check_answer(name: str, response: Response) -> None:
    """Check that AWS could give that answer; session ids, above all, have a format."""
    shape = operation("sagemaker-runtime", name).output_shape
    assert isinstance(shape, StructureShape)
    result = {
        key: response.headers[member.serialization["name"]]
        for key, member in shape.members.items()
        if member.serialization.get("location") == "header" and member.serialization["name"] in response.headers
    }
    answer("sagemaker-runtime", name, result | ({"Body": b""} if name == "InvokeEndpoint" else {}))


def _converted(text: str, shape: Shape) -> Any:
    return int(text) if shape.type_name == "integer" else text
