"""One address for all of AWS: SageMaker by the stand-in, everything else by moto, with faults on demand."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from standin import tagging
from standin.metrics import Metrics
from standin.model import SESSION, Refused, answer, check_request
from standin.runtime import Runtime
from standin.sagemaker import SageMaker

OURS = "aws-standin"  # marks the stand-in's own requests to moto, which are not counted and never fail
SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


class Standin:
    """A server on 127.0.0.1 from `start` to `stop`; `url` is the value for `AWS_ENDPOINT_URL`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="standin-"))
        command = [sys.executable, str(Path(__file__).with_name("guard.py")), str(self.folder)]
        self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self._moto = DomainDispatcherApplication(create_backend_app)
        Client(self._moto).post("/moto-api/reset")  # drop the state of earlier stand-ins in this process
        self._session = boto3.Session("standin", "standin")
        self._clients: dict[tuple[str, str], Any] = {}
        self._faults: list[dict[str, Any]] = []
        self._seen: Counter[tuple[str, str]] = Counter()
        self._cut_until = 0.0
        self.cut = 0
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_quiet_handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.sagemaker = SageMaker(self)
        self.runtime = Runtime(self)
        self.metrics = Metrics(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.sagemaker.end_everything()
        self.metrics.stop()
        self._server.shutdown()
        self._server.server_close()
        self._guard.communicate()  # waits until the guard has removed the folder

    def client(self, service: str, region: str = "eu-west-1") -> Any:
        """Return a boto3 client whose requests are not counted and never fail."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    config=Config(user_agent_extra=OURS, retries={"total_max_attempts": 3}, max_pool_connections=32),
                )
            return self._clients[service, region]

    # --- Controls for tests --------------------------------------------------------------------------------------

    def fail_next(
        self, service: str, operation: str, code: str, *, status: int = 400, times: int = 1, message: str = ""
    ) -> None:
        """Refuse the next calls of an operation."""
        self.fail_after(0, service, operation, code, status=status, times=times, message=message)

    def fail_after(
        self,
        calls: int,
        service: str,
        operation: str,
        code: str,
        *,
        status: int = 400,
        times: int = 1,
        message: str = "",
    ) -> None:
        """Refuse calls of an operation after the first `calls` ones."""
        fault = {"service": service, "operation": operation, "after": calls, "times": times}
        with self._lock:
            self._faults.append(fault | {"error": Refused(code, message or code, status)})

    def cut_off(self, seconds: float) -> None:
        """Close connections without an answer for some seconds; `cut` counts them."""
        self._cut_until, self.cut = time.monotonic() + seconds, 0

    def heal(self) -> None:
        """Stop all faults."""
        with self._lock:
            self._faults.clear()
        self._cut_until = 0.0

    def count(self, service: str, operation: str) -> int:
        """Return how often an operation was called, including refused calls."""
        return self._seen[service, operation]

    def label(self, job: str, tracks: dict[int, Any]) -> None:
        """Hand in the workers' boxes, see `standin.labeling`."""
        self.sagemaker.labeling.finish(job, tracks)

    def run_out(self, job: str, region: str = "eu-west-1") -> None:
        """Let a training job reach its time limit now."""
        self.sagemaker.training.run_out(job, region)

    # --- WSGI -----------------------------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        scope = SCOPE.search(request.headers.get("Authorization", ""))
        service = scope["service"] if scope else "s3"
        region = scope["region"] if scope else "us-east-1"
        operation = _operation(request, service)
        if OURS not in request.headers.get("User-Agent", ""):
            if time.monotonic() < self._cut_until:
                self.cut += 1
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError
            self._seen[service, operation] += 1
            if fault := self._fault(service, operation):
                request.get_data()  # otherwise a client that still sends would not read the answer
                return _refusal(service, fault)(environ, start_response)
        if service == "sagemaker":
            return self._sagemaker(request, region, operation)(environ, start_response)
        if service == "tagging" and operation == "GetResources":
            return tagging.get_resources(request, self.sagemaker)(environ, start_response)
        if service == "pricing":  # moto has no price list
            refused = Refused("AccessDeniedException", "not authorized to perform: pricing:GetProducts")
            return _refusal(service, refused)(environ, start_response)
        return self._moto(environ, start_response)

    def _sagemaker(self, request: Request, region: str, operation: str) -> Response:
        try:
            if operation in ("InvokeEndpoint", "InvokeEndpointAsync"):
                return self.runtime.respond(request, operation, region)
            document = json.loads(request.get_data() or b"{}")
            check_request("sagemaker", operation, document)
            result = self.sagemaker.do(operation, region, document)
            body = json.dumps(answer("sagemaker", operation, result))
            return Response(body, content_type="application/x-amz-json-1.1")
        except Refused as error:
            return _refusal("sagemaker", error)
        except Exception:
            traceback.print_exc()
            return Response(json.dumps({"__type": "StandinIsWrong", "message": traceback.format_exc()}), 501)

    def _fault(self, service: str, operation: str) -> Refused | None:
        with self._lock:
            for fault in self._faults:
                if (fault["service"], fault["operation"]) == (service, operation):
                    if fault["after"] > 0:
                        fault["after"] -= 1
                    elif fault["times"] > 0:
                        fault["times"] -= 1
                        return fault["error"]
        return None


def _operation(request: Request, service: str) -> str:
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if named := re.search(r"/operation/(\w+)$", request.path):  # addresses of the CBOR protocol
        return named[1]
    if service == "sagemaker":
        return "InvokeEndpointAsync" if request.path.endswith("/async-invocations") else "InvokeEndpoint"
    if service == "s3":
        return _s3_operation(request)
    if request.mimetype == "application/x-www-form-urlencoded":
        body = request.get_data(cache=True)
        request.environ["wsgi.input"] = io.BytesIO(body)  # because moto reads the body again
        named = re.search(rb"(?:^|&)Action=(\w+)", body)
        return named[1].decode() if named else ""
    return ""


def _s3_operation(request: Request) -> str:
    """Return the operation of this method and path with the most required parameters in the request."""
    level = min(2, len(request.path.strip("/").split("/", 1)) if request.path.strip("/") else 0)
    given = set(request.args) | {name.lower() for name, _ in request.headers}
    fitting = [
        (len(needed), name)
        for name, method, of_level, needed in _s3_operations()
        if (method, of_level) == (request.method, level) and needed <= given
    ]
    return max(fitting, key=lambda entry: entry[0])[1] if fitting else request.method


@cache
def _s3_operations() -> list[tuple[str, str, int, frozenset[str]]]:
    """Return name, method, path depth, and required query keys and headers of each operation of S3."""
    model, operations = SESSION.get_service_model("s3"), []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        needed = {entry.partition("=")[0] for entry in query.split("&") if entry}
        shape = operation.input_shape
        for member in shape.required_members if shape else []:
            about = shape.members[member].serialization
            if about.get("location") in ("querystring", "header"):
                needed.add(about["name"].lower() if about["location"] == "header" else about["name"])
        operations.append(
            (name, operation.http["method"], len([entry for entry in path.split("/") if entry]), frozenset(needed))
        )
    return operations


def _refusal(service: str, error: Refused) -> Response:
    if service == "s3":
        body = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
        return Response(body, error.status, content_type="application/xml")
    if service in ("sts", "iam", "cloudformation"):
        body = (
            f"<ErrorResponse><Error><Code>{error.code}</Code><Message>{error.message}</Message></Error></ErrorResponse>"
        )
        return Response(body, error.status, content_type="text/xml")
    document = {"__type": error.code, "message": error.message, "Message": error.message, **error.more}
    response = Response(json.dumps(document), error.status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _quiet_handler() -> type:
    from werkzeug.serving import WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            pass

        def run_wsgi(self) -> None:
            try:
                super().run_wsgi()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

    return Quiet
