"""Datasets: labeled clips, split by clip into training, validation and test sets."""

from __future__ import annotations

import streamlit as st

from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend.workspace.records import Dataset, Labels, Verb
from pages.parts.dataset_card import all_datasets
from pages.parts.dataset_form import dataset_form

VERBS: tuple[Verb, ...] = ("build dataset", "split labels")

ws = workspace()


def main() -> None:
    """Show the form for a new dataset, and a card per dataset."""
    page_header("datasets")
    dataset_count = ws.count(Dataset)
    jobs_panel(*VERBS)
    if ws.count(Labels):
        form = st.expander(
            "New dataset", icon=":material/add:", expanded=not dataset_count, key="dataset-new", on_change="rerun"
        )
        if form.open:
            with form, guard():
                dataset_form(ws.list(Labels), suggested_name=f"dataset {dataset_count + 1}")
    else:
        empty_state(
            "dataset",
            "No labeled clips yet",
            "A dataset consists of labeled clips. Draw or import labels first.",
            "Go to Labels",
            "labels",
        )
    if dataset_count:
        all_datasets()
        next_step_link("training", "Train a detector on a dataset.")


main()
