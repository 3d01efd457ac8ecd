"""What the subcommands of one call share: the workspace, records found by name, and jobs followed to their end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from backend.cli.progress import TerminalProgress
from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.workspace import Workspace
from backend.workspace.paths import default_root
from backend.workspace.records import Record, Verb, name_from, noun

if TYPE_CHECKING:
    from backend.workspace.records import Job

R = TypeVar("R", bound=Record)

_chosen_root: ContextVar[Path | None] = ContextVar("_chosen_root", default=None)


@contextmanager
def in_workspace(root: Path | None) -> Iterator[None]:
    """Let the block use the workspace in this folder, or the default one."""
    token = _chosen_root.set(root)
    try:
        yield
    finally:
        _chosen_root.reset(token)


def root() -> Path:
    """Return the folder of this call's workspace."""
    return (_chosen_root.get() or default_root()).expanduser().resolve()


def workspace() -> Workspace:
    """Open this call's workspace.

    Raises:
        UserError: If its folder cannot be used.
    """
    return Workspace(root())


def get(kind: type[R], name: str) -> R:
    """Return the record with this name or ID.

    Raises:
        UserError: If there is none.
    """
    return workspace().get(kind, name)


def ids(kind: type[R], names: Sequence[str]) -> list[str]:
    """Return the IDs of the records with these names or IDs."""
    return [get(kind, name).id for name in names]


def get_any(kinds: Sequence[type[Record]], name: str) -> Record:
    """Return the record of one of these kinds with this name or ID; the first kind has priority.

    Raises:
        UserError: If there is none.
    """
    for kind in kinds:
        if record := workspace().find(kind, name):
            return record
    first, *others = [noun(kind) for kind in kinds]
    raise UserError(f"{' or '.join([first.capitalize(), *others])} not found: “{name}”.")


def run_job(verb: Verb, name: str, /, **params: Any) -> dict[str, Any]:
    """Run a job to its end and return its result. The job stops if this call is interrupted.

    If the same job runs already, this call follows it instead, and does not stop it.

    Args:
        verb: What the job does.
        name: Title of the job. Characters that a name cannot have become `_`.
        **params: Parameters of the step, as JSON can hold them.
    """
    from backend import jobs

    submission = jobs.submit(workspace(), verb, name_from(name), **params)
    if not submission.is_new:
        print(f"“{submission.job.name}” is running already. Following it.", file=sys.stderr)
    return follow(submission.job, stop_if_interrupted=submission.is_new)


def follow(job: Job, *, stop_if_interrupted: bool = True) -> dict[str, Any]:
    """Wait until the job ends and return its result.

    Args:
        job: The job.
        stop_if_interrupted: Whether the job stops if this call is interrupted.

    Raises:
        UserError: With the job's reason, if it failed or was stopped.
    """
    from backend import jobs

    with progress_line() as progress:
        try:
            return jobs.wait(workspace(), job.id, progress).result
        except (KeyboardInterrupt, Stopped):
            if stop_if_interrupted:
                jobs.stop(workspace(), job.id)
            raise


@contextmanager
def progress_line() -> Iterator[TerminalProgress]:
    """Show progress while the block runs."""
    progress = TerminalProgress()
    try:
        yield progress
    finally:
        progress.close()


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Parse `NAME=VALUE` texts.

    Raises:
        UserError: If a text has no `=`.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"“{text}” is not NAME=VALUE.")
        values[name.strip()] = value
    return values


def number(name: str, text: str) -> float:
    """Parse the value of a `NAME=VALUE` text.

    Raises:
        UserError: If it is not a number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"{name} is “{text}”, but must be a number.") from error


def confirm(question: str, yes: bool) -> None:
    """Ask the user on the terminal, unless `yes` is true.

    Raises:
        UserError: If the user declines, or there is no terminal to ask on.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"{question} Nothing was deleted: add --yes to confirm.")
    print(f"{question} Delete? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("Nothing was deleted.")
