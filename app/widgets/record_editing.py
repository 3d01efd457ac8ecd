"""Dialogs that change the name, tags and notes of records."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.widgets.errors import guard, guarded_dialog
from app.workspace import workspace
from backend.steps import organizing
from backend.steps.removal import count_records
from backend.workspace.records import MAX_NAME_LENGTH, Record, noun

GENERATION = "record list generation"  # in the session state: increases when an action has changed records


def edit_record(record: Record) -> None:
    """Open a dialog with the name, tags and notes of a record."""
    guarded_dialog(f"Edit {noun(type(record))}", icon=":material/edit:")(_edit_form)(record)


def tag_records(records: Sequence[Record]) -> None:
    """Open a dialog that adds tags to records and removes tags from them."""
    kind = type(records[0])
    guarded_dialog(f"Tags of {count_records(kind, len(records))}", icon=":material/sell:")(_tag_form)(records)


def records_have_changed() -> None:
    """Clear the selection in lists and run the page again, after an action has changed records."""
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1
    st.rerun()


def _edit_form(record: Record) -> None:
    name = st.text_input("Name", record.name, max_chars=MAX_NAME_LENGTH, key=f"edit-name-{record.id}")
    all_tags = list(dict.fromkeys([*record.tags, *workspace().tags(type(record))]))
    tags = st.multiselect(
        "Tags", all_tags, record.tags, accept_new_options=True, placeholder="Add a tag", key=f"edit-tags-{record.id}"
    )
    notes = st.text_area(
        "Notes", record.description, max_chars=organizing.MAX_DESCRIPTION_LENGTH, key=f"edit-notes-{record.id}"
    )
    if _buttons("Save", ":material/check:"):
        with guard():
            if name != record.name:
                organizing.rename(workspace(), record, name or "")
            organizing.tag(workspace(), [record], add=tags, remove=set(record.tags) - set(tags))
            organizing.describe(workspace(), record, notes or "")
            records_have_changed()


def _tag_form(records: Sequence[Record]) -> None:
    used = sorted({tag for record in records for tag in record.tags}, key=str.casefold)
    all_tags = workspace().tags(type(records[0]))
    added = st.multiselect("Add", all_tags, accept_new_options=True, placeholder="Add a tag", key="tags-add")
    removed = st.multiselect("Remove", used, key="tags-remove") if used else []
    if _buttons("Apply", ":material/check:"):
        with guard():
            organizing.tag(workspace(), records, add=added, remove=removed)
            records_have_changed()


def _buttons(label: str, icon: str) -> bool:
    """Show the buttons that end a dialog; return whether the user confirmed."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="dialog-cancel"):
            st.rerun()
        return st.button(label, type="primary", icon=icon, key="dialog-confirm")
