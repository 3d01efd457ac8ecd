"""Videos: add them, look at them, cut them into clips, extract frames."""

from __future__ import annotations

from app import address
from app.widgets import empty_state, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Labels, Verb, Video
from pages.parts.video_details import video_details
from pages.parts.video_gallery import add_videos, gallery

VERBS: tuple[Verb, ...] = ("make sample", "add video", "cut video", "extract frames")

ws = workspace()


def main() -> None:
    """Show all videos, or the one that the address names."""
    if video := address.linked(Video):
        video_details(video, VERBS)
    else:
        page_header("videos")
        all_videos()


def all_videos() -> None:
    """Show the form to add videos, running jobs, and a card per video."""
    video_count = ws.count(Video)
    add_videos(expanded=not video_count)
    jobs_panel(*VERBS)
    if video_count:
        gallery()
        if len(ws.values(Labels, "video")) < video_count:
            next_step_link("labels", "Draw or import labels.")
        else:
            next_step_link("datasets", "All videos have labels. Build a dataset from them.")
    elif not jobs.active(ws):
        empty_state("movie", "No videos yet", "Add your own above, or make a sample on Home.", "Go to Home", "home")


main()
