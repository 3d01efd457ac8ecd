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
        next_step_link("track", "Track the objects in a video.")


main()
