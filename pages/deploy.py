"""Deploy: put a model to work in one of three ways, see how it is, delete it."""

from __future__ import annotations

import streamlit as st

from app.widgets import (
    choose,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    next_step,
    page_header,
    run_job,
)
from app.widgets.formatting import ago, natural
from app.workspace import workspace
from backend import deployments
from backend.deployments import MODES
from backend.platform.base import EndpointState
from backend.records import Endpoint, Model

WAYS = {
    "batch": (
        "inventory_2",
        "Whole folders of video, one job after another. **Nothing runs, or costs, between jobs.** "
        "For archives and for measuring.",
    ),
    "realtime": (
        "bolt",
        "A server that answers **at once**, frame by frame or in short pieces of video; a session keeps the ids. "
        "For cameras and applications.",
    ),
    "async": (
        "schedule_send",
        "A queue that takes **whole videos up to 1 GB** and answers one after another. "
        "For uploads that come now and then.",
    ),
}
STATES = {"in service": "green", "starting": "orange", "failed": "red", "gone": "red"}

ws = workspace()


def main() -> None:
    page_header("deploy")
    models, endpoints = ws.list(Model), ws.list(Endpoint)
    if not models:
        empty_state(
            "rocket_launch",
            "No model to deploy yet",
            "Train one on your own labels, or bring in one that knows people and cars already.",
            "Go to Models",
            "models",
        )
        return
    with st.expander("New deployment", icon=":material/add:", expanded=len(endpoints) < len(WAYS)), guard():
        compose(sorted(models, key=lambda model: -model.created))
    jobs_panel("deploy", "restart endpoint")
    for endpoint in sorted(endpoints, key=lambda endpoint: natural(endpoint.name)):
        with guard():
            show(endpoint, {model.id: model for model in models})
    if endpoints:
        next_step("track", "Follow every object through a video.")


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
            if st.button(f"Deploy {MODES[mode]}", key=f"deploy-{mode}", type="primary", width="stretch"):
                run_job(
                    "deploy",
                    f"Deploy {model.name} {MODES[mode]}",
                    name=f"{name} {MODES[mode]}",
                    model=model.id,
                    mode=mode,
                )


def show(endpoint: Endpoint, models: dict[str, Model]) -> None:
    """How one deployment is, looked at again every few seconds."""
    icon, _ = WAYS[endpoint.mode]
    with st.container(border=True, key=f"endpoint-{endpoint.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### :primary[:material/{icon}:] {endpoint.name}", width="content")
            health(endpoint)
            st.space("stretch")
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"delete-{endpoint.id}"):
                confirm_removal(endpoint)
        model = models.get(endpoint.model)
        if model:
            way, classes = MODES[endpoint.mode].capitalize(), ", ".join(model.classes[:6])
            st.markdown(f":gray[{way} · model] {model.name} :gray[· {classes}]")
        if endpoint.mode != "batch":
            with st.expander("Call it, log", icon=":material/terminal:"), guard():
                details(endpoint)


@st.fragment(run_every=5)
def health(endpoint: Endpoint) -> None:
    state: EndpointState = deployments.state(ws, endpoint)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = "ready" if endpoint.mode == "batch" else state.status
        st.badge(label, color=STATES[state.status], icon=":material/circle:")  # type: ignore[arg-type]
        current = ws.find(Endpoint, endpoint.id) or endpoint
        used = f"used {ago(current.last_used)}" if current.last_used else "not used yet"
        cost = f"${state.cost_per_hour:.2f} per hour" if state.cost_per_hour else "no cost"
        since = f"since {ago(state.since)}" if state.since else ""
        st.markdown(f":small[:gray[{' · '.join(filter(None, (state.where, since, used, cost)))}]]", width="content")
        if state.status in ("gone", "failed") and st.button(
            "Start again", icon=":material/restart_alt:", key=f"restart-{endpoint.id}", help=state.reason
        ):
            run_job("restart endpoint", f"Start {endpoint.name}", endpoint=endpoint.id)


def details(endpoint: Endpoint) -> None:
    """How other programs reach it, and what it printed."""
    where = deployments.state(ws, endpoint).where
    if endpoint.mode == "realtime":
        st.markdown("An image gives detections; in a session, images and pieces of video give tracks.")
        st.code(
            f"curl {where}/invocations -H 'Content-Type: image/jpeg' --data-binary @frame.jpg\n\n"
            f"curl -i {where}/invocations -H 'X-Amzn-SageMaker-Session-Id: NEW_SESSION' \\\n"
            "     -H 'Content-Type: application/json' -d '{\"frame_rate\": 25}'   # answers with the session's id\n"
            f"curl {where}/invocations -H 'X-Amzn-SageMaker-Session-Id: ID' -H 'Content-Type: video/mp4' \\\n"
            "     --data-binary @piece.mp4",
            language="bash",
        )
    else:
        st.markdown("Queue a whole video from a script; the tracks become a run.")
        st.code(
            f'python -m backend do track video="NAME OF VIDEO" endpoint="{endpoint.name}" --workspace "{ws.root}"',
            language="bash",
        )
    text = deployments.log(ws, endpoint) or "Nothing printed yet."
    st.code(text, language=None, height=220 if text.count("\n") > 8 else "content", wrap_lines=True)


main()
