"""Run a command line: parse it, run its subcommand, print the result, and return the exit code."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import CycloptsError, MissingArgumentError, Parameter

# Importing a module registers its subcommands.
from backend.cli import (  # noqa: F401
    deployments,
    do,
    journey,
    labels,
    models,
    output,
    platform,
    records,
    session,
    tracking,
    training,
    videos,
)
from backend.cli.app import PROGRAM, SHARED, app
from backend.errors import UserError, explain
from backend.jobs.processes import Stopped, stop_on_sigterm
from backend.workspace.paths import PROJECT

DONE, FAILED, USAGE, STOPPED = 0, 1, 2, 130  # exit codes; 130 is what shells use for Ctrl-C


def version() -> str:
    """Return the version of the console, as pyproject.toml has it."""
    import tomllib
    from importlib import metadata

    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:  # started from a folder that is not installed
        return str(tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"])


app.version = version
app.meta.group_parameters = SHARED
app.meta.suppress_keyboard_interrupt = False  # `main` reports it


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    workspace: Path | None = None,
    json: Annotated[bool | None, Parameter(negative="--table")] = None,
) -> None:
    """Run the subcommand in a workspace and print its result.

    Args:
        tokens: The subcommand and its arguments.
        workspace: Folder of the workspace. If omitted, the variable BYTETRACK_WORKSPACE names it; the default is
            workspace/ beside the console.
        json: Print JSON in one line, or tables. If omitted, a terminal gets tables, a pipe or file gets JSON.
    """
    with session.in_workspace(workspace):
        answer: Any = app(tokens)
        if answer is not None:
            output.show(answer, json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: The command line without the program's name. If omitted, that of this process.
    """
    if arguments is None:
        stop_on_sigterm()
        arguments = sys.argv[1:]
    try:
        app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        print(_usage_error(error, arguments), file=sys.stderr)
        return USAGE
    except (KeyboardInterrupt, Stopped):
        print("\nStopped.", file=sys.stderr)
        return STOPPED
    except (UserError, OSError, sqlite3.Error) as error:
        print(explain(error), file=sys.stderr)
        return FAILED
    return DONE


def _usage_error(error: CycloptsError, arguments: Sequence[str]) -> str:
    """Say what is wrong with the command line, and where its help is."""
    commands, _, _ = app.meta.parse_commands(list(arguments))
    called = " ".join([PROGRAM, *commands])
    sentence = str(error)[0].lower() + str(error)[1:]
    if isinstance(error, MissingArgumentError) and error.argument and not error.argument.tokens:
        kind = "option" if error.argument.name.startswith("--") else "argument"
        sentence = f"missing {kind} {error.argument.name}."
    return f"{called}: {sentence} See `{called} --help`."
