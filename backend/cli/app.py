"""The application that subcommands register with, and their groups in its help."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from cyclopts import App, Group, Parameter

P = ParamSpec("P")
R = TypeVar("R")

PROGRAM = "bytetrack-studio"

JOURNEY = Group("Start here", sort_key=1)
VIDEOS = Group("Videos", sort_key=2)
LABELS = Group("Labels and datasets", sort_key=3)
TRAINING = Group("Training and models", sort_key=4)
DEPLOYMENT = Group("Deployment", sort_key=5)
TRACKING = Group("Tracks and scores", sort_key=6)
RECORDS = Group("Workspace", sort_key=7)
PLATFORM = Group("Platform", sort_key=8)
FILES = Group("MOTChallenge files, without a workspace", sort_key=9)
SHARED = Group("Options of every command", sort_key=10)

app = App(
    name=PROGRAM,
    help="Train, deploy and evaluate a multi-object tracker on your own video, without the browser.",
    help_format="markdown",
    default_parameter=Parameter(negative_iterable=(), negative_none=()),
    suppress_keyboard_interrupt=False,
)


def command(
    group: Group, *examples: str, name: str | tuple[str, ...] | None = None, show: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that registers a function as a subcommand, named like the function in kebab case.

    Args:
        group: Section of the help that lists the subcommand.
        *examples: Command lines that the subcommand's help ends with, without the name of the program.
        name: Other names than the function's.
        show: Whether the help lists the subcommand.
    """
    lines = "\n".join(f"    {PROGRAM} {example}" for example in examples)
    epilogue = f"Example:\n\n{lines}" if examples else ""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        called = name or function.__name__.replace("_", "-")
        subcommand = App(name=called, group=group, help_epilogue=epilogue, show=show)
        subcommand.default(function)
        app.command(subcommand)
        return function

    return register
