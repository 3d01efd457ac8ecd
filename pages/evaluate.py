"""Evaluate: how good tracks are against labels, and what other thresholds make of the same detections."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from app.player.component import difference_layers, player, track_layer
from app.theme import CHART_COLORS as COLORS
from app.theme import class_colors
from app.widgets import (
    chart,
    choose,
    confirm_removal,
    empty_state,
    guard,
    guarded_fragment,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    start_job_and_rerun,
)
from app.widgets.formatting import ago, number, percent
from app.workspace import workspace
from backend.steps import evaluation, models
from backend.steps.tracker_search import model_settings
from backend.steps.unlabeled_tracks import find_unlabeled, unlabeled_warning
from backend.wording import count
from backend.workspace.paths import DETECTIONS, TRACKS_JSON
from backend.workspace.records import Labels, Model, Run, Score, TrackerSearch, Video
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections

MEANING = {
    "HOTA": "Finding the objects and keeping their ids, both at once: DetA and AssA in balance.",
    "MOTA": "100 % less misses, false boxes and switched ids per labeled box. Judges detection above all.",
    "IDF1": "The share of boxes with the right id, one id per object. Judges how long ids last.",
    "DetA": "Detection: how many of the objects are found, without inventing any.",
    "AssA": "Association: how well boxes of the same object are held together over time.",
    "LocA": "Localisation: how closely the boxes that match lie on the labeled ones.",
    "MOTP": "Overlap of the boxes that match, at an overlap of at least half.",
    "IDP": "Of the tracks' boxes, the share with the right id.",
    "IDR": "Of the labeled boxes, the share with the right id.",
    "IDSW": "Times at which a followed object got another id.",
    "FP": "Boxes where no object is.",
    "FN": "Labeled boxes that were missed.",
    "FRAG": "Times at which following an object was interrupted.",
    "MT": "Objects followed for at least 80 % of their time.",
    "ML": "Objects followed for less than 20 % of their time.",
}
COUNTS = ("IDSW", "FP", "FN", "FRAG", "MT", "ML")
MAIN = ("HOTA", "MOTA", "IDF1")
PARTS = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1")

# How a slider is called and how far it goes: the settings themselves may go beyond what is of use here.
SLIDERS = {
    "track_thresh": ("Confident from a score of", 1.0, 0.01),
    "match_thresh": ("Match up to a distance of", 1.0, 0.01),
    "track_buffer": ("Remember lost tracks for (frames at 30/s)", 150, 1),
    "min_box_area": ("Leave out boxes below (pixels²)", 2000, 10),
    "min_length": ("Leave out tracks of fewer boxes than", 60, 1),
    "fill_gaps": ("Fill gaps of up to (frames)", 60, 1),
    "smooth": ("Smooth boxes over (frames)", 31, 1),
}

ws = workspace()
Settings = tuple[tuple[str, float], ...]  # hashable, for the cache


def main() -> None:
    page_header("evaluate")
    runs = ws.list(Run)
    if not runs:
        empty_state(
            "conversion_path",
            "No tracks yet",
            "Track a video first; then see here how good its tracks are.",
            "Go to Track",
            "track",
        )
        return
    run, labels = select(runs)
    jobs_panel("evaluate")
    scores, tuning = st.tabs(
        [":material/fact_check: Scores", ":material/tune: Tune thresholds"], key="evaluate-tab", on_change="rerun"
    )
    if tuning.open:
        with tuning, guard():
            tune(run, labels)
    else:
        with scores, guard():
            show_scores(run, labels)
    if ws.list(Score):
        next_step_link("compare", "Good enough? See which way of serving answers fastest.")


def select(runs: list[Run]) -> tuple[Run, Labels | None]:
    """The run, labels of its video if there are any, and the button that scores it."""
    with st.container(border=True):
        left, right, action = st.columns([5, 5, 2], vertical_alignment="bottom")
        with left:
            run = choose(runs, "Run", key="evaluate-run", describe=lambda run: ago(run.created))
        assert run
        fitting = [labels for labels in ws.list(Labels) if labels.video == run.video]
        with right:
            labels = choose(fitting, "Labels", key=f"evaluate-labels-{run.video}", describe=labels_facts)
            if not labels:
                st.selectbox("Labels", [], placeholder="No labels of this video", disabled=True)
        with action:
            done = bool(labels and score_of(run, labels))
            if st.button(
                "Evaluated" if done else "Evaluate",
                type="primary",
                icon=":material/check:" if done else ":material/play_arrow:",
                width="stretch",
                disabled=done or not labels,
            ):
                assert labels
                start_job_and_rerun("evaluate", f"Evaluate {run.name}", run=run.id, labels=labels.id)
    return run, labels


def labels_facts(labels: Labels) -> str:
    return f"{labels.source}, {count(labels.objects, 'object')} on {count(len(labels.labeled_frames), 'frame')}"


def score_of(run: Run, labels: Labels) -> Score | None:
    return next((each for each in ws.list(Score) if (each.run, each.labels) == (run.id, labels.id)), None)


def show_scores(run: Run, labels: Labels | None) -> None:
    if not labels:
        empty_state(
            "select_all",
            "No labels of this video",
            "A score compares tracks with boxes that people drew. Import labels of this video, or choose another run.",
            "Go to Labels",
            "labels",
        )
        return
    score = score_of(run, labels)
    if score:
        metric_row({name: percent(score.metrics[name]) for name in MAIN}, MEANING)
    else:
        st.info("These tracks have not been compared with these labels yet.", icon=":material/fact_check:")
    same = sorted((each for each in ws.list(Score) if each.labels == labels.id), key=lambda each: -each.metrics["HOTA"])
    if score and len(same) > 1:
        left, right = st.columns(2, gap="large")
        with left:
            per_class_chart(score)
        with right:
            side_by_side(same)
    elif score:
        per_class_chart(score)
        st.caption("Evaluate other runs against the same labels, and they are compared here.")
    elif same:
        side_by_side(same)
    st.markdown("#### See what differs")
    watch(run, labels, ws.get(Video, run.video), None)
    if score:
        numbers(score)


def numbers(score: Score) -> None:
    """Every metric, over all and per class, and what it says."""
    columns = {"all": score.metrics, **(score.per_class if len(score.per_class) > 1 else {})}
    rows = [
        {"Metric": name} | {title: shown(name, metrics[name]) for title, metrics in columns.items()} | {"Meaning": text}
        for name, text in MEANING.items()
    ]
    narrow = {title: st.column_config.TextColumn(width=70) for title in columns}
    config = {"Metric": st.column_config.TextColumn(width=70, pinned=True), **narrow}
    st.dataframe(rows, hide_index=True, height="content", column_config=config)
    if st.button("Remove this score", icon=":material/delete:", type="tertiary", key=f"remove-{score.id}"):
        confirm_removal(score)


def shown(metric: str, value: float) -> str:
    return number(value) if metric in COUNTS else percent(value)


def per_class_chart(score: Score) -> None:
    """The percentages, a bar per class."""
    classes = score.per_class if len(score.per_class) > 1 else {"all": score.metrics}
    colors = class_colors(list(classes))
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=PARTS,
                y=[round(metrics[part], 1) for part in PARTS],
                marker_color=colors[name],
                hovertemplate="%{x} %{y} %<extra>" + name + "</extra>",
            )
            for name, metrics in classes.items()
        ]
    )
    figure.update_layout(
        barmode="group", bargap=0.35, yaxis={"title": "percent", "rangemode": "tozero"}, showlegend=len(classes) > 1
    )
    chart(
        figure, key=f"parts-{score.id}", height=330, title="Its parts, per class" if len(classes) > 1 else "Its parts"
    )


def side_by_side(scores: list[Score]) -> None:
    """Runs that were scored against the same labels; the first is drawn on top."""
    figure = go.Figure(
        [
            go.Bar(
                name=metric,
                y=[score.name for score in scores],
                x=[round(score.metrics[metric], 1) for score in scores],
                orientation="h",
                marker_color=COLORS[place],
                hovertemplate="%{y}<br>" + metric + " %{x} %<extra></extra>",
                texttemplate="%{x:.0f}",
                textposition="outside",
                textangle=0,
            )
            for place, metric in enumerate(MAIN)
        ]
    )
    figure.update_layout(
        barmode="group",
        bargap=0.3,
        xaxis={"title": "percent", "range": [min(0.0, *(score.metrics["MOTA"] for score in scores)), 108]},
        yaxis={"autorange": "reversed"},
    )
    chart(
        figure,
        key=f"side-{scores[0].labels}",
        height=max(300, 120 + 62 * len(scores)),
        title="Runs with the same labels",
    )


def tune(run: Run, labels: Labels | None) -> None:
    """The tracker again on the detections that the run kept, at once, with thresholds from sliders."""
    if not (ws.folder(run) / DETECTIONS).exists():
        st.info(
            "This run kept no detections to track again: real-time answers hold only tracks. Choose a run by a "
            "batch or asynchronous deployment.",
            icon=":material/tune:",
        )
        return
    workbench(run, labels)
    if labels:
        st.divider()
        best_settings(run, labels)


@guarded_fragment()
def workbench(run: Run, labels: Labels | None) -> None:
    video, model = ws.get(Video, run.video), ws.find(Model, run.model)
    kept = models.thresholds(ws, model.id) if model else {}
    knobs, seen = st.columns([4, 7], gap="large")
    with knobs, st.container(border=True):
        settings = sliders(run, kept)
    tracks = retracked(run.id, settings)
    with seen, guard():
        if labels:
            gains(run, labels, settings)
        else:
            st.caption("With labels of this video, scores would change here as you move the sliders.")
        watch(run, labels, video, settings)
    with knobs, guard():
        keep(model, settings, kept)
        changes(run, labels, settings, tracks)


def watch(run: Run, labels: Labels | None, video: Video, settings: Settings | None) -> None:
    """The run's tracks on the video, or what these settings make of its detections; beside labels, what differs."""
    key = f"{run.id} {settings}"

    def tracks() -> Tracks:
        return stored(run.id) if settings is None else retracked(run.id, settings)

    if labels:
        names, load = ("labels", "tracks"), (lambda: truth(labels.id).tracks, tracks)
        layers = difference_layers(names, f"{labels.id} {key}", video, load, labels.labeled_frames)
    else:
        layers = [track_layer("tracks", key, video, tracks)]
    player(video, layers, key=f"{'watch' if settings is None else 'tune'}-{run.id}")


