"""Deploying a model in one of three ways, and what became of it."""

from __future__ import annotations

import time
from dataclasses import replace

from backend.errors import UserError
from backend.platform import platform_of
from backend.platform.base import EndpointState
from backend.progress import Progress
from backend.records import Endpoint, Model, check_name
from backend.workspace import Workspace

MODES = {"batch": "batch", "realtime": "real-time", "async": "asynchronous"}  # and what people call them


def deploy(workspace: Workspace, progress: Progress, *, name: str, model: str, mode: str) -> dict:
    """Deploy a model and wait until it is in service.

    Returns:
        `{"endpoint": id}`.

    Raises:
        UserError: if there is no such model or way, or with the container's reason if it does not start.
    """
    if mode not in MODES:
        raise UserError(f"There is no way of serving called “{mode}”. Choose one of {', '.join(MODES)}.")
    name = check_name(name)
    chosen = workspace.get(Model, model)
    platform = platform_of(workspace)
    endpoint = Endpoint(name=name, model=chosen.id, mode=mode, platform=platform.name)
    if mode == "batch":  # a batch job brings its own container up and down
        return {"endpoint": workspace.add(endpoint).id}
    endpoint.ref = platform.deploy(name, workspace.folder(chosen), mode)
    try:
        workspace.add(endpoint)
        _wait_until_in_service(workspace, progress, endpoint)
    except BaseException:
        delete(workspace, endpoint)
        raise
    return {"endpoint": endpoint.id}


def restart(workspace: Workspace, progress: Progress, *, endpoint: str) -> dict:
    """Bring an endpoint back whose process is gone, under the same name.

    Returns:
        `{"endpoint": id}`.
    """
    known = workspace.get(Endpoint, endpoint)
    platform = platform_of(workspace, known.platform)
    if known.mode != "batch":
        platform.delete_endpoint(known.ref)
        ref = platform.deploy(known.name, workspace.folder(workspace.get(Model, known.model)), known.mode)
        try:
            with workspace.edit(Endpoint, known.id) as stored:
                stored.ref = ref
        except BaseException:  # it was deleted meanwhile
            platform.delete_endpoint(ref)
            raise
        _wait_until_in_service(workspace, progress, stored)
    return {"endpoint": known.id}


def state(workspace: Workspace, endpoint: Endpoint) -> EndpointState:
    """How the endpoint is now, asked of its platform."""
    if endpoint.mode == "batch":
        return EndpointState("in service", "Starts with each job.", endpoint.created, where="on demand")
    found = platform_of(workspace, endpoint.platform).endpoint(endpoint.ref)
    return replace(found, since=found.since or endpoint.created)


def log(workspace: Workspace, endpoint: Endpoint, lines: int = 200) -> str:
    """The last lines that the endpoint printed; empty for batch, whose jobs have logs of their own."""
    if endpoint.mode == "batch":
        return ""
    return platform_of(workspace, endpoint.platform).endpoint_log(endpoint.ref, lines)


def delete(workspace: Workspace, endpoint: Endpoint) -> None:
    """Delete the endpoint, its processes first, so that nothing runs on that no record names."""
    delete_from_platform(workspace, endpoint)
    workspace.remove(endpoint)


def _wait_until_in_service(workspace: Workspace, progress: Progress, endpoint: Endpoint) -> None:
    platform, started = platform_of(workspace, endpoint.platform), time.monotonic()
    while (found := platform.endpoint(endpoint.ref)).status == "starting":
        waited = time.monotonic() - started
        progress(waited / (waited + 5), "starting the endpoint")
        time.sleep(0.2)
    if found.status != "in service":
        printed = platform.endpoint_log(endpoint.ref, 5) or "nothing"
        raise UserError(f"The endpoint did not start. It printed: {printed}")


def delete_from_platform(workspace: Workspace, endpoint: Endpoint) -> None:
    if endpoint.mode != "batch":
        platform_of(workspace, endpoint.platform).delete_endpoint(endpoint.ref)
