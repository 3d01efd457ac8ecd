"""Training: start a training or a hyperparameter search, follow its progress, stop and resume it."""

from __future__ import annotations

import streamlit as st

from app.widgets import empty_state, guard, jobs_panel, page_header
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Dataset
from bytetrack.files import natural_sort_key
from pages.parts.training_form import DOWNLOAD_VERB, training_form
from pages.parts.training_progress import SEARCH_VERB, TRAIN_VERB, training_progress

ws = workspace()


def main() -> None:
    """Show the form for a new training, and the progress of one training run."""
    page_header("training")
    jobs_panel(DOWNLOAD_VERB)
    datasets = sorted(ws.list(Dataset), key=lambda dataset: natural_sort_key(dataset.name))
    training_runs = [job for job in jobs.refresh(ws) if job.verb in (TRAIN_VERB, SEARCH_VERB)]
    if not datasets and not training_runs:
        empty_state(
            "model_training",
            "No dataset yet",
            "A detector is trained on a dataset of labeled clips.",
            "Go to Datasets",
            "datasets",
        )
        return
    if datasets:
        with st.expander("New training", icon=":material/add:", expanded=not training_runs), guard():
            training_form(datasets, run_number=len(training_runs) + 1)
    if training_runs:
        with guard():
            training_progress(training_runs)


main()