def sliders(run: Run, kept: dict[str, float]) -> Settings:
    values: dict[str, float] = {}
    starts: dict[str, float] = {}  # by the keys of the widgets
    if len(stored(run.id).classes) > 1:
        key = slider_key(run, "class_votes")
        starts[key] = bool(kept.get("class_votes", False))
        st.session_state.setdefault(key, starts[key])
        help_ = "`class_votes`: a detector that wavers between two classes then does not break the track of one object"
        values["class_votes"] = st.toggle("Let detections vote on a track's class", key=key, help=help_)
    for setting in fields(TrackerConfig):
        if setting.name not in SLIDERS:  # the frame rate is the video's
            continue
        title, top, step = SLIDERS[setting.name]
        kind, lowest = type(top), type(top)(setting.metadata["min"])
        key = slider_key(run, setting.name)
        default: float = getattr(TrackerConfig(), setting.name)
        starts[key] = min(kind(kept.get(setting.name, default)), top)
        st.session_state.setdefault(key, starts[key])
        help_ = f"`{setting.name}`: {setting.metadata['help']}"
        values[setting.name] = st.slider(title, lowest, top, step=step, key=key, help=help_)
    st.button("Back to the model's own", icon=":material/undo:", on_click=lambda: st.session_state.update(starts))
    return tuple(values.items())


