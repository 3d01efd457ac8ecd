"""Models, endpoint configurations and endpoints, which run the program `serve`."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from standin import files
from standin.model import invalid
from standin.programs import Log, Program, free_port
from standin.resources import ACCOUNT, hosting, now
from standin.rules import check_driver, check_own_disk

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

START_SECONDS = 60


@dataclass
class Fleet:
    """The container of one endpoint configuration; there is only one, whatever the number of instances."""

    config: dict[str, Any]
    program: Program
    base: Path
    client: httpx.Client
    asked: int = 0  # requests in progress

    @property
    def variant(self) -> str:
        return self.config["ProductionVariants"][0]["VariantName"]


class Endpoints:
    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        self.models = hosting("model", "model")
        self.configs = hosting("endpoint-config", "endpoint configuration")
        self.endpoints = hosting("endpoint", "endpoint")
        self.kinds = [self.models, self.configs, self.endpoints]
        self.fleets: dict[str, Fleet] = {}  # by the endpoint's ARN
        self._threads: list[threading.Thread] = []
        self._traffic = threading.Lock()
        self._ended = False

    # --- Models ---------------------------------------------------------------------------------------------------

    def create_model(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        if "ExecutionRoleArn" not in request or "PrimaryContainer" not in request:
            raise invalid("The stand-in has models with an execution role and a primary container.")
        self._sagemaker.check_role(request["ExecutionRoleArn"])
        self._sagemaker.check_image(region, request["PrimaryContainer"]["Image"])
        if uri := request["PrimaryContainer"].get("ModelDataUrl"):
            if not uri.endswith(".tar.gz"):
                raise invalid("ModelDataUrl must point to a single gzip compressed tar archive (.tar.gz suffix).")
            files.must_exist(self._sagemaker.standin.client("s3", region), uri)
        tags = request.pop("Tags", None)
        return {"ModelArn": self.models.add(region, request["ModelName"], request, tags)["Arn"]}

    def describe_model(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        model = self.models.get(request["ModelName"], region)
        return model | {"ModelArn": model["Arn"]}

    def list_models(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.models.page(request, region, "ModelName")
        return {"Models": [entry | {"ModelArn": entry["Arn"]} for entry in page.pop("entries")], **page}

    def delete_model(self, region: str, request: dict[str, Any]) -> None:
        self.models.remove(request["ModelName"], region)

    # --- Configurations -------------------------------------------------------------------------------------------

    def create_endpoint_config(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        for variant in request["ProductionVariants"]:
            self.models.get(variant["ModelName"], region)
            volume = {"VolumeSizeInGB": variant.get("VolumeSizeInGB"), "KmsKeyId": request.get("KmsKeyId")}
            check_own_disk(variant["InstanceType"], **volume)
        if "AsyncInferenceConfig" in request:
            output = request["AsyncInferenceConfig"]["OutputConfig"]
            for key in ("S3OutputPath", "S3FailurePath"):
                if key in output:
                    files.keys(self._sagemaker.standin.client("s3", region), output[key])
        tags = request.pop("Tags", None)
        return {"EndpointConfigArn": self.configs.add(region, request["EndpointConfigName"], request, tags)["Arn"]}

    def describe_endpoint_config(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        config = self.configs.get(request["EndpointConfigName"], region)
        return config | {"EndpointConfigArn": config["Arn"]}

    def list_endpoint_configs(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.configs.page(request, region, "EndpointConfigName")
        return {
            "EndpointConfigs": [entry | {"EndpointConfigArn": entry["Arn"]} for entry in page.pop("entries")],
            **page,
        }

    def delete_endpoint_config(self, region: str, request: dict[str, Any]) -> None:
        self.configs.remove(request["EndpointConfigName"], region)

    # --- Endpoints ------------------------------------------------------------------------------------------------

    def create_endpoint(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        config = self.configs.get(request["EndpointConfigName"], region)
        tags = request.pop("Tags", None)
        state = {"EndpointStatus": "Creating", "Counts": _counts(config)}
        endpoint = self.endpoints.add(region, request["EndpointName"], request | state, tags)
        self._in_thread(self._bring_up, endpoint, config)
        return {"EndpointArn": endpoint["Arn"]}

    def update_endpoint(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._settled(request["EndpointName"], region)
        config = self.configs.get(request["EndpointConfigName"], region)
        autoscaling = self._sagemaker.standin.client("application-autoscaling", region)
        ids = [f"endpoint/{endpoint['EndpointName']}/variant/{name}" for name in _counts(config)]
        if autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=ids)["ScalableTargets"]:
            raise invalid(
                "The variants of the endpoint must be deregistered as scalable targets with AWS Auto Scaling before "
                "they can be removed or updated to have a different instance type."
            )
        endpoint["EndpointStatus"] = "Updating"
        endpoint["PendingDeploymentSummary"] = {
            "EndpointConfigName": config["EndpointConfigName"],
            "StartTime": now(),
        }
        self._in_thread(self._bring_up, endpoint, config)
        return {"EndpointArn": endpoint["Arn"]}

    def update_endpoint_weights_and_capacities(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._settled(request["EndpointName"], region)
        wanted = {
            capacity["VariantName"]: capacity["DesiredInstanceCount"]
            for capacity in request["DesiredWeightsAndCapacities"]
            if "DesiredInstanceCount" in capacity
        }
        if unknown := wanted.keys() - endpoint["Counts"].keys():
            raise invalid(f"The endpoint has no variants {sorted(unknown)}.")
        if 0 in wanted.values() and "AsyncInferenceConfig" not in endpoint:
            raise invalid("Only asynchronous endpoints can have no instance.")
        endpoint["Counts"] = endpoint["Counts"] | wanted
        return {"EndpointArn": endpoint["Arn"]}

    def describe_endpoint(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        endpoint = self.endpoints.get(request["EndpointName"], region)
        weights = {"CurrentWeight": 1.0, "DesiredWeight": 1.0}
        variants = [
            {"VariantName": name, "CurrentInstanceCount": count, "DesiredInstanceCount": count, **weights}
            for name, count in endpoint["Counts"].items()
        ]
        running = {} if endpoint["EndpointStatus"] == "Creating" else {"ProductionVariants": variants}
        return endpoint | {"EndpointArn": endpoint["Arn"], **running}

    def list_endpoints(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.endpoints.page(request, region, "EndpointName", "EndpointStatus")
        return {"Endpoints": [entry | {"EndpointArn": entry["Arn"]} for entry in page.pop("entries")], **page}

    def delete_endpoint(self, region: str, request: dict[str, Any]) -> None:
        endpoint = self._settled(request["EndpointName"], region)
        endpoint["EndpointStatus"] = "Deleting"
        self._in_thread(self._delete, endpoint)

    def in_service(self, name: str, region: str) -> dict[str, Any]:
        """Return the endpoint. Raises `Refused` with the runtime's own words if it does not exist."""
        endpoint = self.endpoints.find(name, region)
        if endpoint is None or endpoint["Arn"] not in self.fleets or endpoint["EndpointStatus"] == "Deleting":
            raise invalid(f"Endpoint {name} of account {ACCOUNT} not found.", code="ValidationError")
        return endpoint

    @contextmanager
    def asking(self, endpoint: dict[str, Any]) -> Iterator[Fleet]:
        """Provide the endpoint's fleet. An update does not stop it before the block ends."""
        with self._traffic:
            fleet = self.fleets[endpoint["Arn"]]
            fleet.asked += 1
        try:
            yield fleet
        finally:
            with self._traffic:
                fleet.asked -= 1

    def end_everything(self) -> None:
        self._ended = True
        for arn in list(self.fleets):
            self._take_down(self.fleets.pop(arn))
        for thread in self._threads:
            thread.join(20)

    def _settled(self, name: str, region: str) -> dict[str, Any]:
        """Return an endpoint. Raises `Refused` while its state changes, as it cannot be updated or deleted then."""
        endpoint = self.endpoints.get(name, region)
        if endpoint["EndpointStatus"] not in ("InService", "Failed"):
            raise invalid(f'Cannot update in-progress endpoint "{endpoint["Arn"]}".')
        return endpoint

    def _in_thread(self, function: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _bring_up(self, endpoint: dict[str, Any], config: dict[str, Any]) -> None:
        """Start the new container. The old one keeps answering until it is up, or for good if it fails to start."""
        fleet, old = None, self.fleets.get(endpoint["Arn"])
        try:
            fleet = self._start(endpoint, config)
        except Exception as error:
            endpoint["FailureReason"] = str(error)[:1024]
        if fleet and self._ended:
            self._take_down(fleet)
            return
        if fleet:
            endpoint["EndpointConfigName"] = config["EndpointConfigName"]
            endpoint["Counts"] = _counts(config)
            if "AsyncInferenceConfig" in config:
                endpoint["AsyncInferenceConfig"] = config["AsyncInferenceConfig"]
            with self._traffic:
                self.fleets[endpoint["Arn"]] = fleet
            endpoint.pop("FailureReason", None)
        endpoint.pop("PendingDeploymentSummary", None)
        endpoint["LastModifiedTime"] = now()
        endpoint["EndpointStatus"] = "InService" if fleet or old else "Failed"
        if fleet and old:
            while old.asked and not self._ended:
                time.sleep(0.05)
            self._take_down(old)

    def _start(self, endpoint: dict[str, Any], config: dict[str, Any]) -> Fleet:
        standin, name, region = self._sagemaker.standin, endpoint["EndpointName"], endpoint["Region"]
        [variant] = config["ProductionVariants"]
        check_driver(variant)
        container = self.models.get(variant["ModelName"], region)["PrimaryContainer"]
        base = standin.folder / f"{name}-{secrets.token_hex(4)}"
        (base / "model").mkdir(parents=True)
        if "ModelDataUrl" in container:
            files.download_packed(standin.client("s3", region), container["ModelDataUrl"], base / "model")
        stream = f"{variant['VariantName']}/i-{secrets.token_hex(8)}"
        log = Log(standin.client("logs", region), f"/aws/sagemaker/Endpoints/{name}", stream)
        port = free_port()
        variables = container.get("Environment", {}) | {
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "BYTETRACK_HOST": "127.0.0.1",
        }
        program = Program("serve", [], base, log, **variables)
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        fleet = Fleet(config, program, base, client)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(client):
            if program.process.poll() is not None or time.monotonic() > deadline or self._ended:
                self._take_down(fleet)
                raise RuntimeError(
                    f"The primary container for production variant {variant['VariantName']} did not pass the ping "
                    "health check. Please check CloudWatch logs for this endpoint."
                )
            time.sleep(0.1)
        return fleet

    def _delete(self, endpoint: dict[str, Any]) -> None:
        if fleet := self.fleets.pop(endpoint["Arn"], None):
            self._take_down(fleet)
        self.endpoints.remove(endpoint["EndpointName"], endpoint["Region"])

    def _take_down(self, fleet: Fleet) -> None:
        fleet.program.stop(10)
        fleet.program.wait()
        fleet.client.close()
        files.remove(fleet.base)


def _counts(config: dict[str, Any]) -> dict[str, int]:
    """Return the number of instances of each variant."""
    return {variant["VariantName"]: variant.get("InitialInstanceCount", 1) for variant in config["ProductionVariants"]}


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ping", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
