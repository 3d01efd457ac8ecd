"""Part of the page Training that shows one training run: progress, curves or trials, log, and result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NoReturn

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app.widgets import chart, guarded_fragment, job_card, metric_row, next_step_link
from app.widgets.formatting import ago, duration
from app.workspace import workspace
from backend import jobs
from backend.steps import hyperparameter_search, training
from backend.workspace.records import Dataset, Job, Model, Verb

TRAIN_VERB: Verb = "train"
SEARCH_VERB: Verb = "search hyperparameters"
SHOWN_RUN = "training-shown"  # in the session state: the id of the job
NEWEST_RUN = "training-newest"  # in the session state: the id of the newest job when one was chosen
REFRESH_SECONDS = 2
LOSS_NAMES = {
    "total_loss": "total",
    "iou_loss": "boxes",
    "conf_loss": "objectness",
    "cls_loss": "class",
    "l1_loss": "L1",
}
AVERAGE_PRECISIONS = ("AP50", "AP", "AP75", "AR")
CHART_HEIGHT = 320


def show_run(job: Job) -> NoReturn:
    """Rerun the page so that it shows this training run."""
    st.session_state[SHOWN_RUN] = job.id
    st.rerun()


def training_progress(training_runs: Sequence[Job]) -> None:
    """Show one training run, the newest unless the user chose another."""
    by_id = {job.id: job for job in _without_superseded(training_runs)}
    newest = max(by_id.values(), key=lambda job: job.queued or job.created)
    is_new = st.session_state.get(NEWEST_RUN) != newest.id  # such as one that was started in a terminal
    if st.session_state.get(SHOWN_RUN) not in by_id or (is_new and newest.active):
        st.session_state[SHOWN_RUN] = newest.id
    st.session_state[NEWEST_RUN] = newest.id
    st.subheader("Training runs", anchor=False)
    if len(by_id) > 1:
        st.selectbox(
            "Training run",
            list(by_id),
            format_func=lambda job_id: _title(by_id[job_id]),
            key=SHOWN_RUN,
            label_visibility="collapsed",
        )
    shown = by_id[st.session_state[SHOWN_RUN]]
    with st.container(key=f"run-{shown.id}"):  # a container of its own, so that no figures of another run stay in it
        _live_progress(shown)
        _resume_button(shown)
    if model := workspace().find(Model, shown.result.get("model", "")):
        next_step_link("models", f"“{model.name}” is trained. See its accuracy.")
        next_step_link("deploy", "Serve the model.")


def _without_superseded(training_runs: Sequence[Job]) -> list[Job]:
    """Return one job per training: version 1.0 made another job whenever a training was resumed."""
    newest_attempts = {job.params["checkpoints"]: job for job in sorted(training_runs, key=lambda job: job.created)}
    return [job for job in training_runs if newest_attempts[job.params["checkpoints"]] is job]


def _resume_button(job: Job) -> None:
    """Show the button that continues a training which ended early, or starts it again if it has no checkpoint."""
    if job.active or job.status == "done":
        return
    if training.has_checkpoint(workspace(), job):
        label, note = "Resume", "Continues from the last checkpoint."
    else:
        label, note = "Start again", "It ended before the first checkpoint, so it starts from the beginning."
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(label, type="primary", icon=":material/resume:", key="resume-run"):
            show_run(training.resume(workspace(), job.id))
        st.caption(note)


def _title(job: Job) -> str:
    return f"{job.params['name']}  ·  {job.status}, {ago(job.created)}"


def _live_progress(shown: Job) -> None:
    @guarded_fragment(run_every=REFRESH_SECONDS if shown.active else None)
    def live() -> None:
        jobs.refresh(workspace())
        job = workspace().get(Job, shown.id)
        if job.active != shown.active:
            st.rerun()
        job_card(job, read_log=lambda: training.log(workspace(), job))
        if job.verb == SEARCH_VERB:
            _trials(job)
        else:
            _curves(job)

    live()


def _trials(job: Job) -> None:
    """Show the trials of a hyperparameter search in a chart and a table."""
    trials: list[dict[str, Any]] = job.facts.get("trials", [])
    finished = [trial for trial in trials if trial["value"] is not None]
    maximize = job.params["objective"] != "total_loss"
    objective = hyperparameter_search.OBJECTIVES[job.params["objective"]]
    best = (max if maximize else min)(finished, key=lambda trial: trial["value"], default=None)
    metric_row(
        {
            "Trials": f"{sum(trial['status'] != 'running' for trial in trials)} of {job.params['trials']}",
            "Best so far": f"{best['value']:.4g}" if best else "-",
            "Longest trial": duration(max((trial["seconds"] for trial in trials), default=0)),
        },
        {"Best so far": f"{objective[0].upper()}{objective[1:]}."},
    )
    if not trials:
        st.caption("The first trial is about to start.")
        return
    left, right = st.columns([2, 3], gap="large")
    title = f"{objective[0].upper()}{objective[1:]}"
    if finished:
        with left:
            _trials_chart(trials, maximize=maximize, title=title, key=f"trials-{job.id}")
    with right:
        rows = [
            {"Trial": number, "Status": trial["status"], title: trial["value"], "Duration": duration(trial["seconds"])}
            | {name: _number_or_text(value) for name, value in trial["hyperparameters"].items()}
            for number, trial in enumerate(trials, 1)
        ]
        st.dataframe(rows, hide_index=True, height=CHART_HEIGHT if len(rows) > 8 else "content")


def _trials_chart(trials: list[dict[str, Any]], *, maximize: bool, title: str, key: str) -> None:
    numbers = [number for number, trial in enumerate(trials, 1) if trial["value"] is not None]
    values = [trial["value"] for trial in trials if trial["value"] is not None]
    best_so_far = list(accumulate(values, max if maximize else min))
    figure = go.Figure(
        [
            go.Scatter(x=numbers, y=values, mode="markers", name="trial", marker={"size": 9}),
            go.Scatter(x=numbers, y=best_so_far, mode="lines", name="best so far", line={"shape": "hv"}),
        ]
    )
    figure.update_layout(xaxis_title="trial", xaxis_dtick=max(len(trials) // 10, 1))
    chart(figure, key=key, height=CHART_HEIGHT, title=title)


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _curves(job: Job) -> None:
    """Show losses and average precision over the epochs so far."""
    curves = training.curves(workspace(), job)
    if not curves["steps"]:
        if job.active:
            st.caption("Loss appears after the first steps.")
        return
    steps, epochs = pd.DataFrame(curves["steps"]), pd.DataFrame(curves["epochs"])
    last_step = curves["steps"][-1]
    is_validated = _is_validated(job) or not epochs.empty
    best = {"Best AP50": f"{epochs['AP50'].max():.3f}" if not epochs.empty else "-"} if is_validated else {}
    metric_row(
        {
            "Epoch": f"{int(last_step['epoch'] + 0.999)} of {last_step['epochs']:.0f}",
            "Loss": f"{last_step['total_loss']:.2f}",
            **best,
            "Images/s": f"{last_step['images_per_second']:.1f}",
        },
        {
            "Best AP50": "Average precision at IoU 0.5 on the validation split, 0 to 1.",
            "Loss": "Sum of the losses in the chart.",
        },
    )
    left, right = st.columns(2, gap="large")
    with left:
        _loss_chart(steps, key=f"loss-{job.id}")
    with right:
        if is_validated:
            _precision_chart(epochs, last_step["epochs"], key=f"ap-{job.id}")
        else:
            st.info(
                "No validation split: the dataset has no frames in “val”. Accuracy is not measured, and the model has "
                "the weights of the last epoch. Put a labeled clip into “val” on Datasets to measure it.",
                icon=":material/rule:",
            )


def _is_validated(job: Job) -> bool:
    """Return whether the training measures its accuracy; True if its dataset was deleted."""
    dataset = workspace().find(Dataset, job.params["dataset"])
    return dataset is None or bool(dataset.frames.get("val"))


def _loss_chart(steps: pd.DataFrame, *, key: str) -> None:
    figure = go.Figure(
        [
            go.Scatter(
                x=steps["epoch"],
                y=steps[loss],
                name=name,
                mode="lines",
                line={"width": 2 if loss == "total_loss" else 1.3},
            )
            for loss, name in LOSS_NAMES.items()
            if loss in steps
        ]
    )
    figure.update_layout(xaxis_title="epoch", yaxis_rangemode="tozero")
    chart(figure, key=key, height=CHART_HEIGHT, title="Loss")


def _precision_chart(epochs: pd.DataFrame, epoch_count: float, *, key: str) -> None:
    figure = go.Figure(
        [
            go.Scatter(x=epochs["epoch"], y=epochs[name], name=name, mode="lines+markers")
            for name in AVERAGE_PRECISIONS
            if name in epochs
        ]
    )
    figure.update_layout(xaxis_title="epoch", yaxis_range=[0, 1], xaxis_range=[0, epoch_count])
    if epochs.empty:
        figure.add_annotation(
            text="after the first evaluation", showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5, opacity=0.6
        )
    chart(figure, key=key, height=CHART_HEIGHT, title="Average precision on the validation split")
