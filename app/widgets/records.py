"""Choosing one of several records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from app import address
from app.widgets.formatting import duration
from app.workspace import workspace
from backend.wording import count
from backend.workspace.records import Record, Video

R = TypeVar("R", bound=Record)


def choose(
    records: Sequence[R],
    label: str,
    *,
    key: str,
    describe: Callable[[R], str] | None = None,
    tooltip: str | None = None,
    parameter: str = "",
) -> R | None:
    """Show a select box over records and return the chosen one; None if there are no records.

    The choice is remembered per kind of record: the next page suggests the video that was chosen on the last one.

    Args:
        records: The records.
        label: Label of the select box.
        key: Key of the select box.
        describe: Returns what to show after a record's name.
        tooltip: Help text of the select box.
        parameter: Parameter of the page's address that names the record, if it should be in the address. Then a link
            opens the page with this record, and an unknown record ends the page with a message.
    """
    if not records:
        return None
    by_id = {record.id: record for record in records}
    titles = {record.id: f"{record.name}  ·  {describe(record)}" if describe else record.name for record in records}
    return by_id[_choose_id(type(records[0]), titles, label, key=key, tooltip=tooltip, parameter=parameter)]


def choose_of(
    kind: type[R],
    label: str,
    *,
    key: str,
    newest_first: bool = False,
    tooltip: str | None = None,
    parameter: str = "",
) -> R | None:
    """Show a select box over all records of a kind and return the chosen one; None if there are no records.

    Like `choose`, but it reads only the names of the others, which is fast with many records.

    Args:
        kind: The kind.
        label: Label of the select box.
        key: Key of the select box.
        newest_first: Whether the newest record comes first; else they are in the order of their names.
        tooltip: Help text of the select box.
        parameter: As for `choose`.
    """
    names = workspace().names(kind, newest_first=newest_first)
    if not names:
        return None
    return workspace().get(kind, _choose_id(kind, names, label, key=key, tooltip=tooltip, parameter=parameter))


def _choose_id(
    kind: type[Record], titles: Mapping[str, str], label: str, *, key: str, tooltip: str | None, parameter: str
) -> str:
    """Show a select box over records by their ids, and return the id of the chosen one."""
    memory = _memory_key(kind)
    if st.session_state.get(key) not in titles:  # shown for the first time, or the record was removed
        remembered = st.session_state.get(memory)
        st.session_state[key] = remembered if remembered in titles else next(iter(titles))
    if linked := address.get(parameter) if parameter else "":
        if linked not in titles:
            address.end_with_unknown(kind, linked)
        if st.session_state.get(f"{key} in the address") != linked:  # the address has changed
            st.session_state[key] = linked
    st.session_state[f"{key} in the address"] = linked

    def on_change() -> None:
        if parameter:
            st.session_state[f"{key} in the address"] = st.session_state[key]
            address.show(**{parameter: st.session_state[key]})

    def title(record_id: str) -> str:
        return titles[record_id]

    chosen = st.selectbox(label, list(titles), format_func=title, key=key, help=tooltip, on_change=on_change)
    if parameter:
        address.keep(**{parameter: chosen})
    st.session_state[memory] = chosen
    return chosen


def remember(record: Record) -> None:
    """Make this record the one that `choose` suggests next for its kind."""
    st.session_state[_memory_key(type(record))] = record.id


def is_remembered(kind: type[Record]) -> bool:
    """Return whether a record of this kind was chosen on some page."""
    return bool(remembered(kind))


def remembered(kind: type[Record]) -> str:
    """Return the id of the record of this kind that `choose` suggests next; empty if none was chosen yet."""
    return str(st.session_state.get(_memory_key(kind), ""))


def _memory_key(kind: type[Record]) -> str:
    return f"chosen {kind.__name__}"


def records_table(
    rows: Sequence[Mapping[str, Any]],
    records: Sequence[R],
    *,
    key: str,
    column_config: Mapping[str, Any] | None = None,
) -> R | None:
    """Show a table with one row per record and return the record whose row is selected, if any.

    Args:
        rows: The cells by the names of the columns, in the order of the records.
        records: The records.
        key: Key of the table.
        column_config: As `st.dataframe` takes it.
    """
    state = st.dataframe(
        list(rows),
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=column_config,
    )
    selected = state.selection.rows
    return records[selected[0]] if selected and selected[0] < len(records) else None


def video_facts(video: Video) -> str:
    """Describe a video: `768×576, 795 frames, 1 min 54 s`."""
    return f"{video.width}×{video.height}, {count(video.frames, 'frame')}, {duration(video.seconds)}"
