"""Part of the page Training that starts a hyperparameter search."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

import streamlit as st

from app.workspace import workspace
from backend.errors import UserError
from backend.steps import hyperparameter_search
from backend.steps.hyperparameter_search import RangeSettings
from backend.wording import count
from bytetrack.training.hyperparameters import Hyperparameters
from pages.parts.training_plan import TrainingPlan, time_and_cost
from pages.parts.training_progress import show_run

# Hyperparameters that follow from other choices, or do not change the result.
NOT_SEARCHED = ("depth", "width", "num_classes", "pretrained_model", "seed", "num_workers", "print_interval")


def hyperparameter_search_form(plan: TrainingPlan, name: str, hyperparameters: dict[str, str]) -> None:
    """Show the form: the hyperparameters to search and their ranges, the objective, and the number of trials.

    Args:
        plan: Dataset, start and options of the trainings.
        name: Name of the search.
        hyperparameters: Values of all hyperparameters; those that are not searched keep them.
    """
    suggested = hyperparameter_search.suggest_ranges(hyperparameters)
    settings = {setting.name: setting for setting in fields(Hyperparameters)}
    left, middle, right = st.columns([3, 2, 1])
    names = left.multiselect(
        "Hyperparameters to search",
        [name for name in settings if name not in NOT_SEARCHED],
        ["basic_lr_per_img"],
        key="search-names",
        help="The more hyperparameters, the more trials are needed.",
    )
    objectives = hyperparameter_search.OBJECTIVES
    objective = middle.selectbox(
        "Objective", list(objectives), format_func=objectives.__getitem__, key="search-objective"
    )
    most = hyperparameter_search.MAX_TRIALS
    trials = int(right.number_input("Trials", 1, most, 10, key="search-trials", help="Each trial is a training."))
    ranges: dict[str, RangeSettings] = {}
    for start in range(0, len(names), 2):
        for column, searched in zip(st.columns(2, gap="large"), names[start : start + 2]):
            with column:
                ranges[searched] = _range_fields(
                    settings[searched], suggested.get(searched, RangeSettings()), hyperparameters[searched]
                )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start search", type="primary", icon=":material/play_arrow:", disabled=not names):
            job = hyperparameter_search.start(
                workspace(),
                name=name,
                dataset=plan.dataset.id,
                ranges=ranges,
                objective=objective,
                trials=trials,
                hyperparameters=hyperparameters,
                base=plan.base.id if plan.base else None,
                options=dict(plan.options),
            )
            show_run(job)
        st.markdown(
            f"{time_and_cost(plan, hyperparameters, trials)}  \n:small[:gray[{count(trials, 'training')} with the "
            "settings above. The best one is saved as a model.]]"
        )


def _range_fields(setting: Field[Any], suggested: RangeSettings, value: str) -> RangeSettings:
    """Show the fields for the range of one hyperparameter, or for its choices.

    Args:
        setting: The hyperparameter.
        suggested: Its suggested range or choices; empty if there is no suggestion.
        value: Its value outside the search.

    Returns:
        The range or the choices.

    Raises:
        UserError: If an end of the range is not a number.
    """
    limits, key = setting.metadata, f"range-{setting.name}-{value}"
    choices = limits.get("choices") or (["True", "False"] if value in ("True", "False") else None)
    if choices:
        return {"choices": st.multiselect(setting.name, choices, list(choices), key=key) or [value]}
    if "choices" in suggested:
        text = st.text_input(f"{setting.name}, choices", ", ".join(suggested["choices"]), key=key)
        return {"choices": [choice.strip() for choice in text.split(",") if choice.strip()] or [value]}
    left, right = st.columns(2)
    with left:
        low = _number_field(f"{setting.name}, minimum", float(suggested.get("low", limits["min"])), f"{key}-low")
    with right:
        high = _number_field(f"{setting.name}, maximum", float(suggested.get("high", limits["max"])), f"{key}-high")
    return {
        "low": low,
        "high": high,
        "whole": isinstance(setting.default, int),
        "logarithmic": suggested.get("logarithmic", False),
    }


def _number_field(label: str, suggested: float, key: str) -> float:
    """Show a text field, which unlike Streamlit's number field can hold numbers of any magnitude."""
    text = st.text_input(label, f"{suggested:.4g}", key=key)
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{label} is “{text}”, but must be a number.") from None
