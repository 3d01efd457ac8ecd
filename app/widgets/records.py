"""Choosing one record out of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from app.widgets.formatting import count, duration
from backend.workspace.records import Record, Video

R = TypeVar("R", bound=Record)


def choose(
    records: Sequence[R],
    label: str,
    *,
    key: str,
    describe: Callable[[R], str] | None = None,
    help: str | None = None,
) -> R | None:
    """A select box over the records; None where there are none.

    The choice is remembered per kind of record: a video chosen on one page is the one suggested on the next.
    """
    if not records:
        return None
    by_id = {record.id: record for record in records}
    memory = f"chosen {type(records[0]).__name__}"
    if st.session_state.get(key) not in by_id:  # first shown, or removed meanwhile
        remembered = st.session_state.get(memory)
        st.session_state[key] = remembered if remembered in by_id else records[0].id

    def title(id: str) -> str:
        record = by_id[id]
        return f"{record.name}  ·  {describe(record)}" if describe else record.name

    chosen = st.selectbox(label, list(by_id), format_func=title, key=key, help=help)
    st.session_state[memory] = chosen
    return by_id[chosen]


def remember(record: Record) -> None:
    """Make this record the one that `choose` suggests next for its kind."""
    st.session_state[f"chosen {type(record).__name__}"] = record.id


def table(
    rows: Sequence[dict[str, Any]], records: Sequence[R], *, key: str, column_config: dict | None = None
) -> R | None:
    """One row per record; the record whose row is selected, or None."""
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
    """`768×576, 795 frames, 1 min 54 s`."""
    return f"{video.width}×{video.height}, {count(video.frames, 'frame')}, {duration(video.seconds)}"
