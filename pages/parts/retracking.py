"""Cached data of the page Evaluate: the tracks of runs, and tracks and scores with other tracker settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.player.component import difference_layers, player, track_layer
from app.workspace import workspace
from backend.steps import evaluation
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, Run, Video
from bytetrack.tracks import Tracks

if TYPE_CHECKING:
    from bytetrack.pipeline import VideoDetections

Settings = tuple[tuple[str, float], ...]  # names and values of tracker settings; hashable, for the cache


@st.cache_data(show_spinner=False, max_entries=8)
def load_run_tracks(run_id: str) -> Tracks:
    """Load the tracks of a run, which never change."""
    return Tracks.load(workspace().folder(workspace().get(Run, run_id)) / TRACKS_JSON)


@st.cache_resource(show_spinner=False, max_entries=8)
def load_run_detections(run_id: str) -> VideoDetections:
    """Load the detections of a run, which never change. The result must not be modified."""
    return evaluation.load_detections(workspace(), run_id)


@st.cache_resource(show_spinner=False, max_entries=8)
def load_truth(run_id: str, labels_id: str) -> evaluation.Truth:
    """Load labels to score a run against. Both never change. The result must not be modified."""
    return evaluation.load_truth(workspace(), labels_id, workspace().get(Run, run_id).classes)


@st.cache_resource(show_spinner=False, max_entries=64)
def retrack(run_id: str, settings: Settings) -> Tracks:
    """Track the detections of a run with other tracker settings. The result must not be modified."""
    return evaluation.retrack(load_run_detections(run_id), dict(settings))


def load_tracks(run_id: str, settings: Settings | None) -> Tracks:
    """Return the tracks of a run, or those with other settings."""
    return load_run_tracks(run_id) if settings is None else retrack(run_id, settings)


@st.cache_data(show_spinner="Scoring", max_entries=512)
def score(run_id: str, settings: Settings | None, labels_id: str) -> dict[str, float]:
    """Score the tracks of a run, or those with other settings, against labels."""
    return evaluation.score_tracks(load_truth(run_id, labels_id), load_tracks(run_id, settings))[0]


def play_tracks(run: Run, labels: Labels | None, settings: Settings | None) -> None:
    """Show the tracks of a run, or those with other settings, on the video; with labels, also the differences."""
    video = workspace().get(Video, run.video)
    key = f"{run.id} {settings}"

    def load() -> Tracks:
        return load_tracks(run.id, settings)

    if labels:
        labels_id = labels.id
        layers = difference_layers(
            ("labels", "tracks"),
            f"{labels_id} {key}",
            video,
            (lambda: load_truth(run.id, labels_id).tracks, load),
            labels.labeled_frames,
        )
    else:
        layers = [track_layer("tracks", key, video, load)]
    player(video, layers, key=f"{'scores' if settings is None else 'settings'}-{run.id}", in_address=True)
