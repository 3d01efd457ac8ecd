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
    start_job_and_rerun,
    video_facts,
)
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.steps import deployments
from backend.steps.deployments import MODES
from backend.wording import count
from backend.workspace.records import Comparison, Endpoint, Model, Video
from bytetrack.files import natural_sort_key
from pages.parts.comparison_results import comparison_results
from pages.parts.comparison_tracks import comparison_tracks

ws = workspace()


def main() -> None:
    """Show the form for a new comparison, and one comparison."""
    page_header("compare")
    videos, endpoints, comparisons = ws.list(Video), ws.list(Endpoint), ws.list(Comparison)
    if not videos:
        empty_state("movie", "No videos yet", "A comparison needs a video to track.", "Go to Videos", "videos")
        return
    if endpoints:
        with guard():
            comparison_form(videos, endpoints, expanded=not comparisons)
    else:
        empty_state(
            "rocket_launch",
            "No endpoints yet",
            "Deploy a model in two or three modes, then compare them here.",
            "Go to Deploy",
            "deploy",
        )
    jobs_panel("compare")
    if comparisons:
        with guard():
            one_comparison(comparisons)
        next_step_link("account", "See what runs and what it costs, and delete what you no longer need.")


def comparison_form(videos: list[Video], endpoints: list[Endpoint], *, expanded: bool) -> None:
    """Show the form: the video, and the endpoints that are in service."""
    models = {model.id: model.name for model in ws.list(Model)}
    in_service = {
        endpoint.id: endpoint
        for endpoint in endpoints
        if deployments.deployment_of(ws, endpoint).state().status == "in service"
    }
    with st.expander("New comparison", icon=":material/add:", expanded=expanded):
        left, right = st.columns([3, 2])
        with left:
            by_name = sorted(videos, key=lambda video: natural_sort_key(video.name))
            video = choose(by_name, "Video", key="compare-video", describe=video_facts)
        assert video
        with right:
            name = st.text_input("Name", f"{video.name} comparison", max_chars=80, key=f"compare-name-{video.id}")

        def title(endpoint_id: str) -> str:
            endpoint = in_service[endpoint_id]
            return f"{endpoint.name} ({MODES[endpoint.mode]}, {models.get(endpoint.model, '')})"

        chosen = st.multiselect(
            "Endpoints",
            list(in_service),
            default=list(in_service),
            format_func=title,
            key=f"compare-endpoints-{hash(tuple(in_service))}",
        )
        if st.button("Compare", type="primary", icon=":material/speed:", disabled=not chosen):
            start_job_and_rerun("compare", f"Compare on {video.name}", name=name, video=video.id, endpoints=chosen)
        st.caption("Endpoints run one at a time. Avoid other work on this machine until the comparison is done.")
        if not_in_service := [endpoint.name for endpoint in endpoints if endpoint.id not in in_service]:
            st.caption(f":orange[:material/warning:] Not in service: {', '.join(not_in_service)}.")


def one_comparison(comparisons: list[Comparison]) -> None:
    """Show one comparison, the newest unless the user chose another."""
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
    comparison_results(comparison)
    with guard():
        comparison_tracks(comparison)


main()
