"""A dialog that confirms the deletion of records."""

from __future__ import annotations

import streamlit as st

from app import address
from app.widgets.errors import guarded_dialog
from app.widgets.record_editing import records_have_changed
from app.workspace import workspace
from backend.steps import removal
from backend.wording import enumerate_words
from backend.workspace.records import Record

MAX_NAMES_SHOWN = 5


def confirm_removal(*records: Record) -> None:
    """Ask before records are deleted, and say what is deleted with them."""
    title = "Delete this?" if len(records) == 1 else f"Delete {removal.count_records(type(records[0]), len(records))}?"
    guarded_dialog(title, icon=":material/delete:")(_confirmation)(records)


def _confirmation(records: tuple[Record, ...]) -> None:
    names = [f"**{record.name}**" for record in records[:MAX_NAMES_SHOWN]]
    if len(records) > len(names):
        names.append(f"{len(records) - len(names):,} more")
    their = "its" if len(records) == 1 else "their"
    st.markdown(
        f"{enumerate_words(names)} and {their} files will be deleted from this workspace. This cannot be undone."
    )
    if consequences := removal.consequences(workspace(), *records):
        st.warning(consequences, icon=":material/warning:")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="removal-cancel"):
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="removal-confirm"):
            with st.spinner("Deleting"):
                removal.remove(workspace(), *records)
            address.forget(*(record.id for record in records))
            records_have_changed()
