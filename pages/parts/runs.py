"""Part of the page Track that shows one run, and lists all runs."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import journey
from app.player.component import player, track_layer
from app.widgets import choose, confirm_removal, metric_row, track_downloads
from app.widgets.formatting import ago, duration, number, size
from app.workspace import workspace
from backend.steps.deployments import MODES
from backend.wording import count, enumerate_words
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Model, Run, Video
from bytetrack.tracks import Tracks
from pages.parts.labeling_form import CORRECT_RUN

TOOLTIPS = {
    "Frames/s": "Frames of the video per second, from the first byte sent to the last byte received.",
    "Latency p50": "Half of the requests were answered within this time.",
    "Latency p90": "9 of 10 requests were answered within this time.",
    "Latency p99": "99 of 100 requests were answered within this time.",
    "Objects": "Number of track IDs. An object that was lost and found again with another ID counts twice.",
}


def one_run(runs: list[Run]) -> None:
    """Show one run, the newest unless the user chose another."""
    newest = runs[0].id
    if st.session_state.get("newest run") != newest:
        st.session_state["newest run"] = st.session_state["track-run"] = newest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose(runs, "Run", key="track-run", describe=lambda run: f"{MODES[run.mode]}, {ago(run.created)}")
        assert run
        if st.button(
            "Correct into labels",
            icon=":material/draw:",
            key=f"correct-{run.id}",
            help="Correct the tracks in the editor and save them as labels.",
        ):
            st.session_state[CORRECT_RUN] = run.id
            st.switch_page(journey.STEPS["labels"].page)
        if st.button("Delete", icon=":material/delete:", key=f"remove-{run.id}"):
            confirm_removal(run)
    for warning in run.warnings:
        _warning(warning)
    metric_row(_metrics(run), TOOLTIPS)
    video = workspace().get(Video, run.video)
    path = workspace().folder(run) / TRACKS_JSON
    player(video, [track_layer("tracks", run.id, video, lambda: Tracks.load(path))], key=f"player-{run.id}")
    track_downloads(run, video)
    st.markdown(f":small[:gray[{_facts(run)}]]")


def _warning(text: str) -> None:
    """Show a reason to doubt the tracks, with links to where its causes can be removed."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":orange[:material/warning:] {text}", width="stretch")
        for key in ("models", "evaluate"):
            step = journey.STEPS[key]
            st.page_link(step.page, label=step.title, icon=step.material)


def _metrics(run: Run) -> dict[str, str]:
    metrics = {
        "Frames": number(run.frames),
        "Objects": number(run.objects),
        "Frames/s": number(run.fps),
        "Duration": duration(run.seconds),
    }
    if run.latency_ms and run.requests > 1:
        highest = list(run.latency_ms)[-1]  # the highest percentile for which there are enough requests
        for percentile in dict.fromkeys(("p50", highest)):
            metrics[f"Latency {percentile}"] = f"{run.latency_ms[percentile]:.0f} ms"
    return metrics


def _facts(run: Run) -> str:
    model = workspace().find(Model, run.model)
    facts = [f"{run.endpoint_name} ({MODES[run.mode]})", f"model {model.name if model else 'deleted'}"]
    if run.classes:
        facts.append(f"{'class' if len(run.classes) == 1 else 'classes'} {enumerate_words(run.classes)}")
    if run.requests:
        facts.append(f"{count(run.requests, 'request')} of {size(run.bytes_sent / run.requests)}")
    return ", ".join([*facts, ago(run.created)])


def runs_table(runs: list[Run], video_names: Mapping[str, str]) -> None:
    """Show all runs in a table.

    Args:
        runs: The runs.
        video_names: Names of the videos by their ids.
    """
    rows = [
        {
            "Video": video_names[run.video],
            "Endpoint": run.endpoint_name,
            "Mode": MODES[run.mode],
            "Classes": ", ".join(run.classes) or "all",
            "Frames": run.frames,
            "Objects": run.objects,
            "Frames/s": run.fps,
            "Duration": duration(run.seconds),
            "Created": ago(run.created),
        }
        for run in runs
    ]
    with st.expander(f"All {count(len(runs), 'run')}", icon=":material/list:"):
        config = {"Frames/s": st.column_config.NumberColumn(format="%.1f")}
        st.dataframe(rows, hide_index=True, column_config=config)
