"""Deploy: serve a model in one of three modes, see its health, update and delete it."""

from __future__ import annotations

import streamlit as st

from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend.workspace.records import Endpoint, Model, Verb
from bytetrack.files import natural_sort_key
from pages.parts.deploy_form import MODE_CARDS, deploy_form
from pages.parts.endpoint_card import endpoint_card

VERBS: tuple[Verb, ...] = ("deploy", "restart endpoint", "update endpoint")

ws = workspace()


def main() -> None:
    """Show the form for a new deployment, and a card per deployment."""
    page_header("deploy")
    models, endpoints = ws.list(Model), ws.list(Endpoint)
    if not models:
        empty_state(
            "rocket_launch",
            "No model to deploy yet",
            "Train one on your own labels, or import one that already detects people and cars.",
            "Go to Models",
            "models",
        )
        return
    with st.expander("New deployment", icon=":material/add:", expanded=len(endpoints) < len(MODE_CARDS)), guard():
        deploy_form(sorted(models, key=lambda model: -model.created))
    jobs_panel(*VERBS)
    for endpoint in sorted(endpoints, key=lambda endpoint: natural_sort_key(endpoint.name)):
        with guard():
            endpoint_card(endpoint, {model.id: model for model in models})
    if endpoints:
<<<<<<< HEAD
        next_step_link("track", "Track the objects in a video.")
=======
        next_step_link("track", "Follow every object through a video.")


def compose(models: list[Model]) -> None:
    """The three ways side by side, each with its own button."""
    left, right = st.columns(2, gap="large")
    with left:
        model = choose(models, "Model", key="deploy-model", describe=lambda model: ", ".join(model.classes[:4]))
    assert model is not None
    with right:
        name = st.text_input(
            "Name", model.name[:60], max_chars=60, key=f"deploy-name-{model.id}", help="The way is added to it."
        )
    for column, (mode, (icon, text)) in zip(st.columns(3, gap="medium"), WAYS.items()):
        with column.container(border=True, height="stretch"):
            st.markdown(f"#### :primary[:material/{icon}:] {MODES[mode].capitalize()}")
            st.markdown(text)
            options = options_form(platform_of(ws).options(mode), key=f"deploy-{mode}", columns=1)
            if cost := platform_of(ws).cost_per_hour(mode, options):
                st.caption(
                    f"About **${cost:.2f} per hour** {'while a job runs' if mode == 'batch' else 'while it is up'}."
                )
            if st.button(f"Deploy {MODES[mode]}", key=f"deploy-{mode}", type="primary", width="stretch"):
                start_job_and_rerun(
                    "deploy",
                    f"Deploy {model.name} {MODES[mode]}",
                    name=f"{name} {MODES[mode]}",
                    model=model.id,
                    mode=mode,
                    options=options,
                )


def show(endpoint: Endpoint, models: dict[str, Model]) -> None:
    """How one deployment is, looked at again every few seconds."""
    icon, _ = WAYS[endpoint.mode]
    with st.container(border=True, key=f"endpoint-{endpoint.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### :primary[:material/{icon}:] {endpoint.name}", width="content")
            health(endpoint)
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"delete-{endpoint.id}"):
                confirm_removal(endpoint)
        model = models.get(endpoint.model)
        if model:
            way, classes = MODES[endpoint.mode].capitalize(), ", ".join(model.classes[:6])
            st.markdown(f":gray[{way} · model] {model.name} :gray[· {classes}]")
        with st.expander("Change it", icon=":material/published_with_changes:", key=f"change-{endpoint.id}"), guard():
            change(endpoint, models)
        if endpoint.mode != "batch":
            with st.expander("Call it, log", icon=":material/terminal:"), guard():
                details(endpoint)


def change(endpoint: Endpoint, models: dict[str, Model]) -> None:
    """Another model, or other options, while it goes on answering."""
    known = list(models)
    model = st.selectbox(
        "Model",
        known,
        known.index(endpoint.model) if endpoint.model in known else 0,
        format_func=lambda id: models[id].name,
        key=f"change-model-{endpoint.id}",
        help="The same model is sent anew, with the thresholds that it has now.",
    )
    offered = platform_of(ws, endpoint.platform).options(endpoint.mode)
    options = options_form(offered, key=f"change-{endpoint.id}", values=endpoint.options)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Update", icon=":material/upgrade:", key=f"update-{endpoint.id}"):
            name = f"Update {endpoint.name}"
            start_job_and_rerun("update endpoint", name, endpoint=endpoint.id, model=model, options=options)
        st.caption("It goes on answering meanwhile, and stays as it is if the new one does not start.")


@guarded_fragment(run_every=5)
def health(endpoint: Endpoint) -> None:
    state: EndpointState = deployments.state(ws, endpoint)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "ready" if endpoint.mode == "batch" else state.status
        current = ws.find(Endpoint, endpoint.id) or endpoint
        used = f"used {ago(current.last_used)}" if current.last_used else "not used yet"
        cost = f"${state.cost_per_hour:.2f} per hour" if state.cost_per_hour else "no cost"
        since = f"since {ago(state.since)}" if state.since else ""
        told = " · ".join(filter(None, (state.where, since, used, cost)))
        st.markdown(f":{STATES[state.status]}-badge[:material/circle: {label}] :small[:gray[{told}]]", width="content")
        if state.status in ("gone", "failed") and st.button(
            "Start again", icon=":material/restart_alt:", key=f"restart-{endpoint.id}", help=state.reason
        ):
            start_job_and_rerun("restart endpoint", f"Start {endpoint.name}", endpoint=endpoint.id)


def details(endpoint: Endpoint) -> None:
    """How other programs reach it, and what it printed."""
    if endpoint.mode == "realtime":
        st.markdown("An image gives detections; in a session, images and pieces of video give tracks.")
    else:
        st.markdown("Queue a whole video from a script; the tracks become a run.")
        st.code(
            f'bytetrack-studio track --video "NAME OF VIDEO" --endpoint "{endpoint.name}" --workspace "{ws.root}"',
            language="bash",
        )
    st.code(platform_of(ws, endpoint.platform).example(endpoint.ref), language="bash")
    if found := deployments.traffic(ws, endpoint):
        traffic(endpoint, found)
    text = deployments.log(ws, endpoint) or "Nothing printed yet."
    st.code(text, language=None, height=220 if text.count("\n") > 8 else "content", wrap_lines=True)


def traffic(endpoint: Endpoint, found: Traffic) -> None:
    """Requests per minute and what they took, in the last hour."""
    if not any(found.invocations) and not any(found.waiting):
        st.caption("No requests in the last hour.")
        return
    minutes = [datetime.fromtimestamp(minute) for minute in found.minutes]
    left, right = st.columns(2, gap="large")
    with left:
        figure = go.Figure([go.Bar(x=minutes, y=found.invocations, name="requests")])
        if any(found.waiting):
            figure.add_scatter(x=minutes, y=found.waiting, name="waiting", mode="lines")
        chart(figure, key=f"invocations-{endpoint.id}", height=240, title="Requests per minute")
    with right:
        figure = go.Figure(
            [
                go.Bar(x=minutes, y=found.model_ms, name="model"),
                go.Bar(x=minutes, y=found.overhead_ms, name="overhead"),
            ]
        )
        figure.update_layout(barmode="stack", yaxis_title="ms")
        chart(figure, key=f"latency-{endpoint.id}", height=240, title="Mean time of a request")
>>>>>>> 00fb817 (Document every subcommand from its help and install the console as a package)


main()
