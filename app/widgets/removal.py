"""Removing something: asks first, and says what goes with it."""

from __future__ import annotations

import streamlit as st

from app.widgets.errors import guard
from app.workspace import workspace
from backend.steps import removal
from backend.workspace.records import Record


@st.dialog("Remove this?", icon=":material/delete:")
def confirm_removal(record: Record) -> None:
    """A dialog that names what goes with the record, and removes it all when told so."""
    st.markdown(f"**{record.name}** and its files will be removed from this workspace. This cannot be undone.")
    with guard():
        if consequences := removal.consequences(workspace(), record):
            st.warning(consequences, icon=":material/warning:")
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Keep it", key="removal-keep"):
                st.rerun()
            if st.button("Remove", type="primary", icon=":material/delete:", key="removal-confirm"):
                with st.spinner("Removing"):
                    removal.remove(workspace(), record)
                st.rerun()
