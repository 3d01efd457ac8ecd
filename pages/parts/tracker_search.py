"""Part of the page Evaluate that searches the tracker settings with the highest HOTA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from app.theme import ACCENT, AMBER
from app.widgets import chart, confirm_removal, jobs_panel, start_job_and_rerun
from app.widgets.formatting import duration, percent
from app.workspace import workspace
from backend.errors import UserError
from backend.steps import models, tracker_search
from backend.steps.tracker_search import TRIALS, model_settings
from backend.steps.tracker_units import setting_seconds
from backend.workspace.paths import DETECTIONS
from backend.workspace.records import Labels, Model, Run, TrackerSearch, Verb, Video
from pages.parts.retracking import Settings, load_run_detections, load_truth
from pages.parts.score_metrics import MAIN_METRICS, MEANINGS
from pages.parts.tracker_settings import TAB, TAB_KEY

VERB: Verb = "search tracker settings"
CHART_HEIGHT = 330
IN_TIME = "in time"
NOTABLE_IMPORTANCE = 0.05  # share of the difference between trials; below it, a value at the rim means little

CheckOn = tuple[str, str]  # ids of a run and labels of another video


def search_tab(run: Run, labels: Labels | None, slider_keys: Mapping[str, str]) -> None:
    """Show the button that starts a search, and the result of the last search.

    Args:
        run: The run whose detections are tracked again.
        labels: The labels to score the tracks against.
        slider_keys: Keys of the sliders by setting.
    """
    if not labels:
        st.info("A search needs labels of this video. Draw or import them on Labels.", icon=":material/select_all:")
        return
    if not (workspace().folder(run) / DETECTIONS).exists():
        st.info(
            "This run has no detections to track again: real-time endpoints return only tracks. Choose a run of a "
            "batch or asynchronous endpoint.",
            icon=":material/manage_search:",
        )
        return
    search = workspace().newest(TrackerSearch, run=run.id, labels=labels.id)
    current_settings = tuple(model_settings(workspace(), run.model).items())
    _form(run, labels, current_settings, again=search is not None)
    # The warning of the last search stays: with the settings that it suggested, there may be nothing to warn of.
    if warning := (search.warning if search else "") or _warning_before_search(run.id, current_settings, labels.id):
        st.warning(warning, icon=":material/warning:")
    jobs_panel(VERB)
    if search:
        _result(run, search, slider_keys)


def _form(run: Run, labels: Labels, current_settings: Settings, *, again: bool) -> None:
    """Show what settings are checked on, how long the search takes, and the button that starts it."""
    in_time, reason = _held_out_frames(run.id, labels.id)
    others = _other_videos(run)
    titles: dict[str | CheckOn, str] = {IN_TIME: f"this video's last labeled third ({in_time})"} if in_time else {}
    titles |= {check_on: f"{name} (another video)" for check_on, name in others.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        check_on = st.selectbox(
            "Check the settings on",
            list(titles),
            format_func=lambda key: titles[key],
            key=f"check-on-{run.id}-{labels.id}",
            placeholder="Nothing to check on",
            disabled=not titles,
            help="Labels that the search does not use. Settings that are better there, too, fit more than one scene. "
            "Other videos need a run of the same model, and labels.",
        )
        if st.button(
            "Search again" if again else "Start search",
            type="secondary" if again else "primary",
            icon=":material/manage_search:",
            key="search",
            disabled=check_on is None,
        ):
            check_run, check_labels = check_on if isinstance(check_on, tuple) else (None, None)
            start_job_and_rerun(
                VERB,
                f"Search settings for {run.name}",
                run=run.id,
                labels=labels.id,
                check_run=check_run,
                check_labels=check_labels,
            )
    if not titles:
        st.warning(reason, icon=":material/block:")
        return
    seconds = _seconds_of_search(run.id, current_settings, labels.id)
    st.caption(
        f"Tests {TRIALS} settings on the stored detections and takes those with the highest HOTA. About "
        f"{duration(max(1.0, seconds))} on this machine."
    )


def _other_videos(run: Run) -> dict[CheckOn, str]:
    """Return runs of other videos by the same model that have detections and labels, with names for the user."""
    ws = workspace()
    newest_runs: dict[str, Run] = {}  # by the id of the video; older ones add nothing
    for other in ws.list(Run, model=run.model):  # the newest first
        if other.video != run.video and (ws.folder(other) / DETECTIONS).exists():
            newest_runs.setdefault(other.video, other)
    video_names = ws.names(Video, id=list(newest_runs))
    return {
        (newest_runs[labels.video].id, labels.id): f"{video_names[labels.video]}, labels {labels.name}"
        for labels in ws.list(Labels, video=list(newest_runs))
        if labels.labeled_frames and labels.video in video_names
    }


@st.cache_data(show_spinner=False, max_entries=64)
def _held_out_frames(run_id: str, labels_id: str) -> tuple[str, str]:
    """Return which frames would be held out, such as `frames 200–299`; or empty text, and why none can be."""
    try:
        _, held_out = tracker_search.split_in_time(load_truth(run_id, labels_id))
    except UserError as error:
        return "", str(error)
    return f"frames {held_out.labeled_frames[0]}–{held_out.labeled_frames[-1]}", ""


def _result(run: Run, search: TrackerSearch, slider_keys: Mapping[str, str]) -> None:
    verdict = tracker_search.verdict(search)
    _outcome(search, verdict)
    _scores_table(search)
    if search.settings:
        _settings_table(run, search)
        _keep_buttons(run, search, slider_keys, praised=verdict == "better" and not search.is_doubtful)
    if search.importances:
        left, right = st.columns([3, 8], gap="large")
        with left:
            _importance_chart(search)
        with right:
            _trials_chart(search)


def _outcome(search: TrackerSearch, verdict: tracker_search.Verdict) -> None:
    text = tracker_search.describe(search)
    if not search.settings:
        st.info(text, icon=":material/check:")
    elif verdict == "better" and not search.is_doubtful:
        st.success(f"Better on labels that the search did not see: {text}", icon=":material/check:")
    elif verdict == "worse":
        st.warning(f"Worse on labels that the search did not see: {text}", icon=":material/trending_down:")
    else:
        st.info(text, icon=":material/balance:")


def _scores_table(search: TrackerSearch) -> None:
    """Show the metrics on the searched and on the held-out labels, before and after."""
    parts = {f"Searched ({search.searched})" if search.searched else "Searched": (search.before, search.metrics)}
    if held_out := search.held_out:
        name = f"Held out ({held_out['name']}, {held_out['labeled_frames']:,} labeled)"
        parts[name] = (held_out["before"], held_out["after"])
    rows = [
        {"Labels": part}
        | {
            name: f"{percent(before[name])} → {after[name]:.1f} ({after[name] - before[name]:+.1f})"
            for name in MAIN_METRICS
        }
        for part, (before, after) in parts.items()
    ]
    config = {name: st.column_config.TextColumn(help=MEANINGS[name]) for name in MAIN_METRICS}
    config["Labels"] = st.column_config.TextColumn(width="large")
    st.dataframe(rows, hide_index=True, column_config=config)


def _settings_table(run: Run, search: TrackerSearch) -> None:
    """Show the settings that were found, in the video's units, and which are at the rim of their range."""
    video = workspace().find(Video, run.video)
    own, rim = model_settings(workspace(), run.model), tracker_search.at_rim(search)
    rows = []
    for name, value in search.settings.items():
        seconds = setting_seconds(name, value, video.fps if video else 0)
        low, high = search.space.get(name, (None, None))
        rows.append(
            {
                "Setting": name,
                "Found": f"{value:g}" + (f" ({seconds:.1f} s)" if seconds is not None else ""),
                "Model": f"{own[name]:g}" if name in own else "default",
                "Tried": f"{low:g} to {high:g}" if low is not None and high is not None else "",
                "Note": f"{rim[name]} value tried" if name in rim else "",
            }
        )
    st.dataframe(rows, hide_index=True)
    notable = [name for name in rim if search.importances.get(name, 0) >= NOTABLE_IMPORTANCE]
    minor = [name for name in rim if name not in notable]
    if notable:
        st.caption(
            f":orange[:material/warning:] At the rim of their range: {', '.join(f'`{name}`' for name in notable)}. The "
            "best value may lie beyond it, or the labels reward an extreme: look at the tracks before you keep it."
        )
    if minor:
        st.caption(f"Also at the rim, but with little effect on the score: {', '.join(f'`{name}`' for name in minor)}.")


