"""Subcommands for the workspace: list, show and delete records, follow and stop jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from backend.cli.app import RECORDS, command
from backend.cli.kinds import NAMES, parse_kind
from backend.cli.options import AnyName, AnyNames, JobName, Tags, Yes
from backend.cli.session import confirm, get, get_any, workspace
from backend.wording import enumerate_words
from backend.workspace.query import Query
from backend.workspace.records import Endpoint, Job, LabelingJob, Record, noun

Kind = Annotated[type[Record], Parameter(converter=parse_kind, metavar="KIND", completer=lambda context: NAMES)]


@command(RECORDS, "list video", "list labels --json", 'list run --search "camera 3" --tag night', name="list")
def list_records(kind: Kind, /, *, search: str = "", tag: Tags = ()) -> list[Record]:
    """List the records of a kind, newest first.

    Args:
        kind: Kind of record: video, labels, labeling-job, dataset, model, endpoint, run, score, tracker-search,
            comparison or job.
        search: List only records with these words in their name, notes, tags or classes.
        tag: List only records with one of these tags.
    """
    from backend import jobs

    if kind is Job:
        jobs.refresh(workspace())
    return list(workspace().search(kind, Query(search=search, tags=tag, descending=True))[0])


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


@command(RECORDS, "rename video site 'site, north gate'", name="rename")
def rename(kind: Kind, name: AnyName, new_name: str, /) -> Record:
    """Give a record another name. What a platform calls its resources stays as it is.

    Args:
        kind: Kind of record, as for `list`.
        name: Name or ID of the record.
        new_name: The name it gets. Another record of the kind may not have it.
    """
    from backend.steps import organizing

    return organizing.rename(workspace(), get(kind, name), new_name)


@command(RECORDS, "tag video site yard --add night 'camera 3' --remove draft")
def tag(kind: Kind, names: AnyNames, /, *, add: Tags = (), remove: Tags = ()) -> list[Record]:
    """Add tags to records, or remove tags from them.

    Args:
        kind: Kind of record, as for `list`.
        names: Names or IDs of the records.
        add: Tags to add.
        remove: Tags to remove.
    """
    from backend.steps import organizing

    records: list[Record] = [get(kind, name) for name in names]
    organizing.tag(workspace(), records, add=add, remove=remove)
    return [get(kind, record.id) for record in records]


@command(RECORDS, "describe run 'site - people' 'Rain from frame 900 on.'")
def describe(kind: Kind, name: AnyName, notes: str, /) -> dict[str, Any]:
    """Replace the notes about a record.

    Args:
        kind: Kind of record, as for `list`.
        name: Name or ID of the record.
        notes: The new notes. An empty text removes them.
    """
    from backend.steps import organizing

    record = get(kind, name)
    organizing.describe(workspace(), record, notes)
    return {"described": record.id}


@command(
    RECORDS,
    "delete video site",
    "delete run 'site - people' 'yard - people'",
    'delete endpoint "streets nano realtime" --yes',
    name=("delete", "remove"),
)
def delete(kind: Kind, names: AnyNames, /, *, yes: Yes = False) -> dict[str, Any]:
    """Delete records with their files and everything that depends on them.

    Says what else is deleted, and asks. A video file outside the workspace is kept.

    Args:
        kind: Kind of record, as for `list`.
        names: Names or IDs of the records.
        yes: Delete without being asked.
    """
    from backend.steps import removal

    records: list[Record] = list({record.id: record for name in names if (record := get(kind, name))}.values())
    quoted = enumerate_words(f"“{record.name}”" for record in records)
    about = f"{noun(kind).capitalize()} {quoted}. {removal.consequences(workspace(), *records)}".strip()
    confirm(about, yes)
    removal.remove(workspace(), *records)
    return {"deleted": [record.id for record in records]}


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
