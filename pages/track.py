"""Track: track the objects in a video, watch the result, download it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import address
from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.wording import count
from backend.workspace.records import Run, Verb, Video
from bytetrack.files import natural_sort_key
from pages.parts.live_tracks import live_tracks
from pages.parts.runs import one_run, runs_table
from pages.parts.track_form import VIDEO_PARAM, track_form

TRACK_VERBS: tuple[Verb, ...] = ("track video", "track")
VERBS: tuple[Verb, ...] = (*TRACK_VERBS, "draw tracks", "make report")

ws = workspace()


def main() -> None:
    """Show the form for a new run, a running job or one run, and a table of all runs."""
    page_header("track")
    videos, runs = ws.list(Video), ws.list(Run)
    if not videos:
        empty_state("movie", "No videos yet", "Add a video to track.", "Go to Videos", "videos")
        return
    running = next((job for job in jobs.active(ws) if job.verb in TRACK_VERBS), None)
    asked_for_form = address.linked(Video, VIDEO_PARAM) is not None
    is_open = not running and (asked_for_form or not runs)
    with st.expander("Track a video", icon=":material/add:", expanded=is_open), guard():
        track_form(sorted(videos, key=lambda video: natural_sort_key(video.name)))
    jobs_panel(*VERBS)
    if running:
        with guard():
            live_tracks(running)
        if runs:  # not shown below a running job unless asked for, as they could be taken for its result
            finished = st.expander(f"Earlier: {count(len(runs), 'run')}", icon=":material/history:", on_change="rerun")
            if finished.open:
                with finished:
                    finished_runs(runs, videos)
    elif runs:
        finished_runs(runs, videos)
        next_step_link("evaluate", "Score these tracks against labels, or tune the tracker settings.")
    else:
        st.caption("No runs yet. A run shows the video with its tracks, object counts and downloads.")


def finished_runs(runs: Sequence[Run], videos: Sequence[Video]) -> None:
    """Show one run, and a table of all."""
    with guard():
        one_run(list(runs))
    runs_table(list(runs), {video.id: video.name for video in videos})


main()
