"""A dialog that confirms the deletion of a record."""

from __future__ import annotations

import streamlit as st

from app.widgets.errors import guarded_dialog
from app.workspace import workspace
from backend.steps import removal
from backend.workspace.records import Record


@guarded_dialog("Delete this?", icon=":material/delete:")
def confirm_removal(record: Record) -> None:
    """Ask before the record is deleted, and name what is deleted with it."""
    st.markdown(f"**{record.name}** and its files will be deleted from this workspace. This cannot be undone.")
    if consequences := removal.consequences(workspace(), record):
        st.warning(consequences, icon=":material/warning:")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="removal-cancel"):
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="removal-confirm"):
            with st.spinner("Deleting"):
                removal.remove(workspace(), record)
            st.rerun()
