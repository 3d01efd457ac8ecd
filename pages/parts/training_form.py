"""Part of the page Training that starts a training or a hyperparameter search."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

import streamlit as st

from app.widgets import choose, options_form
from app.widgets.formatting import number
from app.workspace import workspace
from backend.platforms.base import TRAINING
from backend.platforms.registry import platform_of
from backend.steps import training
from backend.wording import count
from backend.workspace.records import Dataset, Model
from bytetrack.training.hyperparameters import SIZES, Hyperparameters
from pages.parts.hyperparameter_search_form import hyperparameter_search_form
from pages.parts.training_progress import show_run

FROM_SCRATCH = "from scratch"
SINGLE, SEARCH = "Single training", "Hyperparameter search"
SIZE_DESCRIPTIONS = {  # https://github.com/Megvii-BaseDetection/YOLOX: parameters in millions
    "nano": "0.9 M parameters, fastest, for a CPU",
    "tiny": "5 M parameters, for a CPU",
    "s": "9 M parameters, for a GPU",
    "m": "25 M parameters, for a GPU",
    "l": "54 M parameters, for a large GPU",
    "x": "99 M parameters, most accurate, slowest",
}
MAIN_LABELS = {  # of the hyperparameters that users change first
    "max_epoch": "Epochs",
    "batch_size": "Batch size",
    "basic_lr_per_img": "Learning rate per image",
    "test_size_h": "Image height",
    "test_size_w": "Image width",
}
DERIVED = ("depth", "width", "num_classes", "pretrained_model")  # from the form's other fields
ADVANCED_COLUMNS = 4


def training_form(datasets: list[Dataset], run_number: int) -> None:
    """Show the form.

    Args:
        datasets: The datasets to choose from.
        run_number: Number of the new training run, for its suggested name.
    """
    left, right = st.columns(2, gap="large")
    with left:
        dataset = choose(datasets, "Dataset", key="training-dataset", describe=_dataset_facts)
        base = _choose_base()
    assert dataset is not None
    with right:
        size = st.selectbox(
            "Model size",
            list(SIZES) if base is None or base.size not in SIZES else [base.size],
            format_func=lambda size: f"{size}: {SIZE_DESCRIPTIONS[size]}",
            key=f"training-size-{base.id if base else FROM_SCRATCH}",
            help="Larger models detect more but run slower.",
        )
        name = st.text_input("Name", f"{dataset.name} {size} {run_number}", max_chars=80)
    hyperparameters = _hyperparameter_fields(dataset, size, base)
    mode = st.segmented_control(
        "Mode", [SINGLE, SEARCH], default=SINGLE, key="training-mode", label_visibility="collapsed"
    )
    try:
        Hyperparameters.parse(hyperparameters)
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    if mode == SEARCH:
        hyperparameter_search_form(dataset, name, hyperparameters, base)
    else:
        _start_training_button(dataset, name, hyperparameters, base)


def _choose_base() -> Model | None:
    """Let the user choose the model to start from; None for training from scratch."""
    models = {model.id: model for model in workspace().list(Model)}
    chosen = st.selectbox(
        "Start from",
        [FROM_SCRATCH, *models],
        format_func=lambda key: f"{models[key].name} ({models[key].size})" if key in models else "Scratch",
        key="training-base",
        help="Starting from a model that detects similar objects takes fewer frames and epochs than from scratch. "
        "Classes with the same name keep what they learned. The model itself counts as epoch 0: if no epoch is better "
        "on the validation split, the result is the model itself. Import pretrained models on Models.",
    )
    return models.get(chosen)


def _hyperparameter_fields(dataset: Dataset, size: str, base: Model | None) -> dict[str, str]:
    """Show a field per hyperparameter with its suggested value; those that users change first are on top."""
    pretrained = base is not None
    key = f"{dataset.id}-{size}-{base.id if base else FROM_SCRATCH}"
    settings = {setting.name: setting for setting in fields(Hyperparameters)}
    first_column, *other_columns = st.columns(len(MAIN_LABELS))
    first, *others = MAIN_LABELS
    suggested = training.suggest(workspace(), dataset.id, size, pretrained=pretrained)
    with first_column:
        epochs = _hyperparameter_field(settings[first], suggested[first], key)
    if epochs.isdecimal() and int(epochs) > 0:  # other suggestions depend on it, such as when augmentation ends
        suggested = training.suggest(workspace(), dataset.id, size, int(epochs), pretrained)
    values = suggested | {first: epochs}
    for column, name in zip(other_columns, others):
        with column:
            values[name] = _hyperparameter_field(settings[name], suggested[name], key)
    with st.expander("Advanced", icon=":material/tune:"):
        advanced = [name for name in settings if name not in MAIN_LABELS and name not in DERIVED]
        for start in range(0, len(advanced), ADVANCED_COLUMNS):
            row = advanced[start : start + ADVANCED_COLUMNS]
            for column, name in zip(st.columns(ADVANCED_COLUMNS), row):
                with column:
                    values[name] = _hyperparameter_field(settings[name], suggested[name], key)
    return values


def _hyperparameter_field(setting: Field[Any], suggested: str, key: str) -> str:
    """Show a field for one hyperparameter; its value is checked below the form."""
    limits = setting.metadata
    key = f"{key}-{setting.name}-{suggested}"  # a new suggestion makes a new field, with the suggestion in it
    label = MAIN_LABELS.get(setting.name, setting.name)
    value_range = f" ({limits['min']:g} to {limits['max']:g})" if "min" in limits else ""
    tooltip = f"`{setting.name}`: {limits['help']}{value_range}"
    if suggested in ("True", "False"):
        return str(st.toggle(label, suggested == "True", key=key, help=tooltip))
    if "choices" in limits:
        choices = list(limits["choices"])
        return str(st.selectbox(label, choices, choices.index(suggested), key=key, help=tooltip))
    return st.text_input(label, suggested, key=key, help=tooltip)


def _start_training_button(dataset: Dataset, name: str, hyperparameters: dict[str, str], base: Model | None) -> None:
    platform = platform_of(workspace())
    options = options_form(platform.options(TRAINING), key="training-options")
    epochs, frames = int(hyperparameters["max_epoch"]), dataset.frames["train"]
    steps = max(frames // int(hyperparameters["batch_size"]), 1) * epochs
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start training", type="primary", icon=":material/play_arrow:"):
            job = training.start(
                workspace(),
                name=name,
                dataset=dataset.id,
                hyperparameters=hyperparameters,
                base=base.id if base else None,
                options=options,
            )
            show_run(job)
        price = platform.cost_per_hour(TRAINING, options)
        cost = f"About ${price:.2f} per hour. " if price else ""
        st.caption(
            f"{count(epochs, 'epoch')} of {count(frames, 'frame')}, {number(steps)} steps. {cost}"
            "Keeps running when you close the page."
        )


def _dataset_facts(dataset: Dataset) -> str:
    return f"{count(dataset.frames.get('train', 0), 'training frame')}, {', '.join(dataset.classes)}"
