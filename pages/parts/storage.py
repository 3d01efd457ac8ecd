"""Part of the page Account that shows how much disk the workspace uses, and deletes its largest items."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.journey import StepKey
from app.widgets import confirm_removal, figures_line, records_table
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
    """Show the number of records per kind, and the disk space that they use if the user asks for it."""
    st.subheader("Workspace", anchor=False)
    st.markdown(f":material/folder: `{workspace().root}`")
    cells = [cell for _ in range(2) for cell in st.columns(-(-len(KINDS) // 2))]
    for cell, (kind, (title, page)) in zip(cells, KINDS.items()):
        with cell.container(border=True, gap="xxsmall", height="stretch"):
            if page:
                st.page_link(journey.STEPS[page].page, label=title, icon=journey.STEPS[page].material)
            else:
                st.markdown(f":small[:material/terminal: {title}]")
            st.markdown(f"**{workspace().count(kind):,}**")
    # Measuring takes seconds if there are many files.
    usage = st.expander("Disk usage", icon=":material/hard_drive:", key="disk-usage", on_change="rerun")
    if usage.open:
        with usage, st.spinner("Measuring"):
            _disk_usage()


def _disk_usage() -> None:
    """Show the disk space per kind, and the records that use most of it; the selected one can be deleted."""
    usages = account.usage(workspace())
    total = account.disk_bytes(workspace().root)
    kinds = {KINDS[usage.kind][0]: size(usage.bytes) for usage in usages if usage.bytes}
    other_bytes = max(total - sum(usage.bytes for usage in usages), 0)
    figures_line({"Total": size(total), **kinds, "Other files": size(other_bytes)})
    largest = account.largest_records(workspace(), LARGEST_SHOWN)
    if not largest:
        st.caption("The workspace is empty.")
        return
    rows = [
        {
            "Type": KINDS[type(record)][0],
            "Name": record.name,
            "Size on disk": size(used),
            "Created": ago(record.created),
        }
        for record, used in largest
    ]
    records = [record for record, _ in largest]
    selected = records_table(rows, records, key=f"largest-{hash(tuple(record.id for record in records))}")
    if st.button("Delete", icon=":material/delete:", disabled=selected is None, key="delete-largest") and selected:
        confirm_removal(selected)
    if selected is None:
        st.caption("Select a row to delete it.")
