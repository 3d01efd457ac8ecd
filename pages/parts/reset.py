"""Part of the page Account that deletes everything in the workspace."""

from __future__ import annotations

import streamlit as st

from app.widgets import guarded_dialog
from app.widgets.formatting import size
from app.workspace import workspace
from backend import jobs
from backend.steps import account
from backend.wording import count
from pages.parts.storage import KINDS

CONFIRMATION = "delete"  # the word that the user has to type


def reset() -> None:
    """Show the button that deletes everything."""
    st.subheader("Reset", anchor=False)
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.markdown(
            "Stop all jobs, delete all endpoints, and delete everything in this workspace. Video files that were added "
            "by their path are not deleted."
        )
        if right.button(
            "Delete everything", icon=":material/delete_forever:", key="delete-everything", width="stretch"
        ):
            _confirm_reset()


@guarded_dialog("Delete everything?", icon=":material/delete_forever:")
def _confirm_reset() -> None:
    """Ask the user to type a word before everything is deleted."""
    usages = [usage for usage in account.usage(workspace()) if usage.count]
    items = ", ".join(f"{KINDS[usage.kind][0].lower()}: {usage.count:,}" for usage in usages) or "only the database"
    st.markdown(f"This deletes {items}; {size(account.disk_bytes(workspace().root))} in total. It cannot be undone.")
    if active := jobs.active(workspace()):
        st.warning(f"{count(len(active), 'running job')} will be stopped.", icon=":material/warning:")
    typed = st.text_input(f"Type **{CONFIRMATION}** to confirm", key="everything-word")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="everything-cancel"):
            st.rerun()
        confirmed = (typed or "").strip().lower() == CONFIRMATION
        if st.button("Delete everything", type="primary", disabled=not confirmed, key="everything-confirm"):
            with st.spinner("Stopping jobs and deleting"):
                account.remove_everything(workspace())
                st.cache_data.clear()
                st.rerun()
