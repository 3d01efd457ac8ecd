"""The queues of asynchronous endpoints: requests are processed one at a time, and answers are stored in S3."""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standin import files
from standin.resources import now

if TYPE_CHECKING:
    from standin.server import Standin


@dataclass(frozen=True)
class QueuedRequest:
    """One queued request; `output` and `failure` are the addresses for its answer (`failure` may be empty)."""

    input: str
    headers: dict[str, str]
    limit: float  # seconds
    inference_id: str
    output: str
    failure: str


class Queues:
    """One queue per endpoint. It outlives updates, and waits while the endpoint has no instance."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._queues: dict[str, queue.Queue[QueuedRequest]] = {}  # by the endpoint's ARN
        self._lock = threading.Lock()

    def put(self, endpoint: dict[str, Any], queued: QueuedRequest) -> None:
        arn = endpoint["Arn"]
        with self._lock:
            if arn not in self._queues:
                self._queues[arn] = queue.Queue()
                threading.Thread(target=self._work, args=(endpoint,), daemon=True).start()
            self._queues[arn].put(queued)
        self._tell_backlog(endpoint)

    def _work(self, endpoint: dict[str, Any]) -> None:
        """Process requests until the endpoint is deleted."""
        fleets, waiting = self._standin.sagemaker.endpoints.fleets, self._queues[endpoint["Arn"]]
        while endpoint["Arn"] in fleets:
            if not any(endpoint["Counts"].values()):
                time.sleep(0.1)
                continue
            try:
                queued = waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            self._answer(endpoint, queued)
            self._tell_backlog(endpoint)
        with self._lock:
            del self._queues[endpoint["Arn"]]

    def _answer(self, endpoint: dict[str, Any], queued: QueuedRequest) -> None:
        s3 = self._standin.client("s3", endpoint["Region"])
        endpoints = self._standin.sagemaker.endpoints
        if endpoint["Arn"] not in endpoints.fleets:  # the endpoint was deleted
            return
        began = time.perf_counter()
        with endpoints.asking(endpoint) as fleet:
            try:
                content = files.read(s3, queued.input)
                response = fleet.client.post(
                    "/invocations", content=content, headers=queued.headers, timeout=queued.limit
                )
                succeeded, answer = response.is_success, response.content
            except Exception as error:
                succeeded, answer = False, f"Failed to process the request: {error}".encode()
        if succeeded or queued.failure:
            files.write(s3, queued.output if succeeded else queued.failure, answer)
        self._standin.metrics.add(
            endpoint["Region"],
            {"EndpointName": endpoint["EndpointName"], "VariantName": fleet.variant},
            **{"InvocationsProcessed" if succeeded else "InvocationFailures": 1},
            ModelLatency=(time.perf_counter() - began) * 1e6,
        )
        self._notify(endpoint, queued, succeeded)

    def _notify(self, endpoint: dict[str, Any], queued: QueuedRequest, done: bool) -> None:
        topics = endpoint["AsyncInferenceConfig"]["OutputConfig"].get("NotificationConfig", {})
        topic = topics.get("SuccessTopic" if done else "ErrorTopic")
        if not topic:
            return
        message = {
            "awsRegion": endpoint["Region"],
            "eventTime": now().isoformat(),
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
            "eventVersion": "1.0",
            "invocationStatus": "Completed" if done else "Failed",
            "requestParameters": {"endpointName": endpoint["EndpointName"], "inputLocation": queued.input},
            "responseParameters": {"outputLocation": queued.output if done else queued.failure},
            "inferenceId": queued.inference_id,
        }
        self._standin.client("sns", endpoint["Region"]).publish(TopicArn=topic, Message=json.dumps(message))

    def _tell_backlog(self, endpoint: dict[str, Any]) -> None:
        waiting, count = self._queues[endpoint["Arn"]].qsize(), sum(endpoint["Counts"].values())
        figures: dict[str, float] = {"ApproximateBacklogSize": waiting}
        if count:
            figures["ApproximateBacklogSizePerInstance"] = waiting / count
        figures["HasBacklogWithoutCapacity"] = int(waiting > 0 and count == 0)
        self._standin.metrics.add(endpoint["Region"], {"EndpointName": endpoint["EndpointName"]}, **figures)
