"""Part of the page Evaluate that searches the tracker settings with the highest HOTA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from app.theme import ACCENT, AMBER
from app.widgets import chart, confirm_removal, jobs_panel, start_job_and_rerun
from app.widgets.formatting import percent
from app.workspace import workspace
from backend.steps import models
from backend.steps.tracker_search import model_settings
from backend.steps.unlabeled_tracks import find_unlabeled, unlabeled_warning
from backend.workspace.records import Labels, Model, Run, TrackerSearch, Verb
from pages.parts.retracking import Settings, load_run_detections, load_truth
from pages.parts.score_metrics import MAIN_METRICS, MEANINGS

VERB: Verb = "search tracker settings"
CHART_HEIGHT = 330


def tracker_search(run: Run, labels: Labels, slider_keys: Mapping[str, str]) -> None:
    """Show the button that starts a search, and the result of the last search.

    Args:
        run: The run whose detections are tracked again.
        labels: The labels to score the tracks against.
        slider_keys: Keys of the sliders by setting.
    """
    searches = workspace().list(TrackerSearch)
    search = next((search for search in searches if (search.run, search.labels) == (run.id, labels.id)), None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(gap="xsmall"):
            st.subheader("Search tracker settings", anchor=False)
            st.caption(
                "Tests 100 settings and takes those with the highest HOTA. Use a representative video: settings that "
                "fit one short video can be worse on others. The minimum track length stays below a quarter of the "
                "video."
            )
        if st.button("Search again" if search else "Start search", icon=":material/manage_search:", key="search"):
            start_job_and_rerun(VERB, f"Search settings for {run.name}", run=run.id, labels=labels.id)
    # The warning of the last search stays: with the settings that it suggested, there may be nothing to warn of.
    current_settings = tuple(model_settings(workspace(), run.model).items())
    if warning := (search.warning if search else "") or _warning_before_search(run.id, current_settings, labels.id):
        st.warning(warning, icon=":material/warning:")
    jobs_panel(VERB)
    if search:
        _result(run, search, slider_keys)


def _result(run: Run, search: TrackerSearch, slider_keys: Mapping[str, str]) -> None:
    for column, name in zip(st.columns(len(MAIN_METRICS)), MAIN_METRICS):
        change = f"{search.metrics[name] - search.before[name]:+.1f}"
        column.metric(name, percent(search.metrics[name]), change, help=MEANINGS[name], border=True)
    if not search.settings:
        st.success("No setting was better than the model's own.", icon=":material/check:")
    if search.importances:
        left, right = st.columns([3, 8], gap="large")
        with left:
            _importance_chart(search)
        with right:
            _trials_chart(search)
    if search.settings:
        with st.container(horizontal=True):
            slider_values = {slider_keys[name]: value for name, value in search.settings.items()}
            st.button(
                "Try on sliders",
                type="primary",
                icon=":material/tune:",
                on_click=lambda: st.session_state.update(slider_values),
            )
            if workspace().find(Model, run.model) and st.button(
                "Save to model", icon=":material/save:", key="save-search"
            ):
                models.store_thresholds(workspace(), run.model, search.settings)
                st.toast("Settings saved to the model.", icon=":material/check:")
            if st.button("Delete search", icon=":material/delete:", type="tertiary"):
                confirm_removal(search)
        st.caption("On the sliders you see their effect. Saved to the model, they apply to all of its endpoints.")


@st.cache_data(show_spinner=False, max_entries=64)
def _warning_before_search(run_id: str, settings: Settings, labels_id: str) -> str:
    """Return a warning if tracks have no labels, which misleads a search; empty if there is nothing to warn of."""
    return unlabeled_warning(find_unlabeled(load_truth(labels_id), load_run_detections(run_id), dict(settings)))


def _importance_chart(search: TrackerSearch) -> None:
    """Show how much of the difference between good and bad trials each setting explains."""
    names = list(search.importances)
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[round(100 * search.importances[name], 1) for name in names],
            orientation="h",
            marker_color=ACCENT,
            texttemplate="%{x:.0f} %",
            textposition="outside",
            hovertemplate="%{y} %{x} %<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"visible": False, "range": [0, 125]}, yaxis={"autorange": "reversed"}, bargap=0.35)
    chart(figure, key=f"importance-{search.id}", height=CHART_HEIGHT, title="Importance of settings")


def _trials_chart(search: TrackerSearch) -> None:
    """Show the HOTA of every trial over each setting, the most important setting first, with the best one marked."""
    names = list(search.importances)
    columns = -(-len(names) // 2)
    figure = make_subplots(2, columns, shared_yaxes=True, subplot_titles=names, vertical_spacing=0.25)
    hota = [trial["HOTA"] for trial in search.trials]
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        figure.add_scatter(
            x=[trial[name] for trial in search.trials],
            y=hota,
            mode="markers",
            marker={"size": 5, "color": ACCENT, "opacity": 0.45},
            hovertemplate=name + " %{x}<br>HOTA %{y:.1f} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
        figure.add_scatter(
            x=[search.settings.get(name)],
            y=[search.metrics["HOTA"]],
            mode="markers",
            marker={"size": 11, "color": AMBER, "symbol": "star"},
            hovertemplate=f"best: {name} %{{x}}<br>HOTA %{{y:.1f}} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
    best, low = max(hota), float(np.quantile(hota, 0.1))  # the worst trials would compress the rest
    figure.update_yaxes(range=[low - 0.1 * (best - low) - 0.1, best + 0.15 * (best - low) + 0.1])
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=12)
    chart(figure, key=f"trials-{search.id}", height=CHART_HEIGHT, title="HOTA of each trial")
