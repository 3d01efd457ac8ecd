"""Part of the page Models that lists the models and shows one of them."""

from __future__ import annotations

import streamlit as st

from app.widgets import confirm_removal, metric_row, records_table, start_job_and_rerun
from app.widgets.formatting import date, size
from app.workspace import workspace
from backend.platforms.registry import platform_of
from backend.steps import models as model_steps
from backend.steps.model_files import NORMALIZATION_NAMES
from backend.workspace.records import Dataset, Model
from pages.parts.model_input import model_input

METRIC_MEANINGS = {
    "AP": "Average precision at IoU 0.5 to 0.95 on the validation split, 0 to 1.",
    "AP50": "Average precision at IoU 0.5 on the validation split, 0 to 1.",
    "HOTA": "Tracking accuracy on the validation split with this detector, in percent.",
}
METRIC_DECIMALS = {"AP": 3, "AP50": 3, "HOTA": 1, "MOTA": 1, "IDF1": 1}
MAX_CLASSES_SHOWN = 20


def models_table_and_details(models: list[Model]) -> None:
    """Show a table of all models, and the details of the selected one."""
    rows = [
        {
            "Name": model.name,
            "Size": model.size,
            "Classes": model.classes,
            "AP50": model.metrics.get("AP50"),
            "HOTA": model.metrics.get("HOTA"),
            "Source": model.source,
            "Dataset": _dataset_name(model),
            "Created": date(model.created),
        }
        for model in models
    ]
    columns = {
        "Classes": st.column_config.ListColumn(),
        "AP50": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f", help=METRIC_MEANINGS["AP50"]),
        "HOTA": st.column_config.NumberColumn(format="%.1f", help=METRIC_MEANINGS["HOTA"]),
    }
    st.caption("Select a row to see its details.")
    model = records_table(rows, models, key="models", column_config=columns) or models[0]
    card = model_steps.card(workspace(), model)
    with st.container(border=True, key=f"model-{model.id}"):
        _headline(model)
        _accuracy_and_size(card)
        _origin(model, card)
        _registration(model)
        _classes(model, card)
        model_input(model, card)
        with st.expander("Hyperparameters and thresholds", icon=":material/tune:"):
            settings = {**card.thresholds, **card.hyperparameters}
            st.dataframe([{"Name": name, "Value": str(value)} for name, value in settings.items()], hide_index=True)


def _headline(model: Model) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {model.name}", width="content")
        st.markdown(f":small[:gray[{model.source}, {date(model.created)}]]", width="stretch")
        if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"remove-{model.id}"):
            confirm_removal(model)


def _accuracy_and_size(card: model_steps.Card) -> None:
    metrics = {
        name: f"{card.metrics[name]:.{decimals}f}" for name, decimals in METRIC_DECIMALS.items() if name in card.metrics
    }
    if metrics:
        metric_row(metrics, METRIC_MEANINGS)
    height, width = card.input_size
    normalization = NORMALIZATION_NAMES[card.normalization]
    st.caption(
        f"{card.parameters / 1e6:.2f} M parameters, {size(card.bytes)}, input {width} × {height}, {normalization}"
    )


def _origin(model: Model, card: model_steps.Card) -> None:
    """Show what the model was trained from, and by which code."""
    origin = [f"Dataset **{card.dataset}**" if card.dataset else ""]
    origin.append(f"labels {', '.join(card.labels)}" if card.labels else "")
    origin.append(f"started from **{card.base}**" if card.base else "")
    if any(origin):
        st.markdown(" · ".join(filter(None, origin)))
    if model.image:
        trained_as = f", trained as `{model.trained_as}`" if model.trained_as else ""
        st.caption(f"Code `{model.image}`{trained_as}")


def _registration(model: Model) -> None:
    if model.registered:
        st.caption(f":green[:material/verified:] Registered as `{model.registered}`")
    elif platform_of(workspace()).model_registry and st.button(
        "Register", icon=":material/verified:", key=f"register-{model.id}", help="In the platform's model registry"
    ):
        start_job_and_rerun("publish model", f"Register {model.name}", model=model.id)


def _classes(model: Model, card: model_steps.Card) -> None:
    """Show the classes of the model, and a form to limit them, such as to the people and cars of COCO's 80."""
    with st.container(horizontal=True, gap="xsmall"):
        for name in card.classes[:MAX_CLASSES_SHOWN]:
            st.badge(name, icon=":material/label:", color="primary")
        if len(card.classes) > MAX_CLASSES_SHOWN:
            st.badge(f"and {len(card.classes) - MAX_CLASSES_SHOWN} more", color="gray")
    if len(card.known_classes) < 2:
        return
    with st.expander("Limit to certain classes", icon=":material/filter_alt:"):
        chosen = st.multiselect("Classes", card.known_classes, default=card.classes, key=f"classes-{model.id}")
        unchanged = sorted(chosen) == sorted(card.classes)
        if st.button("Save as new model", key=f"narrow-{model.id}", disabled=unchanged or not chosen):
            limited = model_steps.choose_classes(workspace(), model.id, chosen)
            st.toast(f"“{limited.name}” is ready to deploy.", icon=":material/check_circle:")
            st.rerun()


def _dataset_name(model: Model) -> str:
    dataset = workspace().find(Dataset, model.dataset) if model.dataset else None
    return dataset.name if dataset else ""
