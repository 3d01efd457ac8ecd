"""Part of the page Training that starts a training or a hyperparameter search."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

import streamlit as st

from app.widgets import choose, options_form, start_job_and_rerun
from app.widgets.formatting import number
from app.workspace import workspace
from backend import jobs
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Hardware, Purpose
from backend.platforms.registry import platform_of
from backend.steps import training
from backend.steps.training import PresetName
from backend.steps.training_start import StartSuggestion, suggest_start
from backend.wording import count
from backend.workspace.records import Dataset, Model, Verb
from bytetrack.training.hyperparameters import SIZES, Hyperparameters
from pages.parts.hyperparameter_search_form import hyperparameter_search_form
from pages.parts.training_plan import TrainingPlan, short_time_and_cost, time_and_cost
from pages.parts.training_progress import show_run

DOWNLOAD_VERB: Verb = "download model"
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
    "basic_lr_per_img": "Learning rate",
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
    platform = platform_of(workspace())
    left, right = st.columns(2, gap="large")
    with left:
        dataset = choose(datasets, "Dataset", key="training-dataset", describe=_dataset_facts)
        assert dataset is not None
        start = suggest_start(workspace(), dataset, platform.hardware(TRAINING, {}) or Hardware(1, 0))
        base = _choose_base(dataset, start)
    with right:
        size = st.selectbox(
            "Model size",
            list(SIZES) if base is None or base.size not in SIZES else [base.size],
            format_func=lambda size: f"{size}: {SIZE_DESCRIPTIONS[size]}",
            key=f"training-size-{base.id if base else FROM_SCRATCH}",
            help="Larger models detect more but run slower.",
        )
        name = st.text_input("Name", f"{dataset.name} {size} {run_number}", max_chars=80)
    _start_facts(start, base)
    mode = st.segmented_control(
        "Mode", [SINGLE, SEARCH], default=SINGLE, key="training-mode", label_visibility="collapsed"
    )
    purpose: Purpose = HYPERPARAMETER_SEARCH if mode == SEARCH else TRAINING
    options = options_form(platform.options(purpose), key=f"{purpose}-options")
    plan = TrainingPlan(dataset, size, base, purpose, options)
    hyperparameters = _hyperparameter_fields(plan)
    try:
        Hyperparameters.parse(hyperparameters)
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    if mode == SEARCH:
        hyperparameter_search_form(plan, name, hyperparameters)
    else:
        _start_training_button(plan, name, hyperparameters)


def _choose_base(dataset: Dataset, start: StartSuggestion) -> Model | None:
    """Let the user choose the model to start from, first the best one; None for training from scratch."""
    models = {model.id: model for model in workspace().list(Model)}
    suggested = start.model.id if start.model else FROM_SCRATCH
    names = list(dict.fromkeys([suggested, FROM_SCRATCH, *models]))

    def title(key: str) -> str:
        best = " · fits best" if start.model and key == start.model.id and not start.download else ""
        return f"{models[key].name} ({models[key].size}){best}" if key in models else "Scratch"

    chosen = st.selectbox(
        "Start from",
        names,
        format_func=title,
        key=f"training-base-{dataset.id}-{suggested}",  # a better one that was downloaded meanwhile is chosen then
        help="Starting from a model that detects similar objects takes fewer frames and epochs than from scratch. "
        "Classes with the same name keep what they learned. The model itself counts as epoch 0: if no epoch is better "
        "on the validation split, the result is the model itself. Import pretrained models on Models.",
    )
    return models.get(chosen)


def _start_facts(start: StartSuggestion, base: Model | None) -> None:
    """Say why a start is suggested, and offer to download a published model that fits better."""
    st.caption(start.reason)
    if start.download is None or (base is not None and base != start.model):
        return
    key, published = start.download
    busy = any(job.params.get("entry") == key for job in jobs.active(workspace(), DOWNLOAD_VERB))
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="training-download"):
        st.markdown(
            f":primary[:material/download:] **{published.name}** fits {'better' if start.model else 'best'}: "
            f"{published.accuracy}. :gray[About {number(round(published.megabytes or 0))} MB, {published.license}.]",
            width="stretch",
        )
        if st.button("Download", key=f"training-download-{key}", disabled=busy):
            start_job_and_rerun(DOWNLOAD_VERB, f"Download {published.name}", entry=key)


def _hyperparameter_fields(plan: TrainingPlan) -> dict[str, str]:
    """Show the presets, and a field per hyperparameter with its suggested value; the main ones are on top."""
    key = f"{plan.dataset.id}-{plan.size}-{plan.base.id if plan.base else FROM_SCRATCH}-{plan.has_gpu}"
    settings = {setting.name: setting for setting in fields(Hyperparameters)}
    suggestions = {preset: plan.suggest(preset=preset) for preset in training.PRESETS}
    preset = _preset_field(plan, suggestions)
    suggested = suggestions[preset]
    first_column, *other_columns = st.columns(len(MAIN_LABELS))
    first, *others = MAIN_LABELS
    with first_column:
        epochs = _hyperparameter_field(settings[first], suggested[first], key)
    if epochs.isdecimal() and int(epochs) > 0:  # other suggestions depend on it, such as when augmentation ends
        suggested = plan.suggest(epochs=int(epochs))
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


def _preset_field(plan: TrainingPlan, suggestions: dict[PresetName, dict[str, str]]) -> PresetName:
    """Let the user choose how long to train; each choice says its epochs, and the time and the cost that they take."""
    presets = list(training.PRESETS)
    captions = [
        f"{count(int(suggestions[preset]['max_epoch']), 'epoch')}{short_time_and_cost(plan, suggestions[preset])}. "
        f"{training.PRESETS[preset].description}"
        for preset in presets
    ]
    chosen = st.radio(
        "Preset",
        presets,
        presets.index("balanced"),
        format_func=lambda preset: training.PRESETS[preset].title,
        captions=captions,
        horizontal=True,
        key="training-preset",
    )
    return chosen or "balanced"


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


def _start_training_button(plan: TrainingPlan, name: str, hyperparameters: dict[str, str]) -> None:
    epochs, frames = int(hyperparameters["max_epoch"]), plan.dataset.frames["train"]
    steps = max(frames // int(hyperparameters["batch_size"]), 1) * epochs
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start training", type="primary", icon=":material/play_arrow:"):
            job = training.start(
                workspace(),
                name=name,
                dataset=plan.dataset.id,
                hyperparameters=hyperparameters,
                base=plan.base.id if plan.base else None,
                options=dict(plan.options),
            )
            show_run(job)
        st.markdown(
            f"{time_and_cost(plan, hyperparameters)}  \n:small[:gray[{count(epochs, 'epoch')} of "
            f"{count(frames, 'frame')}, {number(steps)} steps. Keeps running when you close the page.]]"
        )


def _dataset_facts(dataset: Dataset) -> str:
    return f"{count(dataset.frames.get('train', 0), 'training frame')}, {', '.join(dataset.classes)}"
