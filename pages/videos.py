"""Videos: add them, look at them, cut them into clips, extract frames."""

from __future__ import annotations

import streamlit as st

from app.widgets import empty_state, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Labels, Verb, Video
from bytetrack.files import natural_sort_key
from pages.parts.video_details import video_details
from pages.parts.video_gallery import add_videos, gallery

VERBS: tuple[Verb, ...] = ("make sample", "add video", "cut video", "extract frames")

ws = workspace()


def main() -> None:
    """Show all videos, or the one that the query parameter `video` names."""
    page_header("videos")
    videos = sorted(ws.list(Video), key=lambda video: natural_sort_key(video.name))
    opened = next((video for video in videos if video.id == st.query_params.get("video")), None)
    if opened:
        video_details(opened, videos, VERBS)
    else:
        all_videos(videos)


def all_videos(videos: list[Video]) -> None:
    """Show the form to add videos, running jobs, and a card per video."""
    add_videos(expanded=not videos)
    jobs_panel(*VERBS)
    if videos:
        gallery(videos)
        if len({labels.video for labels in ws.list(Labels)}) < len(videos):
            next_step_link("labels", "Draw or import labels.")
        else:
            next_step_link("datasets", "All videos have labels. Build a dataset from them.")
    elif not jobs.active(ws):
        empty_state("movie", "No videos yet", "Add your own above, or make a sample on Home.", "Go to Home", "home")


main()
