"""Compare: latency, throughput and cost of several endpoints on the same video."""

from __future__ import annotations

import streamlit as st

from app.widgets import (
    choose,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
)
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.wording import count
from backend.workspace.records import Comparison, Endpoint, Video
from pages.parts.comparison_form import comparison_form
from pages.parts.comparison_results import comparison_results, doubts, figures
from pages.parts.comparison_tracks import comparison_tracks

PICTURE, MEASUREMENTS, NEW = (
    ":material/movie: Picture",
    ":material/speed: Measurements",
    ":material/add: New comparison",
)

ws = workspace()


def main() -> None:
    """Show one comparison, its figures in a line, and tabs: the picture, all measurements, a new comparison."""
    page_header("compare")
    videos, endpoints, comparisons = ws.list(Video), ws.list(Endpoint), ws.list(Comparison)
    if not videos:
        empty_state("movie", "No videos yet", "A comparison needs a video to track.", "Go to Videos", "videos")
        return
    comparison = one_of(comparisons)
    jobs_panel("compare")
    if not comparison:
        new_comparison(videos, endpoints)
        return
    with guard():
        figures(comparison)
        doubts(comparison)
    picture, measurements, new = st.tabs([PICTURE, MEASUREMENTS, NEW], key="compare-tab", on_change="rerun")
    if measurements.open:
        with measurements, guard():
            comparison_results(comparison)
    elif new.open:
        with new:
            new_comparison(videos, endpoints)
    else:
        with picture, guard():
            comparison_tracks(comparison)
    next_step_link("account", "See what runs and what it costs, and delete what you no longer need.")


def new_comparison(videos: list[Video], endpoints: list[Endpoint]) -> None:
    """Show the form for a new comparison, or what is missing for it."""
    if endpoints:
        with guard():
            comparison_form(videos, endpoints)
        return
    empty_state(
        "rocket_launch",
        "No endpoints yet",
        "Deploy a model in two or three modes, then compare them here.",
        "Go to Deploy",
        "deploy",
    )


def one_of(comparisons: list[Comparison]) -> Comparison | None:
    """Let the user choose a comparison, the newest at first; None if there are none."""
    if not comparisons:
        return None
    newest = comparisons[0].id
    if st.session_state.get("newest comparison") != newest:
        st.session_state["newest comparison"] = st.session_state["compare-shown"] = newest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        comparison = choose(
            comparisons,
            "Comparison",
            key="compare-shown",
            describe=lambda comparison: f"{count(len(comparison.rows), 'endpoint')}, {ago(comparison.created)}",
        )
        assert comparison
        if st.button("Delete", icon=":material/delete:", key=f"remove-{comparison.id}"):
            confirm_removal(comparison)
    return comparison


main()
