"""Part of the page Evaluate that tracks the detections of a run again, with tracker settings from sliders."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import streamlit as st

from app.widgets import figures_line, guard, guarded_fragment
from app.widgets.formatting import percent
from app.workspace import workspace
from backend.steps import models
from backend.steps.tracker_units import NOMINAL_RATE, setting_seconds
from backend.wording import count
from backend.workspace.paths import DETECTIONS
from backend.workspace.records import Labels, Model, Run, Video
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracks import Tracks
from pages.parts.retracking import Settings, load_run_tracks, play_tracks, retrack, score
from pages.parts.score_metrics import COUNT_METRICS, MAIN_METRICS, MEANINGS

TAB_KEY = "evaluate-tab"  # of the tabs of the page
TAB = ":material/tune: Tracker settings"


@dataclass(frozen=True)
class Slider:
    """Label and range of the slider for one tracker setting; the setting itself allows larger values."""

    label: str
    maximum: float  # of settings that count frames: on long videos, see `slider_maximum`
    step: float


SLIDERS = {
    "track_thresh": Slider("High-score threshold", 1.0, 0.01),
    "match_thresh": Slider("Max. match distance", 1.0, 0.01),
    "track_buffer": Slider("Keep lost tracks for", 150, 1),
    "min_box_area": Slider("Min. box area (pixels²)", 2000, 10),
    "min_length": Slider("Min. track length", 60, 1),
    "fill_gaps": Slider("Fill gaps of up to", 60, 1),
    "smooth": Slider("Smooth boxes over", 31, 1),
}


def tracker_settings_tab(run: Run, labels: Labels | None) -> None:
    """Show the sliders, and tracks and scores with their settings."""
    if not (workspace().folder(run) / DETECTIONS).exists():
        st.info(
            "This run has no detections to track again: real-time endpoints return only tracks. Choose a run of a "
            "batch or asynchronous endpoint.",
            icon=":material/tune:",
        )
        return
    _sliders_and_tracks(run, labels)


def slider_keys(run: Run) -> dict[str, str]:
    """Return the keys of the sliders by setting."""
    return {name: slider_key(run, name) for name in [*SLIDERS, "class_votes"]}


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


def slider_maximum(setting: str, video: Video) -> float:
    """Return the largest value of a slider, which for settings that count frames is at most the length of the video."""
    maximum = SLIDERS[setting].maximum
    if (seconds := setting_seconds(setting, 1, video.fps)) is None:
        return maximum
    return min(maximum, max(1, math.ceil(video.frames / video.fps / seconds)))


def in_frames_and_seconds(setting: str, value: int, fps: float) -> str:
    """Return the value of a setting that counts frames for the user: `7 frames (1.0 s)`, in frames of the video."""
    seconds = setting_seconds(setting, value, fps) or 0.0
    frames = round(value * fps / NOMINAL_RATE) if setting == "track_buffer" else value
    return f"{count(frames, 'frame')} ({seconds:.1f} s)"


def _sliders(run: Run, saved: dict[str, float]) -> Settings:
    """Show a slider per setting; return the settings.

    Args:
        run: The run.
        saved: The settings that are saved with the run's model.
    """
    video = workspace().get(Video, run.video)
    values: dict[str, float] = {}
    saved_values: dict[str, float] = {}  # by the keys of the widgets
    kept: dict[str, float] = st.session_state.setdefault("tracker settings", {})  # while another tab is open
    if len(load_run_tracks(run.id).classes) > 1:
        key = slider_key(run, "class_votes")
        saved_values[key] = bool(saved.get("class_votes", False))
        st.session_state.setdefault(key, kept.get(key, saved_values[key]))
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
        saved_values[key] = number(saved.get(setting.name, default))
        maximum = max(slider_maximum(setting.name, video), saved_values[key])
        st.session_state[key] = min(st.session_state.get(key, kept.get(key, saved_values[key])), maximum)
        about = f"`{setting.name}`: {setting.metadata['help']}"
        if setting_seconds(setting.name, 1, video.fps) is None:
            minimum = number(setting.metadata["min"])
            values[setting.name] = st.slider(slider.label, minimum, maximum, step=slider.step, key=key, help=about)
        else:
            values[setting.name] = st.select_slider(
                slider.label,
                range(int(setting.metadata["min"]), int(maximum) + 1),
                format_func=partial(in_frames_and_seconds, setting.name, fps=video.fps),
                key=key,
                help=about,
            )
    st.button(
        "Reset to the model's settings",
        icon=":material/undo:",
        on_click=lambda: st.session_state.update(saved_values),
    )
    kept.update({slider_key(run, name): value for name, value in values.items()})
    return tuple(values.items())


def _scores(run: Run, labels: Labels, settings: Settings) -> None:
    """Show the scores with these settings, and their change from the run's."""
    now, before = score(run.id, settings, labels.id), score(run.id, None, labels.id)
    figures = {}
    for name in MAIN_METRICS:
        change = round(now[name] - before[name], 1)
        figures[name] = f"{percent(now[name])} ({f'{change:+.1f}' if change else 'unchanged'})"
    figures_line(figures, {name: f"{MEANINGS[name]} In parentheses, the change from the run." for name in MAIN_METRICS})


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
