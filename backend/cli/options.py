"""Types of options that several subcommands have: records by name or ID, with completion, and fixed choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion import CompletionContext

from backend.cli import session
from backend.workspace.paths import DATABASE
from backend.workspace.records import (
    KINDS,
    Dataset,
    Endpoint,
    Job,
    LabelingJob,
    Labels,
    Model,
    Record,
    Run,
    TrackerSearch,
    Video,
)

ModelSize = Literal["nano", "tiny", "s", "m", "l", "x"]
NormalizationOrBoth = Literal["raw", "imagenet", "both"]
Benchmark = Literal["MOT15", "MOT16", "MOT17", "MOT20"]


def _complete_platforms(_: CompletionContext) -> list[str]:
    from backend.platforms.registry import PLATFORMS

    return list(PLATFORMS)


def _complete_formats(_: CompletionContext) -> list[str]:
    from backend.labels.formats import FORMATS

    return ["auto", *FORMATS]


def complete_names(*kinds: type[Record]) -> Callable[[CompletionContext], list[str]]:
    """Return a completer that offers the names of all records of these kinds in the workspace."""

    def names(context: CompletionContext) -> list[str]:
        option = context.get("workspace")
        with session.in_workspace(Path(option.raw) if option and option.raw else None):
            if not (session.root() / DATABASE).exists():  # completing must not create a workspace
                return []
            workspace = session.workspace()
        return [record.name for kind in kinds for record in workspace.list(kind)]

    return names


def _record(*kinds: type[Record]) -> Parameter:
    return Parameter(metavar="NAME", completer=complete_names(*kinds))


def _records(*kinds: type[Record]) -> Parameter:
    return Parameter(metavar="NAME...", completer=complete_names(*kinds), consume_multiple=True)


PlatformName = Annotated[str, Parameter(metavar="PLATFORM", completer=_complete_platforms)]
LabelFormatName = Annotated[str, Parameter(metavar="FORMAT", completer=_complete_formats)]
VideoName = Annotated[str, _record(Video)]
LabelsName = Annotated[str, _record(Labels)]
LabelingJobName = Annotated[str, _record(LabelingJob)]
DatasetName = Annotated[str, _record(Dataset)]
ModelName = Annotated[str, _record(Model)]
EndpointName = Annotated[str, _record(Endpoint)]
RunName = Annotated[str, _record(Run)]
TrackerSearchName = Annotated[str, _record(TrackerSearch)]
JobName = Annotated[str, _record(Job)]
AnyName = Annotated[str, _record(*KINDS.values())]

AnyNames = Annotated[list[str], _records(*KINDS.values())]
VideoNames = Annotated[list[str], _records(Video)]
LabelsNames = Annotated[list[str], _records(Labels)]
EndpointNames = Annotated[list[str], _records(Endpoint)]
BoxesNames = Annotated[list[str], _records(Labels, Run, Model)]
ClassNames = Annotated[list[str], Parameter(metavar="NAME...", consume_multiple=True)]
Tags = Annotated[Sequence[str], Parameter(metavar="TAG...", consume_multiple=True)]
AttributeSpecs = Annotated[list[str], Parameter(metavar="NAME[=VALUE,...]...", consume_multiple=True)]
Pairs = Annotated[list[str], Parameter(metavar="NAME=VALUE...", consume_multiple=True)]
RangeStarts = Annotated[list[str], Parameter(name="--from", metavar="FRAME|SECONDSs...", consume_multiple=True)]
RangeEnds = Annotated[list[str], Parameter(name="--to", metavar="FRAME|SECONDSs...", consume_multiple=True)]
RangeNames = Annotated[list[str], Parameter(name="--name", metavar="NAME...", consume_multiple=True)]
Yes = Annotated[bool, Parameter(negative="")]
