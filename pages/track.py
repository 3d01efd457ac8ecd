"""Track: track the objects in a video, watch the result, download it."""

from __future__ import annotations

import streamlit as st

from app import address
from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.wording import count
from backend.workspace.records import Run, Verb, Video
from pages.parts.live_tracks import live_tracks
from pages.parts.runs import all_runs, one_run
from pages.parts.track_form import VIDEO_PARAM, track_form

TRACK_VERBS: tuple[Verb, ...] = ("track video", "track")
VERBS: tuple[Verb, ...] = (*TRACK_VERBS, "draw tracks", "make report")

ws = workspace()


def main() -> None:
    """Show the form for a new run, a running job or one run, and a table of all runs."""
    page_header("track")
    run_count = ws.count(Run)
    if not ws.count(Video):
        empty_state("movie", "No videos yet", "Add a video to track.", "Go to Videos", "videos")
        return
    running = next((job for job in jobs.active(ws) if job.verb in TRACK_VERBS), None)
    asked_for_form = address.linked(Video, VIDEO_PARAM) is not None
    is_open = not running and (asked_for_form or not run_count)
    with st.expander("Track a video", icon=":material/add:", expanded=is_open), guard():
        track_form()
    jobs_panel(*VERBS)
    if running:
        with guard():
            live_tracks(running)
        if run_count:  # not shown below a running job unless asked for, as they could be taken for its result
            finished = st.expander(f"Earlier: {count(run_count, 'run')}", icon=":material/history:", on_change="rerun")
            if finished.open:
                with finished:
                    finished_runs()
    elif run_count:
        finished_runs()
        next_step_link("evaluate", "Score these tracks against labels, or tune the tracker settings.")
    else:
        st.caption("No runs yet. A run shows the video with its tracks, object counts and downloads.")


def finished_runs() -> None:
    """Show one run, and the list of all."""
    with guard():
        one_run()
    all_runs()


main()
