"""Training: start one, or a search for the best hyperparameters; watch, stop, resume."""

from __future__ import annotations

from dataclasses import Field, fields
from itertools import accumulate
from typing import NoReturn

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app.widgets import (
    chart,
    choose,
    empty_state,
    guard,
    guarded_fragment,
    job_card,
    metric_row,
    next_step_link,
    options_form,
    page_header,
)
from app.widgets.formatting import ago, duration, number
from app.workspace import workspace
from backend import jobs
from backend.platforms.base import HYPERPARAMETER_SEARCH, TRAINING, Purpose
from backend.platforms.registry import platform_of
from backend.steps import hyperparameter_search, training
from backend.wording import count
from backend.workspace.records import Dataset, Job, Model
from bytetrack.files import natural_sort_key
from bytetrack.training.hyperparameters import SIZES, Hyperparameters

SCRATCH = "from scratch"
ONE, SEARCH = "One training", "Search for the best hyperparameters"
ABOUT = {  # https://github.com/Megvii-BaseDetection/YOLOX: parameters in millions
    "nano": "0.9 M parameters: the fastest, for a CPU",
    "tiny": "5 M parameters: still fine on a CPU",
    "s": "9 M parameters: for a GPU",
    "m": "25 M parameters: for a GPU",
    "l": "54 M parameters: for a large GPU",
    "x": "99 M parameters: the most accurate, the slowest",
}
MAIN = ("max_epoch", "batch_size", "basic_lr_per_img", "test_size_h", "test_size_w")
SIZED = ("depth", "width", "num_classes", "pretrained_model")  # follow from the other choices
SHOWN_LOSSES = {
    "total_loss": "total",
    "iou_loss": "boxes",
    "conf_loss": "objectness",
    "cls_loss": "class",
    "l1_loss": "L1",
}

ws = workspace()


def main() -> None:
    page_header("training")
    data = ws.list(Dataset)
    started = [job for job in jobs.refresh(ws) if job.verb in ("train", "search hyperparameters")]
    if not data and not started:
        empty_state(
            "model_training",
            "Nothing to train on yet",
            "A detector learns from a dataset: labeled clips, some of them held back to test it.",
            "Go to Datasets",
            "datasets",
        )
        return
    if data:
        with st.expander("New training", icon=":material/add:", expanded=not started), guard():
            compose(sorted(data, key=lambda each: natural_sort_key(each.name)), started)
    if started:
        with guard():
            watch(started)


