"""Results of subcommands on stdout: tables for people, one line of JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.cli import session
from backend.cli.progress import duration
from backend.workspace.records import (
    KINDS,
    Comparison,
    Dataset,
    Endpoint,
    Job,
    LabelingJob,
    Labels,
    Model,
    Record,
    Run,
    Score,
    TrackerSearch,
    Video,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

Names = Callable[[str], str]  # from the ID of a record to its name
Columns = Mapping[str, Callable[[Any, Names], object]]  # heading → what stands below it

MOMENTS = ("created", "started", "ended", "first_reported", "stop_asked", "last_used", "since")  # seconds since 1970
SCORES = ("HOTA", "MOTA", "IDF1")
MAX_NAMES = 5  # of classes in a cell


def _short_list(names: Sequence[str]) -> str:
    """Join names, at most `MAX_NAMES` of them: `person, car, dog, 77 more`."""
    more = len(names) - MAX_NAMES
    return ", ".join([*names[:MAX_NAMES], f"{more} more"] if more > 0 else names)


def _scores(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {metrics[name]:.1f}" for name in SCORES if name in metrics)


COLUMNS: dict[type[Record], Columns] = {
    Video: {
        "Resolution": lambda video, names: f"{video.width} x {video.height}",
        "Frames": lambda video, names: f"{video.frames:,}",
        "Frame rate": lambda video, names: f"{video.fps:g}",
        "Length": lambda video, names: duration(video.seconds),
    },
    Labels: {
        "Video": lambda labels, names: names(labels.video),
        "Source": lambda labels, names: labels.source,
        "Classes": lambda labels, names: _short_list(labels.classes),
        "Frames": lambda labels, names: f"{len(labels.labeled_frames):,}",
        "Objects": lambda labels, names: f"{labels.objects:,}",
        "Boxes": lambda labels, names: f"{labels.boxes:,}",
    },
    LabelingJob: {
        "Clips": lambda job, names: len(job.clips),
        "Frames": lambda job, names: f"{job.frames:,}",
        "Classes": lambda job, names: _short_list(job.classes),
        "Platform": lambda job, names: job.platform,
    },
    Dataset: {
        "Classes": lambda data, names: _short_list(data.classes),
        "Frames": lambda data, names: ", ".join(f"{split} {count:,}" for split, count in data.frames.items()),
    },
    Model: {
        "Size": lambda model, names: model.size,
        "Input": lambda model, names: " x ".join(str(side) for side in reversed(model.input_size)),
        "Classes": lambda model, names: len(model.classes),
        "Source": lambda model, names: model.source,
        "AP": lambda model, names: f"{model.metrics['AP']:.3f}" if "AP" in model.metrics else "",
    },
    Endpoint: {
        "Model": lambda endpoint, names: names(endpoint.model),
        "Mode": lambda endpoint, names: endpoint.mode,
        "Platform": lambda endpoint, names: endpoint.platform,
    },
    Run: {
        "Mode": lambda run, names: run.mode,
        "Frames": lambda run, names: f"{run.frames:,}",
        "Objects": lambda run, names: f"{run.objects:,}",
        "Frames/s": lambda run, names: f"{run.fps:.1f}",
    },
    Score: {
        "Labels": lambda score, names: names(score.labels),
        "Scores": lambda score, names: _scores(score.metrics),
    },
    TrackerSearch: {
        "Before": lambda search, names: _scores(search.before),
        "Best": lambda search, names: _scores(search.metrics),
        "Held out": lambda search, names: _scores(search.held_out["after"]) if search.held_out else "not checked",
        "Settings": lambda search, names: ", ".join(f"{key} {value:g}" for key, value in search.settings.items()),
    },
    Comparison: {
        "Video": lambda comparison, names: names(comparison.video),
        "Endpoints": lambda comparison, names: ", ".join(row["endpoint"] for row in comparison.rows),
    },
    Job: {
        "Status": lambda job, names: f"{job.status} {job.progress:.0%}" if job.active else job.status,
        "Duration": lambda job, names: duration((job.ended or time.time()) - job.started) if job.started else "",
        "Reason": lambda job, names: job.reason,
    },
}


def show(answer: object, as_json: bool | None) -> None:
    """Print the result of a subcommand.

    Args:
        answer: Records or other dataclasses, dictionaries, lists of them, or text.
        as_json: Whether to print JSON; if None, unless stdout is a terminal or the result is text.
    """
    if as_json is None:
        as_json = not isinstance(answer, str) and not sys.stdout.isatty()
    if as_json:
        print(json.dumps(_plain(answer)))
        return
    if isinstance(answer, str):
        print(answer)
        return
    from rich.console import Console

    console = Console(highlight=False)
    for part in _renderables(answer):
        console.print(part)


def _plain(answer: Any) -> Any:
    """Return what JSON can hold."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return _plain(asdict(answer))
    if isinstance(answer, Mapping):
        return {key: _plain(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [_plain(value) for value in answer]
    return str(answer) if isinstance(answer, Path) else answer


def _renderables(answer: Any) -> Iterator[RenderableType]:
    if isinstance(answer, Record):
        yield from _renderables([answer])
    elif isinstance(answer, list | tuple):
        yield _table_of(answer)
    else:
        yield from _dictionary(answer)


def _dictionary(values: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show the records that a result names as tables, lists of dataclasses likewise, and the rest by name."""
    rest: dict[str, Any] = {}
    for key, value in values.items():
        if records := _records(value if isinstance(value, list) else [value]):
            yield _table_of(records)
        elif isinstance(value, list) and value and is_dataclass(value[0]):
            yield _table_of(value)
        elif value not in (None, "", [], {}):
            rest[key] = value
    if rest:
        yield _table([], [[key, text] for key, text in _flat(rest)])


def _records(values: Sequence[Any]) -> list[Record]:
    """Return the records with these IDs, all of one kind; nothing if a value is no ID of a record."""
    records = []
    for value in values:
        kind = KINDS.get(value.rpartition("-")[0]) if isinstance(value, str) else None
        record = session.workspace().find(kind, value) if kind else None
        if record is None:
            return []
        records.append(record)
    return records


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested dictionaries with dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif key in MOMENTS and value:
            yield f"{prefix}{key}", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
        elif isinstance(value, float):
            yield f"{prefix}{key}", f"{value:.6g}"
        elif isinstance(value, list):
            yield f"{prefix}{key}", ", ".join(str(element) for element in value)
        else:
            yield f"{prefix}{key}", str(value)


def _table_of(rows: Sequence[Any]) -> RenderableType:
    """Return a table of records of one kind, or of other dataclasses of one type."""
    if not rows:
        return "None."
    if isinstance(rows[0], Record):
        columns = COLUMNS[type(rows[0])]
        names = _names()
        cells = [[row.name, *(str(cell(row, names)) for cell in columns.values()), row.id] for row in rows]
        return _table(["Name", *columns, "ID"], cells)
    used = [name for name in vars(rows[0]) if any(vars(row)[name] not in (None, "", 0, 0.0) for row in rows)]
    headings = [name.replace("_", " ").capitalize() for name in used]
    return _table(headings, [[str(vars(row)[name]) for name in used] for row in rows])


def _names() -> Names:
    """Return a function that gives the name of the record with an ID, or the ID if it was deleted."""
    workspace = session.workspace()

    def name(record_id: str) -> str:
        kind = KINDS.get(record_id.rpartition("-")[0])
        record = workspace.find(kind, record_id) if kind else None
        return record.name if record else record_id

    return name


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, show_header=bool(headings), header_style="bold", pad_edge=False)
    for _ in range(0 if headings else 2):
        table.add_column()
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
