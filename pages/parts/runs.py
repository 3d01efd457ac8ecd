"""Part of the page Track that shows one run, and lists all runs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import address, journey
from app.player.component import player, track_layer
from app.widgets import Column, choose_of, confirm_removal, edit_record, figures_line, record_list, track_downloads
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


def one_run() -> None:
    """Show one run: that of the address, or the newest; and each new one when it is there."""
    newest = workspace().newest(Run)
    assert newest is not None
    seen = st.session_state.get("newest run")
    if seen != newest.id:
        st.session_state["newest run"] = st.session_state["track-run"] = newest.id
        if seen:
            address.show(run=newest.id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose_of(Run, "Run", key="track-run", newest_first=True, parameter="run")
        assert run
        if st.button(
            "Correct into labels",
            icon=":material/draw:",
            key=f"correct-{run.id}",
            help="Correct the tracks in the editor and save them as labels.",
        ):
            st.session_state[CORRECT_RUN] = run.id
            st.switch_page(journey.STEPS["labels"].page)
        if st.button("Edit", icon=":material/edit:", key=f"edit-{run.id}"):
            edit_record(run)
        if st.button("Delete", icon=":material/delete:", key=f"remove-{run.id}"):
            confirm_removal(run)
    for warning in run.warnings:
        _warning(warning)
    figures_line(_metrics(run), TOOLTIPS)
    video = workspace().get(Video, run.video)
    path = workspace().folder(run) / TRACKS_JSON
    layer = track_layer("tracks", run.id, video, lambda: Tracks.load(path))
    player(video, [layer], key=f"player-{run.id}", in_address=True)
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


def all_runs() -> None:
    """Show the list of all runs."""
    runs = st.expander(
        f"All {count(workspace().count(Run), 'run')}", icon=":material/list:", key="all-runs", on_change="rerun"
    )
    if runs.open:
        with runs:
            record_list(Run, _columns)


def _columns(runs: Sequence[Run]) -> list[Column[Run]]:
    videos = workspace().names(Video, id=[run.video for run in runs])
    return [
        Column("Video", lambda run: videos.get(run.video, "")),
        Column("Mode", lambda run: MODES[run.mode], secondary=True),
        Column("Classes", lambda run: ", ".join(run.classes) or "all", secondary=True),
        Column("Frames", lambda run: number(run.frames), order="frames", right=True, secondary=True),
        Column("Objects", lambda run: number(run.objects), order="objects", right=True),
        Column("Frames/s", lambda run: f"{run.fps:.1f}", order="fps", right=True, secondary=True),
        Column("Duration", lambda run: duration(run.seconds), order="seconds", right=True, secondary=True),
        Column("Created", lambda run: ago(run.created), order="created", right=True),
    ]