def _keep_buttons(run: Run, search: TrackerSearch, slider_keys: Mapping[str, str], *, praised: bool) -> None:
    """Show the buttons that try, save and delete the settings; saving is suggested only if it is `praised`."""
    save_type: Literal["primary", "secondary"] = "primary" if praised else "secondary"
    with st.container(horizontal=True):
        slider_values: dict[str, float | str] = {slider_keys[name]: value for name, value in search.settings.items()}
        st.button(
            "Try on sliders",
            icon=":material/tune:",
            on_click=lambda: st.session_state.update(slider_values | {TAB_KEY: TAB}),
            help="Shows the tracks with these settings, on the tab Tracker settings.",
        )
        if workspace().find(Model, run.model) and st.button(
            "Save to model" if praised else "Save to model anyway",
            type=save_type,
            icon=":material/save:",
            key="save-search",
            help="They then apply to all endpoints of the model.",
        ):
            models.store_thresholds(workspace(), run.model, search.settings)
            st.toast("Settings saved to the model.", icon=":material/check:")
        if st.button("Delete search", icon=":material/delete:", type="tertiary"):
            confirm_removal(search)


@st.cache_data(show_spinner=False, max_entries=64)
def _warning_before_search(run_id: str, settings: Settings, labels_id: str) -> str:
    """Return reasons why labels may mislead a search; empty if there are none."""
    return tracker_search.find_doubts(
        load_truth(run_id, labels_id), load_run_detections(run_id), dict(settings)
    ).warning