def compose(data: list[Dataset], started: list[Job]) -> None:
    """What to train on, from what, how large; hyperparameters that suit, all of them within reach."""
    left, right = st.columns(2, gap="large")
    with left:
        dataset = choose(data, "Dataset", key="training-dataset", describe=_facts)
        models = {model.id: f"{model.name} ({model.size})" for model in ws.list(Model)}
        base = st.selectbox(
            "Start",
            [SCRATCH, *models],
            format_func=lambda id: models.get(id, "From scratch"),
            key="training-base",
            help="Starting from a model that knows similar objects takes fewer frames and epochs than from scratch. "
            "Outputs of classes with the same name are kept. The model itself counts as epoch 0: if no epoch is better "
            "on the validation clips, it is kept. Bring one in on Models.",
        )
    assert dataset is not None
    chosen = ws.find(Model, base) if base != SCRATCH else None
    with right:
        size = st.selectbox(
            "Size",
            list(SIZES) if chosen is None or chosen.size not in SIZES else [chosen.size],
            format_func=lambda size: f"{size}: {ABOUT[size]}",
            key=f"training-size-{base}",
            help="Larger networks find more and answer later.",
        )
        name = st.text_input("Name", f"{dataset.name} {size} {len(started) + 1}", max_chars=80)
    values = form(dataset, size, base != SCRATCH, f"{dataset.id}-{size}-{base}")
    how = (
        st.segmented_control("How", [ONE, SEARCH], default=ONE, key="training-how", label_visibility="collapsed") or ONE
    )
    try:
        Hyperparameters.parse(values)
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    chosen_base = chosen.id if chosen else None
    if how == SEARCH:
        compose_search(dataset, name, values, chosen_base)
        return
    options = options_form(platform_of(ws).options(TRAINING), key="training-options")
    batches = max(dataset.frames["train"] // int(values["batch_size"]), 1) * int(values["max_epoch"])
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start training", type="primary", icon=":material/play_arrow:"):
            begun(
                training.start(
                    ws, name=name, dataset=dataset.id, hyperparameters=values, base=chosen_base, options=options
                )
            )
        st.caption(
            f"{count(int(values['max_epoch']), 'pass', 'passes')} over {count(dataset.frames['train'], 'frame')}, "
            f"{number(batches)} steps. {price(TRAINING, options)}It goes on when you close the page."
        )


def compose_search(dataset: Dataset, name: str, values: dict[str, str], base: str | None) -> None:
    """What is searched, for what, and how often; the hyperparameters above hold for what is not searched."""
    suggested = hyperparameter_search.suggest_ranges(values)
    settings = {each.name: each for each in fields(Hyperparameters)}
    searchable = [each for each in settings if each not in (*SIZED, "seed", "num_workers", "print_interval")]
    left, middle, right = st.columns([3, 2, 1])
    names = left.multiselect(
        "Search", searchable, ["basic_lr_per_img"], key="search-names", help="The more there are, the more trials."
    )
    objective = middle.selectbox(
        "For the best",
        list(hyperparameter_search.OBJECTIVES),
        format_func=lambda key: hyperparameter_search.OBJECTIVES[key],
        key="search-objective",
    )
    trials = right.number_input(
        "Trials", 1, hyperparameter_search.MAX_TRIALS, 10, key="search-trials", help="Trainings in all."
    )
    ranges = {}
    for row in range(0, len(names), 2):
        for column, each in zip(st.columns(2, gap="large"), names[row : row + 2]):
            with column:
                ranges[each] = entry_of_range(settings[each], suggested.get(each, {}), values[each])
    options = options_form(platform_of(ws).options(HYPERPARAMETER_SEARCH), key="tuning-options")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start search", type="primary", icon=":material/play_arrow:", disabled=not names):
            begun(
                hyperparameter_search.start(
                    ws,
                    name=name,
                    dataset=dataset.id,
                    ranges=ranges,
                    objective=objective,
                    trials=int(trials),
                    hyperparameters=values,
                    base=base,
                    options=options,
                )
            )
        told = price(HYPERPARAMETER_SEARCH, options)
        st.caption(f"{count(int(trials), 'training')}, each as above; the best becomes a model. {told}")


def price(purpose: Purpose, options: dict) -> str:
    cost = platform_of(ws).cost_per_hour(purpose, options)
    return f"About ${cost:.2f} per hour and training. " if cost else ""


def entry_of_range(setting: Field, suggested: dict, value: str) -> dict:
    """From where to where one hyperparameter is searched, or which of its choices are tried."""
    limits, key = setting.metadata, f"range-{setting.name}-{value}"
    choices = limits.get("choices") or (["True", "False"] if value in ("True", "False") else None)
    if choices:
        return {"choices": st.multiselect(setting.name, choices, list(choices), key=key) or [value]}
    if "choices" in suggested:
        text = st.text_input(f"{setting.name}, one of", ", ".join(suggested["choices"]), key=key)
        return {"choices": [each.strip() for each in text.split(",") if each.strip()] or [value]}
    low, high = st.columns(2)
    whole = isinstance(setting.default, int)
    start, stop = suggested.get("low", limits["min"]), suggested.get("high", limits["max"])
    return {
        "low": low.text_input(f"{setting.name} from", f"{start:.4g}", key=f"{key}-low"),
        "high": high.text_input("to", f"{stop:.4g}", key=f"{key}-high"),
        "whole": whole,
        "logarithmic": suggested.get("logarithmic", False),
    }


def begun(job: Job) -> NoReturn:
    st.session_state["training-watched"] = job.id
    st.rerun()


def form(dataset: Dataset, size: str, pretrained: bool, key: str) -> dict[str, str]:
    """Every hyperparameter, filled in with what is suggested; the few that one changes first on top."""
    settings = {each.name: each for each in fields(Hyperparameters)}
    first, *others = st.columns(len(MAIN))
    suggested = training.suggest(ws, dataset.id, size, pretrained=pretrained)
    with first:
        epochs = entry(settings["max_epoch"], suggested["max_epoch"], key)
    if epochs.isdecimal() and int(epochs) > 0:  # others follow from it, such as when augmentation ends
        suggested = training.suggest(ws, dataset.id, size, int(epochs), pretrained)
    values = suggested | {"max_epoch": epochs}
    for column, name in zip(others, MAIN[1:]):
        with column:
            values[name] = entry(settings[name], suggested[name], key)
    with st.expander("All hyperparameters", icon=":material/tune:"):
        rest = [name for name in settings if name not in MAIN + SIZED]
        for row in range(0, len(rest), 4):
            for column, name in zip(st.columns(4), rest[row : row + 4]):
                with column:
                    values[name] = entry(settings[name], suggested[name], key)
    return values


def entry(setting: Field, suggested: str, key: str) -> str:
    """One field, by the type and limits that the hyperparameter declares; what it may not be is said below the form."""
    limits = setting.metadata
    key = f"{key}-{setting.name}-{suggested}"  # another suggestion makes a field of its own
    help = limits["help"] + (f" ({limits['min']:g} to {limits['max']:g})" if "min" in limits else "")
    label = setting.name
    if suggested in ("True", "False"):
        return str(st.toggle(label, suggested == "True", key=key, help=help))
    if "choices" in limits:
        return st.selectbox(label, limits["choices"], list(limits["choices"]).index(suggested), key=key, help=help)
    return st.text_input(label, suggested, key=key, help=help)


def watch(started: list[Job]) -> None:
    """One training, the newest unless another is chosen: progress, curves, log, and what came of it."""
    by_id = {job.id: job for job in started}
    if st.session_state.get("training-watched") not in by_id:
        st.session_state["training-watched"] = started[0].id
    st.subheader("Trainings", anchor=False)
    if len(started) > 1:
        st.selectbox(
            "Training",
            list(by_id),
            format_func=lambda id: f"{by_id[id].params['name']}  ·  {by_id[id].status}, {ago(by_id[id].created)}",
            key="training-watched",
            label_visibility="collapsed",
        )
    watched = by_id[st.session_state["training-watched"]]

    @guarded_fragment(run_every=2 if watched.active else None)
    def live() -> None:
        jobs.refresh(ws)
        job = ws.get(Job, watched.id)
        if job.active != watched.active:
            st.rerun()
        job_card(job)
        if job.verb == "search hyperparameters":
            trials(job)
        else:
            curves(job)

    live()
    if training.can_resume(ws, watched) and st.button("Resume", type="primary", icon=":material/resume:"):
        st.session_state["training-watched"] = training.resume(ws, watched.id).id
        st.rerun()
    model = ws.find(Model, watched.result.get("model", ""))
    if model:
        next_step_link("models", f"“{model.name}” is trained. See how good it is.")
        next_step_link("deploy", "Put it to work.")


def trials(job: Job) -> None:
    """What each trial gave, as a picture and a table; those that have ended are points."""
    found = job.facts.get("trials", [])
    ended = [each for each in found if each["value"] is not None]
    largest = job.params["objective"] != "total_loss"
    words = hyperparameter_search.OBJECTIVES[job.params["objective"]]
    best = (max if largest else min)(ended, key=lambda each: each["value"], default=None)
    metric_row(
        {
            "Trials": f"{sum(each['status'] != 'running' for each in found)} of {job.params['trials']}",
            "Best so far": f"{best['value']:.4g}" if best else "-",
            "Longest": duration(max((each["seconds"] for each in found), default=0)),
        },
        {"Best so far": f"Of {words}."},
    )
    if not found:
        st.caption("The first trial begins in a moment.")
        return
    left, right = st.columns([2, 3], gap="large")
    if ended:
        with left:
            numbers = [found.index(each) + 1 for each in ended]
            values = [each["value"] for each in ended]
            so_far = list(accumulate(values, max if largest else min))
            figure = go.Figure(
                [
                    go.Scatter(x=numbers, y=values, mode="markers", name="trial", marker={"size": 9}),
                    go.Scatter(x=numbers, y=so_far, mode="lines", name="best so far", line={"shape": "hv"}),
                ]
            )
            figure.update_layout(xaxis_title="trial", xaxis_dtick=max(len(found) // 10, 1))
            chart(figure, key=f"trials-{job.id}", height=320, title=words.capitalize())
    with right:
        rows = [
            {
                "Trial": number,
                "State": each["status"],
                words.capitalize(): each["value"],
                "Took": duration(each["seconds"]),
            }
            | {name: number_or_text(value) for name, value in each["hyperparameters"].items()}
            for number, each in enumerate(found, 1)
        ]
        st.dataframe(rows, hide_index=True, height=320 if len(rows) > 8 else "content")


def number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def curves(job: Job) -> None:
    """Losses and AP over epochs, as far as they are printed."""
    found = training.curves(ws, job)
    steps, epochs = pd.DataFrame(found["steps"]), pd.DataFrame(found["epochs"])
    if steps.empty:
        if job.active:
            st.caption("The first losses come after a few steps.")
        return
    last = found["steps"][-1]
    metric_row(
        {
            "Epoch": f"{int(last['epoch'] + 0.999)} of {last['epochs']:.0f}",
            "Loss": f"{last['total_loss']:.2f}",
            "Best AP50": f"{epochs['AP50'].max():.3f}" if not epochs.empty else "-",
            "Images/s": f"{last['images_per_second']:.1f}",
        },
        {
            "Best AP50": "Average precision at an overlap of 0.5 on the validation split, 0 to 1.",
            "Loss": "What the training makes smaller; its parts are in the chart.",
        },
    )
    left, right = st.columns(2, gap="large")
    with left:
        figure = go.Figure(
            [
                go.Scatter(
                    x=steps["epoch"],
                    y=steps[loss],
                    name=title,
                    mode="lines",
                    line={"width": 2 if loss == "total_loss" else 1.3},
                )
                for loss, title in SHOWN_LOSSES.items()
                if loss in steps
            ]
        )
        figure.update_layout(xaxis_title="epoch", yaxis_rangemode="tozero")
        chart(figure, key=f"loss-{job.id}", height=320, title="Loss")
    with right:
        figure = go.Figure(
            [
                go.Scatter(x=epochs["epoch"], y=epochs[name], name=name, mode="lines+markers")
                for name in ("AP50", "AP", "AP75", "AR")
                if name in epochs
            ]
        )
        figure.update_layout(xaxis_title="epoch", yaxis_range=[0, 1], xaxis_range=[0, last["epochs"]])
        if epochs.empty:
            figure.add_annotation(
                text="after the first evaluation",
                showarrow=False,
                xref="paper",
                yref="paper",
                x=0.5,
                y=0.5,
                opacity=0.6,
            )
        chart(figure, key=f"ap-{job.id}", height=320, title="Average precision on the validation split")


def _facts(dataset: Dataset) -> str:
    return f"{count(dataset.frames.get('train', 0), 'training frame')}, {', '.join(dataset.classes)}"


main()
