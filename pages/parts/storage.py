"""Part of the page Account that shows how much disk the workspace uses, and deletes its largest items."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.journey import StepKey
from app.widgets import confirm_removal, records_table
from app.widgets.formatting import ago, size
from app.workspace import workspace
from backend.steps import account
from backend.workspace.records import (
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

# The title of each kind of record, and the page that creates it; all pages create jobs.
KINDS: dict[type[Record], tuple[str, StepKey | None]] = {
    Video: ("Videos", "videos"),
    Labels: ("Labels", "labels"),
    LabelingJob: ("Labeling jobs", "labels"),
    Dataset: ("Datasets", "datasets"),
    Model: ("Models", "models"),
    Endpoint: ("Endpoints", "deploy"),
    Run: ("Runs", "track"),
    Score: ("Scores", "evaluate"),
    TrackerSearch: ("Searches", "evaluate"),
    Comparison: ("Comparisons", "compare"),
    Job: ("Jobs and logs", None),
}
LARGEST_SHOWN = 50


def storage() -> None:
    """Show the number of records and the disk space per kind, and the largest records."""
    st.subheader("Workspace", anchor=False)
    usages = account.usage(workspace())
    total = account.disk_bytes(workspace().root)
    st.markdown(f":material/folder: `{workspace().root}` :gray[{size(total)}]")
    cell_count = len(usages) + 1
    cells = [cell for _ in range(2) for cell in st.columns(-(-cell_count // 2))]
    for cell, usage in zip(cells, usages):
        title, page = KINDS[usage.kind]
        with cell.container(border=True, gap="xxsmall", height="stretch"):
            if page:
                st.page_link(journey.STEPS[page].page, label=title, icon=journey.STEPS[page].material)
            else:
                st.markdown(f":small[:material/terminal: {title}]")
            st.markdown(f"**{usage.count:,}** :gray[· {size(usage.bytes)}]")
    other_bytes = max(total - sum(usage.bytes for usage in usages), 0)
    with cells[len(usages)].container(border=True, gap="xxsmall", height="stretch"):
        st.markdown(":small[:material/database: Other files]")
        st.markdown(f":gray[{size(other_bytes)}]")
    largest = st.expander("Largest items", icon=":material/hard_drive:", key="largest", on_change="rerun")
    if largest.open:
        with largest:
            _largest_items()


def _largest_items() -> None:
    """Show the records that use most of the disk; the selected one can be deleted."""
    sized = [
        (record, account.disk_bytes(workspace().folder_of(kind) / record.id))
        for kind in KINDS
        for record in workspace().list(kind)
    ]
    sized.sort(key=lambda pair: -pair[1])
    del sized[LARGEST_SHOWN:]
    if not sized:
        st.caption("The workspace is empty.")
        return
    rows = [
        {
            "Type": KINDS[type(record)][0],
            "Name": record.name,
            "Size on disk": size(used),
            "Created": ago(record.created),
        }
        for record, used in sized
    ]
    records = [record for record, _ in sized]
    selected = records_table(rows, records, key=f"largest-{hash(tuple(record.id for record in records))}")
    if st.button("Delete", icon=":material/delete:", disabled=selected is None, key="delete-largest") and selected:
        confirm_removal(selected)
    if selected is None:
        st.caption("Select a row to delete it.")
