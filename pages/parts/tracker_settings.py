"""Part of the page Evaluate that tracks the detections of a run again, with tracker settings from sliders."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import streamlit as st

from app.widgets import guard, guarded_fragment
from app.widgets.formatting import percent
from app.workspace import workspace
from backend.steps import models
from backend.workspace.paths import DETECTIONS
from backend.workspace.records import Labels, Model, Run
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks
from pages.parts.retracking import Settings, load_run_tracks, play_tracks, retrack, score
from pages.parts.score_metrics import COUNT_METRICS, MAIN_METRICS, MEANINGS
from pages.parts.tracker_search import tracker_search


@dataclass(frozen=True)
class Slider:
    """Label and range of the slider for one tracker setting; the setting itself allows larger values."""

    label: str
    maximum: float
    step: float


SLIDERS = {
    "track_thresh": Slider("High-score threshold", 1.0, 0.01),
    "match_thresh": Slider("Max. match distance", 1.0, 0.01),
    "track_buffer": Slider("Keep lost tracks for (frames at 30 fps)", 150, 1),
    "min_box_area": Slider("Min. box area (pixels²)", 2000, 10),
    "min_length": Slider("Min. track length (boxes)", 60, 1),
    "fill_gaps": Slider("Fill gaps of up to (frames)", 60, 1),
    "smooth": Slider("Smooth boxes over (frames)", 31, 1),
}


def tracker_settings_tab(run: Run, labels: Labels | None) -> None:
    """Show the sliders, tracks and scores with their settings, and the search for the best settings."""
    if not (workspace().folder(run) / DETECTIONS).exists():
        st.info(
            "This run has no detections to track again: real-time endpoints return only tracks. Choose a run of a "
            "batch or asynchronous endpoint.",
            icon=":material/tune:",
        )
        return
    _sliders_and_tracks(run, labels)
    if labels:
        st.divider()
        tracker_search(run, labels, slider_keys={name: slider_key(run, name) for name in [*SLIDERS, "class_votes"]})


def slider_key(run: Run, setting: str) -> str:
    """Return the key of the slider for a tracker setting."""
    return f"setting-{run.id}-{setting}"


@guarded_fragment()
def _sliders_and_tracks(run: Run, labels: Labels | None) -> None:
    model = workspace().find(Model, run.model)
    saved = models.thresholds(workspace(), model.id) if model else {}
    left, right = st.columns([4, 7], gap="large")
    with left, st.container(border=True):
        settings = _sliders(run, saved)
    tracks = retrack(run.id, settings)
    with right, guard():
        if labels:
            _scores(run, labels, settings)
        else:
            st.caption("If this video had labels, scores would be shown here.")
        play_tracks(run, labels, settings)
    with left, guard():
        _save_to_model(model, settings, saved)
        _changes_table(run, labels, settings, tracks)


def _sliders(run: Run, saved: dict[str, float]) -> Settings:
    """Show a slider per setting; return the settings.

    Args:
        run: The run.
        saved: The settings that are saved with the run's model.
    """
    values: dict[str, float] = {}
    saved_values: dict[str, float] = {}  # by the keys of the widgets
    if len(load_run_tracks(run.id).classes) > 1:
        key = slider_key(run, "class_votes")
        saved_values[key] = bool(saved.get("class_votes", False))
        st.session_state.setdefault(key, saved_values[key])
        values["class_votes"] = st.toggle(
            "Majority vote on a track's class",
            key=key,
            help="`class_votes`: A track takes the class of most of its detections, so that it is not interrupted when "
            "the detector alternates between two classes.",
        )
    for setting in fields(TrackerConfig):
        if setting.name not in SLIDERS:  # the frame rate is that of the video
            continue
        slider, key = SLIDERS[setting.name], slider_key(run, setting.name)
        number = type(slider.maximum)
        default: float = getattr(TrackerConfig(), setting.name)
        saved_values[key] = min(number(saved.get(setting.name, default)), slider.maximum)
        st.session_state.setdefault(key, saved_values[key])
        values[setting.name] = st.slider(
            slider.label,
            number(setting.metadata["min"]),
            slider.maximum,
            step=slider.step,
            key=key,
            help=f"`{setting.name}`: {setting.metadata['help']}",
        )
    st.button(
        "Reset to the model's settings",
        icon=":material/undo:",
        on_click=lambda: st.session_state.update(saved_values),
    )
    return tuple(values.items())


def _scores(run: Run, labels: Labels, settings: Settings) -> None:
    """Show the scores with these settings, and their change from the run's."""
    now, before = score(run.id, settings, labels.id), score(run.id, None, labels.id)
    for column, name in zip(st.columns(len(MAIN_METRICS)), MAIN_METRICS):
        change = round(now[name] - before[name], 1)
        arrow: Literal["auto", "off"] = "auto" if change else "off"
        color: Literal["normal", "off"] = "normal" if change else "off"
        column.metric(
            name,
            percent(now[name]),
            f"{change:+.1f}" if change else "unchanged",
            delta_color=color,
            delta_arrow=arrow,
            help=f"{MEANINGS[name]} The arrow shows the change from the run.",
            border=True,
        )


def _save_to_model(model: Model | None, settings: Settings, saved: dict[str, float]) -> None:
    if not model:
        st.caption("The model of this run was deleted, so the settings cannot be saved to it.")
        return
    if all(saved.get(name) == value for name, value in settings):
        st.caption(f":material/check: These are the settings of the model {model.name}.")
        return
    if st.button("Save to model", type="primary", icon=":material/save:", width="stretch", key="save-sliders"):
        models.store_thresholds(workspace(), model.id, dict(settings))
        st.toast(f"Settings saved to {model.name}.", icon=":material/check:")
        st.rerun(scope="fragment")
    st.caption(
        f"Then {model.name} uses these settings: in the next batch job, and on real-time and asynchronous endpoints "
        "after a restart. Existing runs and scores stay as they are."
    )


def _changes_table(run: Run, labels: Labels | None, settings: Settings, tracks: Tracks) -> None:
    """Show counts of the run and of the tracks with these settings."""
    before = load_run_tracks(run.id)
    counts = [("Objects", len(np.unique(before.id)), len(np.unique(tracks.id))), ("Boxes", len(before), len(tracks))]
    if labels:
        scores_before, scores_now = score(run.id, None, labels.id), score(run.id, settings, labels.id)
        counts += [(name, int(scores_before[name]), int(scores_now[name])) for name in COUNT_METRICS[:4]]
    st.dataframe(
        [
            {"Count": name, "Run": old, "Now": new, "Change": f"{new - old:+,}" if new != old else ""}
            for name, old, new in counts
        ],
        hide_index=True,
    )
