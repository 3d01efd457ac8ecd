"""Models: those trained here and those imported, with their classes and accuracy."""

from __future__ import annotations

from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend.workspace.records import Model, Verb
from pages.parts.model_details import model_details
from pages.parts.model_import import model_import

VERBS: tuple[Verb, ...] = ("add model", "try model", "change model input", "download model", "publish model")

ws = workspace()


def main() -> None:
    """Show the models of this workspace, and the forms that import pretrained ones."""
    page_header("models")
    has_models = ws.count(Model) > 0
    jobs_panel(*VERBS)
    if has_models:
        with guard():
            model_details()
            next_step_link("deploy", "Serve a model.")
    else:
        empty_state(
            "neurology",
            "No models yet",
            "Train one on your own labels, or import a pretrained one below and track without labeling anything.",
            "Go to Training",
            "training",
        )
    with guard():
        model_import(expanded=not has_models)


main()