def slider_key(run: Run, setting: str) -> str:
    return f"tune-{run.id}-{setting}"


def gains(run: Run, labels: Labels, settings: Settings) -> None:
    """The scores with these thresholds, and how they differ from the run's."""
    now, then = scored(run.id, settings, labels.id), scored(run.id, None, labels.id)
    for column, name in zip(st.columns(len(MAIN)), MAIN):
        gain = round(now[name] - then[name], 1)
        text = f"{gain:+.1f}" if gain else "as before"
        arrow: Literal["auto", "off"] = "auto" if gain else "off"
        color: Literal["normal", "off"] = "normal" if gain else "off"
        help_ = f"{MEANING[name]} The arrow shows the change from the run as it was made."
        column.metric(name, percent(now[name]), text, delta_color=color, delta_arrow=arrow, help=help_, border=True)


def changes(run: Run, labels: Labels | None, settings: Settings, tracks: Tracks) -> None:
    """What became more and what less than in the run as it was made."""
    before = stored(run.id)
    rows = [("Objects", len(np.unique(before.id)), len(np.unique(tracks.id))), ("Boxes", len(before), len(tracks))]
    if labels:
        now, then = scored(run.id, settings, labels.id), scored(run.id, None, labels.id)
        rows += [(name, int(then[name]), int(now[name])) for name in COUNTS[:4]]
    st.dataframe(
        [
            {"Count": name, "The run": old, "Now": new, "Change": f"{new - old:+,}" if new != old else ""}
            for name, old, new in rows
        ],
        hide_index=True,
    )


