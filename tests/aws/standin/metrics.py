"""Metrics for CloudWatch, sent once or twice a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from standin.resources import now

if TYPE_CHECKING:
    from standin.server import Standin

SECONDS_BETWEEN = 0.5


class Metrics:
    """Metrics of endpoints in the namespace AWS/SageMaker, sent in the background so that no request waits."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._waiting: dict[str, list[dict[str, Any]]] = {}  # by region
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def add(self, region: str, dimensions: dict[str, str], **values: float) -> None:
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        points = [
            {"MetricName": name, "Dimensions": named, "Timestamp": now(), "Value": value}
            for name, value in values.items()
        ]
        with self._lock:
            self._waiting.setdefault(region, []).extend(points)
            if self._timer is None:
                self._timer = threading.Timer(SECONDS_BETWEEN, self._send)
                self._timer.daemon = True
                self._timer.start()

    def stop(self) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._waiting.clear()

    def _send(self) -> None:
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, {}, None
        for region, figures in waiting.items():
            client = self._standin.client("cloudwatch", region)
            for first in range(0, len(figures), 500):
                client.put_metric_data(Namespace="AWS/SageMaker", MetricData=figures[first : first + 500])
