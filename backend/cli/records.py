"""Subcommands for the workspace: list, show and delete records, follow and stop jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from backend.cli.app import RECORDS, command
from backend.cli.kinds import NAMES, parse_kind
from backend.cli.options import AnyName, JobName, Yes
from backend.cli.session import confirm, get, get_any, workspace
from backend.workspace.records import Endpoint, Job, LabelingJob, Record, noun

Kind = Annotated[type[Record], Parameter(converter=parse_kind, metavar="KIND", completer=lambda context: NAMES)]


@command(RECORDS, "list video", "list labels --json", name="list")
def list_records(kind: Kind, /) -> list[Record]:
    """List all records of a kind, newest first.

    Args:
        kind: Kind of record: video, labels, labeling-job, dataset, model, endpoint, run, score, tracker-search,
            comparison or job.
    """
    from backend import jobs

    if kind is Job:
        jobs.refresh(workspace())
    return workspace().list(kind)


@command(RECORDS, "show video site", 'show endpoint "streets nano realtime"')
def show(kind: Kind, name: AnyName, /) -> dict[str, Any]:
    """Print all facts about a record, and its state on the platform.

    Args:
        kind: Kind of record, as for `list`.
        name: Name or ID of the record.
    """
    record = get(kind, name)
    details = asdict(record)
    if isinstance(record, Endpoint):
        from backend.steps import deployments

        details["state"] = asdict(deployments.deployment_of(workspace(), record).state())
    if isinstance(record, LabelingJob):
        from backend.steps import labeling

        details["state"] = asdict(labeling.state(workspace(), record))
    return details


@command(RECORDS, 'log "Training streets nano"', 'log "streets nano realtime" --lines 50')
def log(name: Annotated[JobName, Parameter(metavar="JOB")], /, *, lines: int = 200) -> str:
    """Print the end of the log of a job or an endpoint.

    Args:
        name: Name or ID of the job or endpoint.
        lines: Number of lines.
    """
    record = get_any((Job, Endpoint), name)
    if isinstance(record, Endpoint):
        from backend.steps import deployments

        return deployments.deployment_of(workspace(), record).log(lines)
    from backend import jobs

    return jobs.log(workspace(), get(Job, record.id), lines)


@command(RECORDS, 'stop "Training streets nano"')
def stop(job: JobName, /) -> Job:
    """Ask a job to stop.

    Args:
        job: Job to stop.
    """
    from backend import jobs

    record = get(Job, job)
    jobs.stop(workspace(), record.id)
    return workspace().get(Job, record.id)


@command(RECORDS, "delete video site", 'delete endpoint "streets nano realtime" --yes', name=("delete", "remove"))
def delete(kind: Kind, name: AnyName, /, *, yes: Yes = False) -> dict[str, Any]:
    """Delete a record with its files and everything that depends on it.

    Says what else is deleted, and asks. A video file outside the workspace is kept.

    Args:
        kind: Kind of record, as for `list`.
        name: Name or ID of the record.
        yes: Delete without being asked.
    """
    from backend.steps import removal

    record = get(kind, name)
    about = f"{noun(kind).capitalize()} “{record.name}”. {removal.consequences(workspace(), record)}".strip()
    confirm(about, yes)
    removal.remove(workspace(), record)
    return {"deleted": record.id}


@command(RECORDS, "delete-everything --yes")
def delete_everything(*, yes: Yes = False) -> dict[str, Any]:
    """Stop all jobs and delete all endpoints and records.

    Video files outside the workspace are kept.

    Args:
        yes: Delete without being asked.
    """
    from backend.steps import account

    folder = str(workspace().root)
    confirm(f"This deletes everything in {folder}.", yes)
    account.remove_everything(workspace())
    return {"deleted": folder}
