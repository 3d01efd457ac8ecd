"""Deploy: serve a model in one of three modes, see its health, update and delete it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import address
from app.widgets import Column, empty_state, guard, jobs_panel, next_step_link, page_header, record_list
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.steps.deployments import MODES
from backend.workspace.records import Endpoint, Model, Verb
from bytetrack.files import natural_sort_key
from pages.parts.deploy_form import MODE_CARDS, deploy_form
from pages.parts.endpoint_card import endpoint_card

VERBS: tuple[Verb, ...] = ("deploy", "restart endpoint", "update endpoint")
MAX_CARDS = 6  # more deployments than that are in a list, and only one has a card

ws = workspace()


def main() -> None:
    """Show the form for a new deployment, and a card per deployment."""
    page_header("deploy")
    if not ws.count(Model):
        empty_state(
            "rocket_launch",
            "No model to deploy yet",
            "Train one on your own labels, or import one that already detects people and cars.",
            "Go to Models",
            "models",
        )
        return
    endpoint_count = ws.count(Endpoint)
    form = st.expander(
        "New deployment",
        icon=":material/add:",
        expanded=endpoint_count < len(MODE_CARDS),
        key="deploy-new",
        on_change="rerun",
    )
    if form.open:
        with form, guard():
            deploy_form()
    jobs_panel(*VERBS)
    if endpoint_count:
        all_endpoints(endpoint_count)
        next_step_link("track", "Track the objects in a video.")


def all_endpoints(endpoint_count: int) -> None:
    """Show a card per deployment; of many, only that of the address, or the newest, and a list of all."""
    linked = address.linked(Endpoint)
    if endpoint_count <= MAX_CARDS:
        for endpoint in sorted(ws.list(Endpoint), key=lambda endpoint: natural_sort_key(endpoint.name)):
            with guard():
                endpoint_card(endpoint)
        return
    shown = linked or ws.newest(Endpoint)
    assert shown is not None
    with guard():
        endpoint_card(shown)
    record_list(Endpoint, _columns)


def _columns(endpoints: Sequence[Endpoint]) -> list[Column[Endpoint]]:
    models = ws.names(Model, id=[endpoint.model for endpoint in endpoints])
    return [
        Column("Mode", lambda endpoint: MODES[endpoint.mode], order="mode"),
        Column("Model", lambda endpoint: models.get(endpoint.model, ""), secondary=True),
        Column("Last used", lambda endpoint: ago(endpoint.last_used) if endpoint.last_used else "", order="last_used"),
        Column("Created", lambda endpoint: ago(endpoint.created), order="created", right=True, secondary=True),
    ]


main()
