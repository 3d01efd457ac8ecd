"""Part of the page Compare that shows the differences between two sets of tracks on the video."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from app.player.component import difference_layers, player, track_layer
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.steps.comparison import tracks_path
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Comparison, Labels, Run, Video
from bytetrack.tracks import Tracks


@dataclass(frozen=True)
class TrackSource:
    """Tracks of a video in a file; `labeled_frames` is None for tracks that cover all frames."""

    title: str
    path: Path
    labeled_frames: list[int] | None = None


def comparison_tracks(comparison: Comparison) -> None:
    """Let the user choose two sets of tracks of the comparison's video, and show their differences."""
    video = workspace().get(Video, comparison.video)
    sources = {key: source for key, source in _sources(comparison).items() if source.path.exists()}
    if len(sources) < 2:
        _single_source(comparison, video, sources)
        return
    picture = st.container()  # above the choice, so that it is in view
    left, right = st.columns(2)
    widget_key = f"see-{comparison.id}"

    def title(key: str) -> str:
        return sources[key].title

    first = left.selectbox("Reference", list(sources), format_func=title, key=f"{widget_key}-first")
    others = [key for key in sources if key != first]
    second = right.selectbox("Compared with", others, format_func=title, key=f"{widget_key}-second")
    reference, compared = sources[first], sources[second]
    layers = difference_layers(
        ("reference" if reference.title == compared.title else reference.title, compared.title),
        f"{first} {second}",
        video,
        (lambda: Tracks.load(reference.path), lambda: Tracks.load(compared.path)),
        reference.labeled_frames,
    )
    with picture:
        player(video, layers, key=widget_key, in_address=True)


def _single_source(comparison: Comparison, video: Video, sources: dict[str, TrackSource]) -> None:
    """Show the only tracks that there are."""
    layers = [
        track_layer(source.title, key, video, partial(Tracks.load, source.path)) for key, source in sources.items()
    ]
    player(video, layers, key=f"see-{comparison.id}", in_address=True)


def _sources(comparison: Comparison) -> dict[str, TrackSource]:
    """List labels of the video, the tracks of this comparison, and runs of the video, by ids."""
    ws = workspace()
    sources = {
        labels.id: TrackSource(f"{labels.name} (labels)", ws.folder(labels) / TRACKS_JSON, labels.labeled_frames)
        for labels in ws.list(Labels, video=comparison.video)
    }
    for index, row in enumerate(comparison.rows):
        if row["frames"]:
            sources[f"{comparison.id}-{index}"] = TrackSource(row["endpoint"], tracks_path(ws, comparison, index))
    for run in ws.list(Run, video=comparison.video):
        sources[run.id] = TrackSource(f"{run.name} ({ago(run.created)})", ws.folder(run) / TRACKS_JSON)
    return sources
