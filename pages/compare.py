"""Compare: latency, throughput and cost of several endpoints on the same video."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import address
from app.widgets import (
    Column,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
    record_list,
)
from app.widgets.formatting import ago
from app.workspace import workspace
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
    if not ws.count(Video):
        empty_state("movie", "No videos yet", "A comparison needs a video to track.", "Go to Videos", "videos")
        return
    comparison = chosen_comparison()
    jobs_panel("compare")
    if not comparison:
        new_comparison()
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
            new_comparison()
    else:
        with picture, guard():
            comparison_tracks(comparison)
    all_comparisons = st.expander("All comparisons", icon=":material/list:", key="all-comparisons", on_change="rerun")
    if all_comparisons.open:
        with all_comparisons:
            record_list(Comparison, columns)
    next_step_link("account", "See what runs and what it costs, and delete what you no longer need.")


def columns(comparisons: Sequence[Comparison]) -> list[Column[Comparison]]:
    """Return the columns of the list of all comparisons."""
    videos = ws.names(Video, id=[comparison.video for comparison in comparisons])
    return [
        Column("Video", lambda comparison: videos.get(comparison.video, "")),
        Column("Endpoints", lambda comparison: ", ".join(row["endpoint"] for row in comparison.rows), secondary=True),
        Column("Created", lambda comparison: ago(comparison.created), order="created", right=True),
    ]


def new_comparison() -> None:
    """Show the form for a new comparison, or what is missing for it."""
    if ws.count(Endpoint):
        with guard():
            comparison_form(ws.list(Endpoint))
        return
    empty_state(
        "rocket_launch",
        "No endpoints yet",
        "Deploy a model in two or three modes, then compare them here.",
        "Go to Deploy",
        "deploy",
    )


def chosen_comparison() -> Comparison | None:
    """Let the user choose a comparison: the newest at first, and when a new one is there. None if there are none.

    Only the chosen one is read: with all their latencies, many comparisons are large.
    """
    newest = ws.newest(Comparison)
    if newest is None:
        return None
    newest_id = newest.id
    if st.session_state.get("newest comparison") not in (None, newest_id):
        address.show(comparison="")
    st.session_state["newest comparison"] = newest_id
    address.linked(Comparison)  # ends the page if there is no such comparison
    names = ws.names(Comparison)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        on_change = address.follow("comparison", "compare-shown", default=newest_id)
        chosen = st.selectbox(
            "Comparison",
            list(names),
            format_func=lambda comparison_id: names[comparison_id],
            key="compare-shown",
            on_change=on_change,
        )
        comparison = ws.get(Comparison, chosen)
        address.keep(comparison=comparison.id)
        if st.button("Delete", icon=":material/delete:", key=f"remove-{comparison.id}"):
            confirm_removal(comparison)
    return comparison


main()
