"""Part of the page Deploy that shows one deployment: health, update, calls, log and traffic."""

from __future__ import annotations

from datetime import datetime

import plotly.graph_objects as go
import streamlit as st

from app.widgets import chart, confirm_removal, edit_record, guard, guarded_fragment, options_form, start_job_and_rerun
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.platforms.base import EndpointState, Traffic
from backend.platforms.registry import platform_of
from backend.steps import deployments, request_examples
from backend.steps.deployments import MODES
from backend.workspace.records import Endpoint, Model
from pages.parts.deploy_form import MODE_CARDS

STATUS_COLORS = {"in service": "green", "starting": "orange", "failed": "red", "gone": "red"}
REFRESH_SECONDS = 5


def endpoint_card(endpoint: Endpoint) -> None:
    """Show one deployment."""
    icon = MODE_CARDS[endpoint.mode].icon
    with st.container(border=True, key=f"endpoint-{endpoint.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### :primary[:material/{icon}:] {endpoint.name}", width="content")
            _health(endpoint)
            if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{endpoint.id}"):
                edit_record(endpoint)
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"delete-{endpoint.id}"):
                confirm_removal(endpoint)
        if model := workspace().find(Model, endpoint.model):
            mode, classes = MODES[endpoint.mode].capitalize(), ", ".join(model.classes[:6])
            st.markdown(f":gray[{mode} · model] {model.name} :gray[· {classes}]")
        if endpoint.model_changed:
            st.warning(
                "The input of its model was changed after it started. Update it to use the new one.",
                icon=":material/published_with_changes:",
            )
        update = st.expander(
            "Update", icon=":material/published_with_changes:", key=f"change-{endpoint.id}", on_change="rerun"
        )
        if update.open:
            with update, guard():
                _update_form(endpoint)
        if endpoint.keeps_running:
            api = st.expander("API and log", icon=":material/terminal:", key=f"api-{endpoint.id}", on_change="rerun")
            if api.open:  # examples and log are read only while they are shown
                with api, guard():
                    _api_and_log(endpoint)


@guarded_fragment(run_every=REFRESH_SECONDS)
def _health(endpoint: Endpoint) -> None:
    state: EndpointState = deployments.deployment_of(workspace(), endpoint).state()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = state.status if endpoint.keeps_running else "ready"
        last_used = (workspace().find(Endpoint, endpoint.id) or endpoint).last_used
        facts = (
            state.location,
            f"since {ago(state.since)}" if state.since else "",
            f"used {ago(last_used)}" if last_used else "not used yet",
            f"${state.cost_per_hour:.2f} per hour" if state.cost_per_hour else "no cost",
        )
        badge = f":{STATUS_COLORS[state.status]}-badge[:material/circle: {label}]"
        st.markdown(f"{badge} :small[:gray[{' · '.join(filter(None, facts))}]]", width="content")
        if state.status in ("gone", "failed") and st.button(
            "Restart", icon=":material/restart_alt:", key=f"restart-{endpoint.id}", help=state.reason
        ):
            start_job_and_rerun("restart endpoint", f"Restart {endpoint.name}", endpoint=endpoint.id)


def _update_form(endpoint: Endpoint) -> None:
    """Show the form that gives the deployment another model or other options."""
    models = workspace().names(Model, newest_first=True)
    model_ids = list(models)
    model = st.selectbox(
        "Model",
        model_ids,
        model_ids.index(endpoint.model) if endpoint.model in models else 0,
        format_func=lambda model_id: models[model_id],
        key=f"change-model-{endpoint.id}",
        help="Redeploys the same model with its current settings, if you do not choose another one.",
    )
    offered = platform_of(workspace(), endpoint.platform).options(endpoint.mode)
    options = options_form(offered, key=f"change-{endpoint.id}", values=endpoint.options)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Update", icon=":material/upgrade:", key=f"update-{endpoint.id}"):
            start_job_and_rerun(
                "update endpoint", f"Update {endpoint.name}", endpoint=endpoint.id, model=model, options=options
            )
        st.caption("It keeps answering; if the update fails, the current version stays.")


def _api_and_log(endpoint: Endpoint) -> None:
    """Show how other programs call the endpoint, its traffic, and what it printed."""
    deployment = deployments.deployment_of(workspace(), endpoint)
    if endpoint.mode == "realtime":
        st.markdown("An image returns detections. In a session, images and pieces of video return tracks.")
    else:
        st.markdown("Queue a whole video from a script. Its tracks become a run.")
        st.code(
            f'bytetrack-studio track --video "NAME OF VIDEO" --endpoint "{endpoint.name}" '
            f'--workspace "{workspace().root}"',
            language="bash",
        )
    with guard():
        _examples(endpoint)
    if endpoint_traffic := deployment.traffic():
        _traffic_charts(endpoint, endpoint_traffic)
    text = deployment.log() or "No output yet."
    st.code(text, language=None, height=220 if text.count("\n") > 8 else "content", wrap_lines=True)


def _examples(endpoint: Endpoint) -> None:
    """Show complete programs that call the endpoint."""
    examples = request_examples.examples(workspace(), endpoint)
    for tab, example in zip(st.tabs([example.title for example in examples]), examples):
        tab.code(example.code, language=example.language)


def _traffic_charts(endpoint: Endpoint, traffic: Traffic) -> None:
    """Show requests per minute and their mean latency in the last hour."""
    if not any(traffic.invocations) and not any(traffic.waiting):
        st.caption("No requests in the last hour.")
        return
    minutes = [datetime.fromtimestamp(minute) for minute in traffic.minutes]
    left, right = st.columns(2, gap="large")
    with left:
        figure = go.Figure([go.Bar(x=minutes, y=traffic.invocations, name="requests")])
        if any(traffic.waiting):
            figure.add_scatter(x=minutes, y=traffic.waiting, name="in the queue", mode="lines")
        chart(figure, key=f"invocations-{endpoint.id}", height=240, title="Requests per minute")
    with right:
        figure = go.Figure(
            [
                go.Bar(x=minutes, y=traffic.model_ms, name="model"),
                go.Bar(x=minutes, y=traffic.overhead_ms, name="overhead"),
            ]
        )
        figure.update_layout(barmode="stack", yaxis_title="ms")
        chart(figure, key=f"latency-{endpoint.id}", height=240, title="Mean latency")