def keep(model: Model | None, settings: Settings, kept: dict[str, float]) -> None:
    if not model:
        st.caption("The model that made this run was removed, so the thresholds cannot be kept with it.")
        return
    if all(kept.get(name) == value for name, value in settings):
        st.caption(f":material/check: These are the thresholds of the model {model.name}.")
        return
    if st.button("Keep these thresholds with the model", type="primary", icon=":material/save:", width="stretch"):
        models.keep_thresholds(ws, model.id, dict(settings))
        st.toast(f"{model.name} tracks with these thresholds from now on.", icon=":material/check:")
        st.rerun(scope="fragment")
    st.caption(
        f"{model.name} then tracks with them: in batch from the next job on, real-time and asynchronous once the "
        "endpoint is started again. Runs and scores made before stay as they are."
    )


def best_settings(run: Run, labels: Labels) -> None:
    """The search for the settings with the best HOTA, and what the last one found."""
    search = next((each for each in ws.list(TrackerSearch) if (each.run, each.labels) == (run.id, labels.id)), None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(gap="xsmall"):
            st.subheader("Best settings by search")
            st.caption(
                "Tries a hundred settings, ever nearer to the best, and takes the one with the highest HOTA. What fits "
                "one short video perfectly may fit others less: search on a video that stands for them. The minimum "
                "track length stays under a quarter of the video."
            )
        if st.button(
            "Search again" if search else "Search for the best", icon=":material/manage_search:", key="search"
        ):
            start_job_and_rerun(
                "search tracker settings", f"Search settings for {run.name}", run=run.id, labels=labels.id
            )
    # With the settings that a search found, there may be nothing to warn of any more: its own warning stays.
    own = tuple(model_settings(ws, run.model).items())
    if warning := (search.warning if search else "") or warning_before_search(run.id, own, labels.id):
        st.warning(warning, icon=":material/warning:")
    jobs_panel("search tracker settings")
    if not search:
        return
    for column, name in zip(st.columns(len(MAIN)), MAIN):
        gain = f"{search.metrics[name] - search.before[name]:+.1f}"
        column.metric(name, percent(search.metrics[name]), gain, help=MEANING[name], border=True)
    if not search.settings:
        st.success("None was better than the model's own settings.", icon=":material/check:")
    if search.importances:
        left, right = st.columns([3, 8], gap="large")
        with left:
            importance_chart(search)
        with right:
            trials_chart(search)
    if search.settings:
        with st.container(horizontal=True):
            found = {slider_key(run, name): value for name, value in search.settings.items()}
            st.button(
                "Put them on the sliders",
                type="primary",
                icon=":material/tune:",
                on_click=lambda: st.session_state.update(found),
            )
            if ws.find(Model, run.model) and st.button("Keep them with the model", icon=":material/save:"):
                models.keep_thresholds(ws, run.model, search.settings)
                st.toast("The model tracks with these settings from now on.", icon=":material/check:")
            if st.button("Remove this search", icon=":material/delete:", type="tertiary"):
                confirm_removal(search)
        st.caption("On the sliders you see what they do; kept with the model, they hold for every way of serving.")


def importance_chart(search: TrackerSearch) -> None:
    """How much of the difference between good and bad trials each setting explains."""
    names = list(search.importances)
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[round(100 * search.importances[name], 1) for name in names],
            orientation="h",
            marker_color=COLORS[0],
            texttemplate="%{x:.0f} %",
            textposition="outside",
            hovertemplate="%{y} %{x} %<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"visible": False, "range": [0, 125]}, yaxis={"autorange": "reversed"}, bargap=0.35)
    chart(figure, key=f"importance-{search.id}", height=330, title="What matters")


def trials_chart(search: TrackerSearch) -> None:
    """HOTA of every trial over each setting, the best one marked; the settings that matter most come first."""
    names = list(search.importances)
    columns = -(-len(names) // 2)
    figure = make_subplots(2, columns, shared_yaxes=True, subplot_titles=names, vertical_spacing=0.25)
    hota = [trial["HOTA"] for trial in search.trials]
    for place, name in enumerate(names):
        row, column = divmod(place, columns)
        figure.add_scatter(
            x=[trial[name] for trial in search.trials],
            y=hota,
            mode="markers",
            marker={"size": 5, "color": COLORS[0], "opacity": 0.45},
            hovertemplate=name + " %{x}<br>HOTA %{y:.1f} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
        figure.add_scatter(
            x=[search.settings.get(name)],
            y=[search.metrics["HOTA"]],
            mode="markers",
            marker={"size": 11, "color": COLORS[1], "symbol": "star"},
            hovertemplate=f"best: {name} %{{x}}<br>HOTA %{{y:.1f}} %<extra></extra>",
            row=row + 1,
            col=column + 1,
        )
    best, low = max(hota), float(np.quantile(hota, 0.1))  # the few worst would squeeze the rest together
    figure.update_yaxes(range=[low - 0.1 * (best - low) - 0.1, best + 0.15 * (best - low) + 0.1])
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=12)
    chart(figure, key=f"trials-{search.id}", height=330, title="HOTA of each trial")


@st.cache_data(show_spinner=False, max_entries=8)
def stored(run_id: str) -> Tracks:
    """The run's own tracks, which never change."""
    return Tracks.load(ws.folder(ws.get(Run, run_id)) / TRACKS_JSON)


@st.cache_resource(show_spinner=False, max_entries=8)
def detected(run_id: str) -> VideoDetections:
    """The run's detections, which never change and are only read."""
    return evaluation.load_detections(ws, run_id)


@st.cache_resource(show_spinner=False, max_entries=8)
def truth(labels_id: str) -> evaluation.Truth:
    """The labels, which never change and are only read."""
    return evaluation.load_truth(ws, labels_id)


@st.cache_resource(show_spinner=False, max_entries=64)
def retracked(run_id: str, settings: Settings) -> Tracks:
    return evaluation.retrack(detected(run_id), dict(settings))


@st.cache_data(show_spinner=False, max_entries=64)
def warning_before_search(run_id: str, own: Settings, labels_id: str) -> str:
    return unlabeled_warning(find_unlabeled(truth(labels_id), detected(run_id), dict(own)))


@st.cache_data(show_spinner="Scoring", max_entries=512)
def scored(run_id: str, settings: Settings | None, labels_id: str) -> dict[str, float]:
    """The metrics with these settings; None for the tracks as the run has them."""
    tracks = stored(run_id) if settings is None else retracked(run_id, settings)
    return evaluation.score_tracks(truth(labels_id), tracks)[0]


main()
