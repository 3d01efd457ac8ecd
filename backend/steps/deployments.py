"""Deploying a model in one of three ways, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from backend.errors import UserError
from backend.jobs import processes
from backend.jobs.results import EndpointResult
from backend.platforms.base import EndpointState, Traffic
from backend.platforms.registry import end_unrecorded_servers, platform_of
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Model, check_name

MODES = {"batch": "batch", "realtime": "real-time", "async": "asynchronous"}  # and what people call them


def deploy(
    workspace: Workspace, progress: Progress, *, name: str, model: str, mode: str, options: dict | None = None
) -> EndpointResult:
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


def restart(workspace: Workspace, progress: Progress, *, endpoint: str) -> EndpointResult:
    """Bring an endpoint back that is gone or has failed, under the same name.

    Returns:
        `{"endpoint": id}`.
    """
    known = workspace.get(Endpoint, endpoint)
    platform = platform_of(workspace, known.platform)
    if known.mode != "batch":
        delete_from_platform(workspace, known)
        model = workspace.folder(workspace.get(Model, known.model))
        ref = platform.deploy(known.name, model, known.mode, known.options)
        try:
            with workspace.edit(Endpoint, known.id) as stored:
                stored.ref, stored.pending = ref, {}
        except BaseException:  # it was deleted meanwhile
            platform.delete_endpoint(ref)
            raise
        platform.wait_in_service(ref, progress)
    return {"endpoint": known.id}


def update(
    workspace: Workspace, progress: Progress, *, endpoint: str, model: str | None = None, options: dict | None = None
) -> EndpointResult:
    """Give an endpoint another model, or the same one with its thresholds as they are now, without a gap in service.

    Args:
        model: the one that it has where None.
        options: those that it has where None.

    Returns:
        `{"endpoint": id}`.

    Raises:
        UserError: with the container's reason, if it does not start; the endpoint goes on as it was. Also if the
            endpoint is already being updated.
    """
    known = _settle(workspace, workspace.get(Endpoint, endpoint))
    if known.pending:
        raise UserError(f"“{known.name}” is already being updated. Wait for that to end, then try again.")
    chosen = workspace.get(Model, model or known.model)
    options = known.options if options is None else options
    if known.mode == "batch":
        with workspace.edit(Endpoint, known.id) as stored:
            stored.model, stored.options = chosen.id, dict(options)
        return {"endpoint": known.id}
    platform = platform_of(workspace, known.platform)
    new = platform.update(known.ref, workspace.folder(chosen), options)
    try:
        with workspace.edit(Endpoint, known.id) as stored:
            stored.pending = {
                "ref": new, "model": chosen.id, "options": dict(options), **processes.this_process(),
            }  # fmt: skip
        platform.wait_in_service(new, progress)
        with workspace.edit(Endpoint, known.id) as stored:
            _switch(stored)
    finally:
        current = workspace.find(Endpoint, known.id)
        if current and new in (current.ref, current.pending.get("ref")):
            _end_update(workspace, current)
        else:  # the endpoint was deleted or started again meanwhile
            platform.retire(new, known.ref)
    return {"endpoint": known.id}


def sweep(workspace: Workspace) -> None:
    """End servers on this machine that no endpoint of the workspace names.

    A job that is killed leaves them, as does a queue. What a living job starts or updates is left alone.
    """

    def recorded() -> list[dict]:
        found = workspace.list(Endpoint)
        return [each.ref for each in found] + [each.pending["ref"] for each in found if _is_being_updated(each)]

    end_unrecorded_servers(workspace, recorded)


def state(workspace: Workspace, endpoint: Endpoint) -> EndpointState:
    """How the endpoint is now, asked of its platform; an update whose process was killed is ended first."""
    if endpoint.mode == "batch":
        return EndpointState("in service", "Starts with each job.", endpoint.created, where="on demand")
    endpoint = _settle(workspace, endpoint)
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
    if endpoint.mode == "batch":
        return
    platform = platform_of(workspace, endpoint.platform)
    current = workspace.find(Endpoint, endpoint.id) or endpoint
    platform.delete_endpoint(current.ref)
    if current.pending:
        platform.retire(current.pending["ref"], current.ref)


def _switch(endpoint: Endpoint) -> None:
    """Exchange the endpoint's version and its pending one."""
    new, old = endpoint.pending, {"ref": endpoint.ref, "model": endpoint.model, "options": endpoint.options}
    endpoint.ref, endpoint.model, endpoint.options = new["ref"], new["model"], new["options"]
    endpoint.pending = new | old


def _is_being_updated(endpoint: Endpoint) -> bool:
    """Return whether there is a pending version, and the process that deals with it lives."""
    return bool(endpoint.pending) and processes.is_alive(endpoint.pending["pid"], endpoint.pending["pid_started"])


def _settle(workspace: Workspace, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint as it is recorded now, after ending an update whose process was killed."""
    seen = workspace.find(Endpoint, endpoint.id) or endpoint
    if not seen.pending or _is_being_updated(seen):
        return seen
    current = workspace.find(Endpoint, endpoint.id)  # again, as its process may have completed the update since
    if current and current.pending == seen.pending:
        _end_update(workspace, current)
    return workspace.find(Endpoint, endpoint.id) or endpoint


def _end_update(workspace: Workspace, endpoint: Endpoint) -> None:
    """Delete the endpoint's pending version.

    SageMaker completes an update even if nobody waits for it any more. Until then the new version stays pending; then
    the endpoint is switched to it.
    """
    platform, pending = platform_of(workspace, endpoint.platform), endpoint.pending
    platform.retire(pending["ref"], endpoint.ref)
    status = platform.endpoint(pending["ref"]).status
    if status == "starting":
        return
    with workspace.edit(Endpoint, endpoint.id) as stored:
        if stored.pending != pending:
            return
        if status == "in service":
            _switch(stored)
        else:
            stored.pending = {}
