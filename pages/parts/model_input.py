"""Part of the page Models that changes the input of an imported model."""

from __future__ import annotations

import streamlit as st

from app.widgets import start_job_and_rerun
from app.workspace import workspace
from backend import jobs
from backend.steps import model_input as steps
from backend.steps.model_files import NORMALIZATION_NAMES
from backend.steps.models import Card
from backend.wording import enumerate_words
from backend.workspace.records import Model, Verb
from pages.parts.model_trial import input_size_fields, is_being_tried, newest_trial, trial_form, trial_results

CHANGE_VERB: Verb = "change model input"


def model_input(model: Model, card: Card) -> None:
    """Show normalization and size of a model's input with fields to change them, and a trial of both normalizations.

    Nothing is shown for a model that was trained here, whose training has determined its input.
    """
    if not steps.can_change(model):
        return
    with st.expander("Input", icon=":material/aspect_ratio:"):
        key = f"input-{model.id}-{card.normalization}-{card.input_size}"  # new fields show a new input
        left, right = st.columns(2)
        with left:
            names = list(NORMALIZATION_NAMES)
            normalization = st.selectbox(
                "Input normalization",
                names,
                names.index(card.normalization),
                format_func=lambda name: NORMALIZATION_NAMES[name],
                key=f"{key}-normalization",
                help="With the wrong one, the model detects almost nothing. Try both if you are not sure.",
            )
        with right:
            input_size = input_size_fields(key, card.input_size)
        servers = steps.servers_of(workspace(), model)
        changing = any(job.verb == CHANGE_VERB and job.params["model"] == model.id for job in jobs.active(workspace()))
        unchanged = (normalization, input_size) == (card.normalization, card.input_size)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Save", icon=":material/save:", disabled=unchanged or changing, key=f"save-input-{model.id}"):
                _change(model, normalization, input_size)
            if servers:
                endpoints = enumerate_words(f"“{endpoint.name}”" for endpoint in servers)
                st.caption(f"{endpoints} must be updated on Deploy afterwards.")
        trial_form(
            key,
            model.name,
            busy=is_being_tried(model=model.id),
            primary=False,
            model=model.id,
            input_size=input_size,
        )
        if trial := newest_trial(model=model.id):
            chosen = trial_results(trial)
            if chosen and chosen == (card.normalization, card.input_size):
                st.toast("The model has this input already.", icon=":material/check_circle:")
            elif chosen:
                _change(model, *chosen)


def _change(model: Model, normalization: str, input_size: list[int]) -> None:
    start_job_and_rerun(
        CHANGE_VERB,
        f"Change the input of {model.name}",
        model=model.id,
        normalization=normalization,
        input_size=input_size,
    )
