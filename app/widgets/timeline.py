"""Tracks over time: one bar per track, and how many objects there are in each frame."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.widgets.charts import chart, class_colours
from app.widgets.formatting import number
from bytetrack.tracks import Tracks

LONGEST = 200  # tracks on a timeline; more would be thinner than a pixel
POINTS = 600  # of a curve, at most


def timeline(tracks: Tracks, frames: int, *, key: str, marker: int | None = None) -> None:
    """One bar per track from its first frame to its last, with gaps where it was not seen, coloured by class.

    `marker` draws a line at one frame.
    """
    ids, sizes = np.unique(tracks.id, return_counts=True)
    if not len(ids):
        st.caption("No track was found.")
        return
    shown = np.sort(ids[np.argsort(-sizes, kind="stable")[:LONGEST]])
    colours = class_colours(tracks.classes)
    figure = go.Figure([_bars(tracks, shown, k, name, colours[name]) for k, name in enumerate(tracks.classes)])
    if marker is not None:
        figure.add_vline(x=marker, line_width=1.5, line_dash="dot", line_color="#7b8c8a")
    figure.update_layout(
        barmode="overlay",
        bargap=0.3 if len(shown) < 60 else 0,
        xaxis={"title": "frame", "range": [0, frames]},
        yaxis={
            "title": "track",
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [f"#{track}" for track in reversed(shown.tolist())],
            "showticklabels": len(shown) <= 40,
        },
    )
    chart(figure, key=key, height=int(np.clip(110 + 17 * len(shown), 190, 620)))
    if len(ids) > LONGEST:
        st.caption(f"The longest {LONGEST} of {number(len(ids))} tracks.")


def counts(tracks: Tracks, frames: int, *, key: str, height: int = 220) -> None:
    """Objects in view per class over the video; long videos as means over several frames."""
    step = max(1, -(-frames // POINTS))
    first = np.arange(0, frames, step)
    colours = class_colours(tracks.classes)
    figure = go.Figure()
    for k, name in enumerate(tracks.classes):
        per_frame = np.bincount(tracks.frame[tracks.class_id == k], minlength=frames)[:frames]
        if not per_frame.any():
            continue
        means = np.add.reduceat(per_frame, first) / np.minimum(step, frames - first)
        line = {"color": colours[name], "width": 2, "shape": "hv" if step == 1 else "linear"}
        figure.add_scatter(name=name, x=first, y=np.round(means, 1), mode="lines", line=line)
    figure.update_layout(
        xaxis={"title": "frame", "range": [0, frames]}, yaxis={"title": "objects", "rangemode": "tozero"}
    )
    chart(figure, key=key, height=height)


def _bars(tracks: Tracks, shown: np.ndarray, class_id: int, name: str, colour: str) -> go.Bar:
    """The stretches of one class's tracks in which no frame is missing."""
    rows = np.flatnonzero((tracks.class_id == class_id) & np.isin(tracks.id, shown))
    rows = rows[np.lexsort((tracks.frame[rows], tracks.id[rows]))]
    ids, frame = tracks.id[rows], tracks.frame[rows]
    starts = np.flatnonzero(np.r_[True, (np.diff(ids) != 0) | (np.diff(frame) != 1)][: len(rows)])
    lengths = np.diff(np.r_[starts, len(rows)])
    return go.Bar(
        name=name,
        orientation="h",
        y=[f"#{track}" for track in ids[starts].tolist()],
        base=frame[starts],
        x=lengths,
        marker={"color": colour, "line": {"width": 0}},
        customdata=frame[starts] + lengths - 1,
        hovertemplate=f"%{{y}} {name}<br>frames %{{base}} to %{{customdata}}<extra></extra>",
    )
