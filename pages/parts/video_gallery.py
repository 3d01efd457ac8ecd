"""Parts of the page Videos that show all videos: the form to add some, and a card per video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.routes import uploads
from app.widgets import Column, guard, record_list, start_job, start_job_and_rerun, upload
from app.widgets.formatting import duration
from app.widgets.track_button import open_track
from app.workspace import workspace
from backend.steps import videos as video_steps
from backend.wording import count
from backend.workspace.records import Job, Labels, Verb, Video

ADD_VERB: Verb = "add video"


def add_videos(*, expanded: bool) -> None:
    """Show the form to upload videos or to add one by its path. Each file becomes a job."""
    root = workspace().root
    with st.expander("Add videos", icon=":material/add:", expanded=expanded):
        arrived = upload("videos", "Upload videos")
        with st.form("by-path", border=False):
            st.caption("Or enter the path of a file on the server. It is used in place, not copied.")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                entered = st.text_input(
                    "Path",
                    placeholder="/data/site/camera-3.mp4 or s3://bucket/camera-3.mp4",
                    label_visibility="collapsed",
                )
                path = (entered or "").strip()
                if st.form_submit_button("Add", icon=":material/add:") and path:
                    start_job_and_rerun(ADD_VERB, f"Add {path.rsplit('/', 1)[-1]}", source=path)
    for file in arrived:
        with guard():
            start_job(ADD_VERB, f"Add {file.name}", source=str(uploads.take(root, file)))
    if arrived:
        st.rerun()
    for job in workspace().list(Job, verb=ADD_VERB):
        if not job.active:
            uploads.release(root, Path(job.params["source"]))


def gallery() -> None:
    """Show a card per video. If there are both, the user can show only clips or only whole videos."""
    clip_count = workspace().count(Video, present={"parent": True})
    has_both = 0 < clip_count < workspace().count(Video)
    record_list(
        Video,
        [
            Column("Duration", lambda video: duration(video.seconds), order="seconds"),
            Column("Resolution", lambda video: f"{video.width}×{video.height}", order="height"),
            Column("Frames", lambda video: count(video.frames, "frame"), order="frames"),
        ],
        filters={"All": {}, "Whole videos": {"parent": False}, "Clips": {"parent": True}} if has_both else None,
        badges=_labeled,
        thumbnail=lambda video: video_steps.thumbnail(workspace(), video).read_bytes(),
        order="name",
        row_action=("Track", open_track),
    )


def _labeled(videos: Sequence[Video]) -> dict[str, list[str]]:
    """Return the badge of the videos that have labels, by their ids."""
    all_labels = workspace().values(Labels, "video", video=[video.id for video in videos])
    return {video_id: ["Labeled"] for video_id in all_labels}
