"""The deprecated subcommand `do VERB NAME=VALUE …`, replaced by a subcommand for each verb."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter

from backend.cli.app import PROGRAM, RECORDS, command
from backend.cli.session import follow, pairs, run_job, workspace
from backend.errors import UserError
from backend.workspace.records import Job


@command(RECORDS, show=False)
def do(verb: str, /, *params: Annotated[str, Parameter(metavar="NAME=VALUE")]) -> dict[str, Any]:
    """Run a job by the name of its verb. Deprecated: use the subcommand of the same name.

    Args:
        verb: Key of `backend.jobs.worker.VERBS`.
        params: Parameters of the job; values are text or JSON.
    """
    from backend.jobs.worker import VERBS
    from backend.steps import hyperparameter_search, training

    known_verb = next((known for known in VERBS if known == verb), None)
    if known_verb is None:
        raise UserError(f"“{verb}” is not the verb of a job. Choose one of {', '.join(VERBS)}.")
    print(f"`do` is deprecated: see `{PROGRAM} {verb.replace(' ', '-')} --help`.", file=sys.stderr)
    values = {name: _value(text) for name, text in pairs(params).items()}
    starts: dict[str, Callable[..., Job]] = {
        "train": training.start,
        "search hyperparameters": hyperparameter_search.start,
    }
    try:
        if verb in starts:
            return follow(starts[verb](workspace(), **values))
    except TypeError as error:
        raise UserError(f"{verb}: {error}.") from error
    return run_job(known_verb, verb.capitalize(), **values)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # text needs no quotes
