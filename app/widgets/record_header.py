"""The head of a page that shows one record: a way back, its name, and what can be done with it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.journey import STEPS, StepKey
from app.widgets.record_editing import edit_record
from app.widgets.removal import confirm_removal
from backend.workspace.records import Record


def record_header(record: Record, page: StepKey, *, back: str) -> DeltaGenerator:
    """Show the record's name in one line with a link back to the list and buttons to edit and delete it.

    Args:
        record: The record.
        page: The page, whose list the link leads to.
        back: Text of the link, such as "All videos".

    Returns:
        A container in the line, for further buttons.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="record-header"):
        st.page_link(STEPS[page].page, label=back, icon=":material/arrow_back:", help="")
        st.title(record.name, anchor=False, width="stretch")
        buttons = st.container(horizontal=True, width="content", key="record-header-buttons")
        if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{record.id}"):
            edit_record(record)
        if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"remove-{record.id}"):
            confirm_removal(record)
    if record.tags or record.description:
        tags = " ".join(f":gray-badge[{tag}]" for tag in record.tags)
        st.markdown(f"{tags} {record.description}".strip())
    return buttons
