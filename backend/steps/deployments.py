"""Deployments: a model that is served by batch jobs, a real-time endpoint or an asynchronous endpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.jobs import processes
from backend.jobs.results import EndpointResult
from backend.platforms import registry
from backend.platforms.base import EndpointMode, EndpointState, Options, Platform, Traffic
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import MAX_NAME_LENGTH, Endpoint, Model, ServingMode, check_name

MODES: dict[ServingMode, str] = {"batch": "batch", "realtime": "real-time", "async": "asynchronous"}
"""The serving modes and their labels."""


def deploy(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    model: str,
    mode: ServingMode,
    options: dict[str, Any] | None = None,
) -> EndpointResult:
    """Deploy a model and wait until it is in service.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        name: Name of the endpoint.
        model: Id of the model.
        mode: Serving mode.
        options: The platform's options for this mode. If omitted, their defaults.

    Returns:
        The id of the `Endpoint`.

    Raises:
        UserError: If the model or the mode does not exist, or with the container's reason if it does not start.
    """
    if mode not in MODES:
        raise UserError(f"Unknown serving mode “{mode}”. Choose one of {', '.join(MODES)}.")
    endpoint = Endpoint(
        name=check_name(name),
        model=workspace.get(Model, model).id,
        mode=mode,
        platform=registry.chosen(workspace),
        options=options or {},
    )
    deployment_of(workspace, endpoint).start(progress)
    return {"endpoint": endpoint.id}


def batch_endpoint(workspace: Workspace, model: Model) -> Endpoint:
    """Return a batch endpoint of the model on the chosen platform, the newest, or a new one if there is none.

    Nothing runs or costs until it is used. A new one has the platform's default options.
    """
    platform = registry.chosen(workspace)

    new_endpoint = Endpoint(
        name=f"{model.name[: MAX_NAME_LENGTH - 20]} batch", model=model.id, mode="batch", platform=platform
    )
    return workspace.find_or_add(new_endpoint, lambda stored: True, mode="batch", model=model.id, platform=platform)


def restart(workspace: Workspace, progress: Progress, *, endpoint: str) -> EndpointResult:
    """Start an endpoint again that is gone or has failed.

    Returns:
        The id of the `Endpoint`.
    """
    deployment_of(workspace, workspace.get(Endpoint, endpoint)).restart(progress)
    return {"endpoint": endpoint}


def update(
    workspace: Workspace,
    progress: Progress,
    *,
    endpoint: str,
    model: str | None = None,
    options: dict[str, Any] | None = None,
) -> EndpointResult:
    """Give an endpoint another model or other options without a gap in service.

    With the same model and options, the endpoint gets the model's current thresholds.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        endpoint: Id of the endpoint.
        model: Id of the new model. If omitted, the current one.
        options: New options. If omitted, the current ones.

    Returns:
        The id of the `Endpoint`.

    Raises:
        UserError: If the new version does not start, with the container's reason; the current version stays in
            service. Also if the endpoint is already being updated.
    """
    current = workspace.get(Endpoint, endpoint)
    new_model = workspace.get(Model, model or current.model)
    deployment_of(workspace, current).update(progress, new_model, current.options if options is None else options)
    return {"endpoint": endpoint}


def end_unrecorded_servers(workspace: Workspace) -> None:
    """End servers on this machine that no endpoint of the workspace refers to, as a killed job or queue leaves them.

    What a running job starts or updates is left alone.
    """

    def recorded_refs(platform: str) -> list[Mapping[str, Any]]:
        endpoints = [endpoint for endpoint in workspace.list(Endpoint) if endpoint.platform == platform]
        current = [endpoint.ref for endpoint in endpoints if endpoint.ref]
        return current + [endpoint.pending["ref"] for endpoint in endpoints if _is_being_updated(endpoint)]

    registry.end_unrecorded_servers(workspace, recorded_refs)


def deployment_of(workspace: Workspace, endpoint: Endpoint) -> Deployment:
    """Return what an endpoint's serving mode does with it."""
    if endpoint.mode == "batch":
        return BatchDeployment(workspace, endpoint)
    return ServerDeployment(workspace, endpoint, endpoint.mode)


class Deployment(ABC):
    """A deployed model in one serving mode, with its record `endpoint`."""

    def __init__(self, workspace: Workspace, endpoint: Endpoint) -> None:
        self.workspace = workspace
        self.endpoint = endpoint

    @abstractmethod
    def start(self, progress: Progress) -> None:
        """Deploy the model, wait until it is in service, and store the record, which is new."""

    @abstractmethod
    def restart(self, progress: Progress) -> None:
        """Start the endpoint again."""

    @abstractmethod
    def update(self, progress: Progress, model: Model, options: dict[str, Any]) -> None:
        """Give the endpoint a model and options without a gap in service."""

    @abstractmethod
    def stop(self) -> None:
        """Delete everything that runs or costs money, and keep the record."""

    @abstractmethod
    def state(self) -> EndpointState:
        """Return the current state."""

    @abstractmethod
    def traffic(self) -> Traffic | None:
        """Return the figures of the last hour, or None if nothing counts requests."""

    @abstractmethod
    def log(self, lines: int = 200) -> str:
        """Return the last lines that the endpoint printed."""

    def delete(self) -> None:
        """Delete the endpoint and its record, in this order, so that no server runs without a record."""
        self.stop()
        self.workspace.remove(self.endpoint)