@st.cache_data(show_spinner=False, max_entries=64)
def _seconds_of_search(run_id: str, settings: Settings, labels_id: str) -> float:
    return tracker_search.estimate_seconds(load_truth(run_id, labels_id), load_run_detections(run_id), dict(settings))


def _importance_chart(search: TrackerSearch) -> None:
    """Show how much of the difference between good and bad trials each setting explains."""
    names = list(search.importances)
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[round(100 * search.importances[name], 1) for name in names],
            orientation="h",
            marker_color=ACCENT,
            texttemplate="%{x:.0f} %",
            textposition="outside",
            hovertemplate="%{y} %{x} %<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"visible": False, "range": [0, 125]}, yaxis={"autorange": "reversed"}, bargap=0.35)
    chart(figure, key=f"importance-{search.id}", height=CHART_HEIGHT, title="Importance of settings")


def _trials_chart(search: TrackerSearch) -> None:
    """Show the HOTA of every trial over each setting, the most important setting first, with the best one marked."""
    names = list(search.importances)
    columns = -(-len(names) // 2)
    figure = make_subplots(2, columns, shared_yaxes=True, subplot_titles=names, vertical_spacing=0.25)
    hota = [trial["HOTA"] for trial in search.trials]
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        figure.add_scatter(
            x=[trial[name] for trial in search.trials],
            y=hota,
            mode="markers",
            marker={"size": 5, "color": ACCENT, "opacity": 0.45},
            hovertemplate=name + " %{x}<br>HOTA %{y:.1f} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
        figure.add_scatter(
            x=[search.settings.get(name)],
            y=[search.metrics["HOTA"]],
            mode="markers",
            marker={"size": 11, "color": AMBER, "symbol": "star"},
            hovertemplate=f"best: {name} %{{x}}<br>HOTA %{{y:.1f}} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
    best, low = max(hota), float(np.quantile(hota, 0.1))  # the worst trials would compress the rest
    figure.update_yaxes(range=[low - 0.1 * (best - low) - 0.1, best + 0.15 * (best - low) + 0.1])
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=12)
    chart(figure, key=f"trials-{search.id}", height=CHART_HEIGHT, title="HOTA of each trial")
