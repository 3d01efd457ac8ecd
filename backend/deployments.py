"""Deploying a model in one of three ways, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from backend.errors import UserError
from backend.platform import platform_of
from backend.platform.base import EndpointState, Traffic
from backend.progress import Progress
from backend.records import Endpoint, Model, check_name
from backend.workspace import Workspace

MODES = {"batch": "batch", "realtime": "real-time", "async": "asynchronous"}  # and what people call them


def deploy(
    workspace: Workspace, progress: Progress, *, name: str, model: str, mode: str, options: dict | None = None
) -> dict:
    """Deploy a model and wait until it is in service.

    Args:
        options: of the platform for this way of serving, see its `options`; its defaults where None.

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
    endpoint = Endpoint(name=name, model=chosen.id, mode=mode, platform=platform.name, options=options or {})
    if mode == "batch":  # a batch job brings its own container up and down
        return {"endpoint": workspace.add(endpoint).id}
    endpoint.ref = platform.deploy(name, workspace.folder(chosen), mode, endpoint.options)
    try:
        workspace.add(endpoint)
        platform.wait_in_service(endpoint.ref, progress)
    except BaseException:
        delete(workspace, endpoint)
        raise
    return {"endpoint": endpoint.id}


def restart(workspace: Workspace, progress: Progress, *, endpoint: str) -> dict:
    """Bring an endpoint back that is gone or has failed, under the same name.

    Returns:
        `{"endpoint": id}`.
    """
    known = workspace.get(Endpoint, endpoint)
    platform = platform_of(workspace, known.platform)
    if known.mode != "batch":
        platform.delete_endpoint(known.ref)
        model = workspace.folder(workspace.get(Model, known.model))
        ref = platform.deploy(known.name, model, known.mode, known.options)
        try:
            with workspace.edit(Endpoint, known.id) as stored:
                stored.ref = ref
        except BaseException:  # it was deleted meanwhile
            platform.delete_endpoint(ref)
            raise
        platform.wait_in_service(ref, progress)
    return {"endpoint": known.id}


def update(
    workspace: Workspace, progress: Progress, *, endpoint: str, model: str | None = None, options: dict | None = None
) -> dict:
    """Give an endpoint another model, or the same one with its thresholds as they are now, without a gap in service.

    Args:
        model: the one that it has where None.
        options: those that it has where None.

    Returns:
        `{"endpoint": id}`.

    Raises:
        UserError: with the container's reason, if it does not start; the endpoint goes on as it was.
    """
    known = workspace.get(Endpoint, endpoint)
    chosen = workspace.get(Model, model or known.model)
    options = known.options if options is None else options
    platform = platform_of(workspace, known.platform)
    ref = known.ref
    if known.mode != "batch":
        ref = platform.update(known.ref, workspace.folder(chosen), options)
        try:
            platform.wait_in_service(ref, progress)
        except BaseException:
            platform.retire(ref, known.ref)
            raise
    with workspace.edit(Endpoint, known.id) as stored:
        stored.model, stored.options, stored.ref = chosen.id, dict(options), ref
    if known.mode != "batch":
        platform.retire(known.ref, ref)
    return {"endpoint": known.id}


def state(workspace: Workspace, endpoint: Endpoint) -> EndpointState:
    """How the endpoint is now, asked of its platform."""
    if endpoint.mode == "batch":
        return EndpointState("in service", "Starts with each job.", endpoint.created, where="on demand")
    found = platform_of(workspace, endpoint.platform).endpoint(endpoint.ref)
    return replace(found, since=found.since or endpoint.created)


def traffic(workspace: Workspace, endpoint: Endpoint) -> Traffic | None:
    """What it did of late, where its platform counts."""
    if endpoint.mode == "batch":
        return None
    return platform_of(workspace, endpoint.platform).traffic(endpoint.ref)


def log(workspace: Workspace, endpoint: Endpoint, lines: int = 200) -> str:
    """The last lines that the endpoint printed; empty for batch, whose jobs have logs of their own."""
    if endpoint.mode == "batch":
        return ""
    return platform_of(workspace, endpoint.platform).endpoint_log(endpoint.ref, lines)


def delete(workspace: Workspace, endpoint: Endpoint) -> None:
    """Delete the endpoint, its processes first, so that nothing runs on that no record names."""
    delete_from_platform(workspace, endpoint)
    workspace.remove(endpoint)


def delete_from_platform(workspace: Workspace, endpoint: Endpoint) -> None:
    """Delete what costs, and keep the record."""
    if endpoint.mode != "batch":
        platform_of(workspace, endpoint.platform).delete_endpoint(endpoint.ref)
