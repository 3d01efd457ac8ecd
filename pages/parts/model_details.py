"""Part of the page Models that lists the models and shows one of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import address
from app.widgets import Column, confirm_removal, edit_record, metric_row, record_list, start_job_and_rerun
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
MAX_CLASSES_IN_LIST = 3


def model_details() -> None:
    """Show the model of the address, or else the newest, and the list of all models."""
    shown = address.linked(Model) or workspace().newest(Model)
    assert shown is not None
    _one_model(shown)
    if workspace().count(Model) > 1:
        record_list(Model, _columns)


def _columns(models: Sequence[Model]) -> list[Column[Model]]:
    datasets = workspace().names(Dataset, id=[model.dataset for model in models if model.dataset])

    def of_metric(name: str) -> Column[Model]:
        decimals = METRIC_DECIMALS[name]
        return Column(
            name,
            lambda model: f"{model.metrics[name]:.{decimals}f}" if name in model.metrics else "",
            order=f"metrics.{name}",
            right=True,
        )

    return [
        Column("Size", lambda model: model.size, order="size"),
        Column("Classes", lambda model: _short_classes(model), secondary=True),
        of_metric("AP50"),
        of_metric("HOTA"),
        Column("Source", lambda model: model.source, order="source", secondary=True),
        Column("Dataset", lambda model: datasets.get(model.dataset or "", ""), secondary=True),
        Column("Created", lambda model: date(model.created), order="created", right=True, secondary=True),
    ]


def _short_classes(model: Model) -> str:
    more = len(model.classes) - MAX_CLASSES_IN_LIST
    return ", ".join([*model.classes[:MAX_CLASSES_IN_LIST], f"{more} more"] if more > 0 else model.classes)


def _one_model(model: Model) -> None:
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
        if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{model.id}"):
            edit_record(model)
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
