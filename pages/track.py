"""Track: follow every object of a video with a deployed model, watch the result, take it along."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.player.component import player, track_layer
from app.widgets import (
    choose,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    start_job_and_rerun,
    track_downloads,
    video_facts,
)
from app.widgets.formatting import ago, duration, number, size
from app.workspace import workspace
from backend.steps import deployments
from backend.steps.deployments import MODES
from backend.wording import count
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Endpoint, Model, Run, Video
from bytetrack.files import natural_sort_key
from bytetrack.tracks import Tracks

HELP = {
    "Frames/s": "Frames of the video per second of waiting, from the first byte sent to the last received.",
    "Latency p50": "Half of the requests were answered within this time.",
    "Latency p90": "9 of 10 requests were answered within this time.",
    "Latency p99": "99 of 100 requests were answered within this time.",
    "Objects": "Different track ids; an object that was lost and found again under another id counts twice.",
}

ws = workspace()


def main() -> None:
    page_header("track")
    videos, endpoints, runs = ws.list(Video), ws.list(Endpoint), ws.list(Run)
    if not videos:
        empty_state("movie", "No videos yet", "Tracking needs a video to look at.", "Go to Videos", "videos")
        return
    if endpoints:
        with guard():
            start(sorted(videos, key=lambda video: natural_sort_key(video.name)), endpoints)
    else:
        empty_state(
            "rocket_launch",
            "No deployed model" if runs else "Deploy a model first",
            "Tracking runs through a deployed model: batch, real-time or asynchronous.",
            "Go to Deploy",
            "deploy",
        )
    jobs_panel("track", "draw tracks")
    if not runs:
        if endpoints:
            st.caption("Runs will be listed here: the video with its tracks, counts over time, files to download.")
        return
    with guard():
        show(runs)
    with st.expander(f"All {count(len(runs), 'run')}", icon=":material/list:"):
        listing(runs, {video.id: video.name for video in videos})
    next_step_link("evaluate", "Measure these tracks against labels, or tune the tracker's thresholds.")


def start(videos: list[Video], endpoints: list[Endpoint]) -> None:
    models = {model.id: model.name for model in ws.list(Model)}
    with st.container(border=True):
        left, right, action = st.columns([5, 5, 2], vertical_alignment="bottom")
        with left:
            video = choose(videos, "Video", key="track-video", describe=video_facts)
        with right:
            endpoint = choose(
                endpoints,
                "Deployed model",
                key="track-endpoint",
                describe=lambda endpoint: f"{MODES[endpoint.mode]}, {models.get(endpoint.model, 'model removed')}",
            )
        assert video and endpoint
        state = deployments.deployment_of(ws, endpoint).state()
        ready = state.status == "in service"
        with action:
            if st.button("Track", type="primary", icon=":material/play_arrow:", width="stretch", disabled=not ready):
                start_job_and_rerun(
                    "track", f"Track {video.name} - {endpoint.name}", video=video.id, endpoint=endpoint.id
                )
        if not ready:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f":orange[:material/warning:] **{endpoint.name}** is {state.status}. {state.reason} "
                    "Start it again on the Deploy page, or choose another one.",
                    width="stretch",
                )
                deploy = journey.STEPS["deploy"]
                st.page_link(deploy.page, label=deploy.title, icon=deploy.material)


def show(runs: list[Run]) -> None:
    """One run, the newest unless another is chosen."""
    newest = runs[0].id
    if st.session_state.get("newest run") != newest:  # one that has just been made is the one to look at
        st.session_state["newest run"] = newest
        st.session_state["track-run"] = newest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose(runs, "Run", key="track-run", describe=lambda run: f"{MODES[run.mode]}, {ago(run.created)}")
        assert run
        if st.button("Correct", icon=":material/draw:", key=f"correct-{run.id}", help="As labels, to train on"):
            st.session_state["correct"] = run.id
            st.switch_page(journey.STEPS["labels"].page)
        if st.button("Remove", icon=":material/delete:", key=f"remove-{run.id}"):
            confirm_removal(run)
    folder, video = ws.folder(run), ws.get(Video, run.video)
    metrics = {
        "Frames": number(run.frames),
        "Objects": number(run.objects),
        "Frames/s": number(run.fps),
        "Took": duration(run.seconds),
    }
    if run.latency_ms and run.requests > 1:
        shown = ("p50", list(run.latency_ms)[-1])  # the highest that so many requests tell
        metrics |= {f"Latency {key}": f"{run.latency_ms[key]:.0f} ms" for key in shown}
    metric_row(metrics, HELP)
    player(
        video,
        [track_layer("tracks", run.id, video, lambda: Tracks.load(folder / TRACKS_JSON))],
        key=f"player-{run.id}",
    )
    track_downloads(run, video)
    st.markdown(f":small[:gray[{facts(run)}]]")


def listing(runs: list[Run], videos: dict[str, str]) -> None:
    rows = [
        {
            "Video": videos[run.video],
            "Deployed model": run.endpoint_name,
            "Way": MODES[run.mode],
            "Frames": run.frames,
            "Objects": run.objects,
            "Frames/s": run.fps,
            "Took": duration(run.seconds),
            "When": ago(run.created),
        }
        for run in runs
    ]
    config = {"Frames/s": st.column_config.NumberColumn(format="%.1f")}
    st.dataframe(rows, hide_index=True, column_config=config)


def facts(run: Run) -> str:
    model = ws.find(Model, run.model)
    parts = [f"By {run.endpoint_name} ({MODES[run.mode]})", f"model {model.name if model else 'removed meanwhile'}"]
    if run.requests:
        parts.append(f"{count(run.requests, 'request')} of {size(run.bytes_sent / run.requests)}")
    return ", ".join([*parts, ago(run.created)])


main()
