"""Track: track the objects in a video with a deployed model, watch the result, download it."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.widgets import (
    choose,
    empty_state,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
    start_job_and_rerun,
    video_facts,
)
from app.workspace import workspace
from backend.steps import deployments
from backend.steps.deployments import MODES
from backend.workspace.records import Endpoint, Model, Run, Verb, Video
from bytetrack.files import natural_sort_key
from pages.parts.runs import one_run, runs_table

VERBS: tuple[Verb, ...] = ("track", "draw tracks", "make report")

ws = workspace()


def main() -> None:
    """Show the form for a new run, one run, and a table of all runs."""
    page_header("track")
    videos, endpoints, runs = ws.list(Video), ws.list(Endpoint), ws.list(Run)
    if not videos:
        empty_state("movie", "No videos yet", "Add a video to track.", "Go to Videos", "videos")
        return
    if endpoints:
        with guard():
            track_form(sorted(videos, key=lambda video: natural_sort_key(video.name)), endpoints)
    else:
        empty_state(
            "rocket_launch",
            "No endpoints yet" if not runs else "No endpoints",
            "Tracking uses a deployed model: batch, real-time or asynchronous.",
            "Go to Deploy",
            "deploy",
        )
    jobs_panel(*VERBS)
    if not runs:
        if endpoints:
            st.caption("No runs yet. A run shows the video with its tracks, object counts and downloads.")
        return
    with guard():
        one_run(runs)
    runs_table(runs, {video.id: video.name for video in videos})
    next_step_link("evaluate", "Score these tracks against labels, or tune the tracker settings.")


def track_form(videos: list[Video], endpoints: list[Endpoint]) -> None:
    """Show the choice of a video and an endpoint, and the button that tracks."""
    models = {model.id: model.name for model in ws.list(Model)}

    def endpoint_facts(endpoint: Endpoint) -> str:
        return f"{MODES[endpoint.mode]}, {models.get(endpoint.model, 'model deleted')}"

    with st.container(border=True):
        left, right, action = st.columns([5, 5, 2], vertical_alignment="bottom")
        with left:
            video = choose(videos, "Video", key="track-video", describe=video_facts)
        with right:
            endpoint = choose(endpoints, "Endpoint", key="track-endpoint", describe=endpoint_facts)
        assert video and endpoint
        state = deployments.deployment_of(ws, endpoint).state()
        in_service = state.status == "in service"
        with action:
            if st.button(
                "Track", type="primary", icon=":material/play_arrow:", width="stretch", disabled=not in_service
            ):
                name = f"Track {video.name} - {endpoint.name}"
                start_job_and_rerun("track", name, video=video.id, endpoint=endpoint.id)
        if not in_service:
            with st.container(horizontal=True, vertical_alignment="center"):
                advice = "Wait until it is in service" if state.status == "starting" else "Restart it on Deploy"
                st.markdown(
                    f":orange[:material/warning:] **{endpoint.name}** is {state.status}. {state.reason} "
                    f"{advice}, or choose another endpoint.",
                    width="stretch",
                )
                deploy = journey.STEPS["deploy"]
                st.page_link(deploy.page, label=deploy.title, icon=deploy.material)


main()