class BatchDeployment(Deployment):
    """A model and options for batch jobs. Nothing runs between jobs, and each job has its own log."""

    @override
    def start(self, progress: Progress) -> None:
        self.workspace.add(self.endpoint)

    @override
    def restart(self, progress: Progress) -> None:
        pass

    @override
    def update(self, progress: Progress, model: Model, options: dict[str, Any]) -> None:
        with self.workspace.edit(Endpoint, self.endpoint.id) as stored:
            stored.model, stored.options = model.id, dict(options)

    @override
    def stop(self) -> None:
        pass

    @override
    def state(self) -> EndpointState:
        return EndpointState("in service", "Starts with each job.", self.endpoint.created, location="on demand")

    @override
    def traffic(self) -> Traffic | None:
        return None

    @override
    def log(self, lines: int = 200) -> str:
        return ""


class ServerDeployment(Deployment):
    """A real-time or asynchronous endpoint, whose server runs on the platform until it is deleted.

    While it is updated, the record's `pending` describes its other version, see `Endpoint`.
    """

    def __init__(self, workspace: Workspace, endpoint: Endpoint, mode: EndpointMode) -> None:
        super().__init__(workspace, endpoint)
        self._mode = mode

    @property
    def _platform(self) -> Platform:
        return registry.platform_of(self.workspace, self.endpoint.platform)

    @override
    def start(self, progress: Progress) -> None:
        model = self.workspace.get(Model, self.endpoint.model)
        self.endpoint.ref = self._start_server(model, self.endpoint.options)
        try:
            self.workspace.add(self.endpoint)
            self._platform.endpoints.wait_in_service(self.endpoint.ref, progress)
        except BaseException:
            self.delete()
            raise

    @override
    def restart(self, progress: Progress) -> None:
        self.stop()
        model = self.workspace.get(Model, self.endpoint.model)
        ref = self._start_server(model, self.endpoint.options)
        try:
            with self.workspace.edit(Endpoint, self.endpoint.id) as stored:
                stored.ref, stored.pending, stored.model_changed = ref, {}, False
        except BaseException:  # the record was removed meanwhile
            self._platform.endpoints.delete(ref)
            raise
        self._platform.endpoints.wait_in_service(ref, progress)

    @override
    def update(self, progress: Progress, model: Model, options: dict[str, Any]) -> None:
        current = self._settled()
        if current.pending:
            raise UserError(f"“{current.name}” is already being updated. Wait until that ends, then try again.")
        endpoints = self._platform.endpoints
        new_ref = endpoints.update(current.ref, self.workspace.folder(model), options)
        version = {"ref": new_ref, "model": model.id, "options": dict(options)}
        try:
            with self.workspace.edit(Endpoint, current.id) as stored:
                stored.pending = version | processes.this_process()
            endpoints.wait_in_service(new_ref, progress)
            with self.workspace.edit(Endpoint, current.id) as stored:
                _switch_versions(stored)
        finally:
            stored_endpoint = self.workspace.find(Endpoint, current.id)
            if stored_endpoint and new_ref in (stored_endpoint.ref, stored_endpoint.pending.get("ref")):
                self._end_update(stored_endpoint)
            else:  # the endpoint was deleted or restarted meanwhile
                endpoints.retire(new_ref, current.ref)

    @override
    def stop(self) -> None:
        current = self.workspace.find(Endpoint, self.endpoint.id) or self.endpoint
        self._platform.endpoints.delete(current.ref)
        if current.pending:
            self._platform.endpoints.retire(current.pending["ref"], current.ref)

    @override
    def state(self) -> EndpointState:
        """Return the state that the platform reports, after ending an update whose process was killed."""
        state = self._platform.endpoints.state(self._settled().ref)
        return replace(state, since=state.since or self.endpoint.created)

    @override
    def traffic(self) -> Traffic | None:
        return self._platform.endpoints.traffic(self.endpoint.ref)

    @override
    def log(self, lines: int = 200) -> str:
        return self._platform.endpoints.log(self.endpoint.ref, lines)

    def _start_server(self, model: Model, options: Options) -> dict[str, Any]:
        folder = self.workspace.folder(model)
        ref: dict[str, Any] = self._platform.endpoints.start(self.endpoint.name, folder, self._mode, options)
        return ref

    def _settled(self) -> Endpoint:
        """Return the endpoint as it is stored now, after ending an update whose process was killed."""
        seen = self.workspace.find(Endpoint, self.endpoint.id) or self.endpoint
        if not seen.pending or _is_being_updated(seen):
            return seen
        # The process may have completed the update between the two looks.
        current = self.workspace.find(Endpoint, self.endpoint.id)
        if current and current.pending == seen.pending:
            self._end_update(current)
        return self.workspace.find(Endpoint, self.endpoint.id) or self.endpoint

    def _end_update(self, endpoint: Endpoint) -> None:
        """Delete the endpoint's pending version.

        SageMaker completes an update even if nothing waits for it any more. Until then the new version stays pending;
        afterwards the endpoint switches to it.
        """
        pending = endpoint.pending
        self._platform.endpoints.retire(pending["ref"], endpoint.ref)
        status = self._platform.endpoints.state(pending["ref"]).status
        if status == "starting":
            return
        with self.workspace.edit(Endpoint, endpoint.id) as stored:
            if stored.pending != pending:
                return
            if status == "in service":
                _switch_versions(stored)
            else:
                stored.pending = {}


def _switch_versions(endpoint: Endpoint) -> None:
    """Exchange the endpoint's current version and its pending one."""
    new, old = endpoint.pending, {"ref": endpoint.ref, "model": endpoint.model, "options": endpoint.options}
    endpoint.ref, endpoint.model, endpoint.options = new["ref"], new["model"], new["options"]
    endpoint.pending = new | old
    endpoint.model_changed = False  # the new version has loaded the model as it is now


def _is_being_updated(endpoint: Endpoint) -> bool:
    """Return whether there is a pending version and the process that updates the endpoint is alive."""
    return bool(endpoint.pending) and processes.is_alive(endpoint.pending["pid"], endpoint.pending["pid_started"])
