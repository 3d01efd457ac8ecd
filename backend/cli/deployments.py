"""Subcommands for deployments: deploy a model, restart or update its endpoint."""

from __future__ import annotations

from typing import Any

from backend.cli.app import DEPLOYMENT, command
from backend.cli.options import EndpointName, ModelName, Pairs
from backend.cli.session import get, pairs, run_job
from backend.workspace.records import Endpoint, Model, ServingMode


@command(
    DEPLOYMENT,
    'deploy --model "streets nano"',
    'deploy --model "streets nano" --mode realtime --option instance_type=ml.g5.xlarge',
)
def deploy(
    *, model: ModelName, mode: ServingMode = "batch", name: str | None = None, option: Pairs | None = None
) -> dict[str, Any]:
    """Deploy a model and wait until it is in service.

    Args:
        model: Model to deploy.
        mode: How it serves: videos as jobs, real-time sessions, or an asynchronous queue.
        name: Name of the endpoint; model and mode if omitted.
        option: Options of the platform.
    """
    record = get(Model, model)
    return run_job(
        "deploy",
        f"Deploy {record.name} {mode}",
        name=name or f"{record.name} {mode}"[:80],
        model=record.id,
        mode=mode,
        options=pairs(option or []),
    )


@command(DEPLOYMENT, 'restart-endpoint --endpoint "streets nano realtime"')
def restart_endpoint(*, endpoint: EndpointName) -> dict[str, Any]:
    """Restart an endpoint that failed or is gone.

    Args:
        endpoint: Endpoint to restart.
    """
    record = get(Endpoint, endpoint)
    return run_job("restart endpoint", f"Start {record.name}", endpoint=record.id)


@command(DEPLOYMENT, 'update-endpoint --endpoint "streets nano realtime" --model "streets s"')
def update_endpoint(
    *, endpoint: EndpointName, model: ModelName | None = None, option: Pairs | None = None
) -> dict[str, Any]:
    """Give an endpoint another model or other options.

    The endpoint keeps answering meanwhile. If the update fails, the current version stays.

    Args:
        endpoint: Endpoint to update.
        model: New model. If omitted, the same model is deployed again with its settings as they are now.
        option: Options of the platform that replace the endpoint's.
    """
    record = get(Endpoint, endpoint)
    return run_job(
        "update endpoint",
        f"Update {record.name}",
        endpoint=record.id,
        model=get(Model, model).id if model else None,
        options=pairs(option) if option else None,
    )
