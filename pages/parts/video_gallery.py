"""Parts of the page Videos that show all videos: the form to add some, and a card per video."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import uploads
from app.widgets import guard, start_job, start_job_and_rerun, upload, video_facts
from app.widgets.formatting import size
from app.workspace import workspace
from backend.errors import UserError
from backend.steps import videos as video_steps
from backend.wording import count
from backend.workspace.records import Job, Labels, Verb, Video

ADD_VERB: Verb = "add video"
CARDS_PER_ROW = 4
CARDS_PER_PAGE = 24


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
    for job in workspace().list(Job):
        if job.verb == ADD_VERB and not job.active:
            uploads.release(root, Path(job.params["source"]))


def gallery(videos: list[Video]) -> None:
    """Show a card per video. If there are both, the user can show only clips or only whole videos."""
    shown = _filter(videos)
    limit = st.session_state.setdefault("videos-shown", CARDS_PER_PAGE)
    labeled = {labels.video for labels in workspace().list(Labels)}
    for start in range(0, min(len(shown), limit), CARDS_PER_ROW):
        row = shown[start : min(start + CARDS_PER_ROW, limit)]
        for column, video in zip(st.columns(CARDS_PER_ROW), row):
            with column:
                _card(video, labeled=video.id in labeled)
    if len(shown) > limit and st.button(f"Show more of {len(shown)}", icon=":material/expand_more:"):
        st.session_state["videos-shown"] = limit + CARDS_PER_PAGE
        st.rerun()


def _filter(videos: list[Video]) -> list[Video]:
    clips = [video for video in videos if video.parent]
    whole = [video for video in videos if not video.parent]
    if not clips or not whole:
        st.caption(f"{count(len(videos), 'video')}, {size(sum(video.size for video in videos))}")
        return videos
    kinds = {f"All {len(videos)}": videos, f"Whole videos {len(whole)}": whole, f"Clips {len(clips)}": clips}
    kind = st.segmented_control(
        "Show", list(kinds), default=next(iter(kinds)), required=True, label_visibility="collapsed"
    )
    return kinds[kind]


def _card(video: Video, *, labeled: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"video-{video.id}"):
        try:
            thumbnail = str(video_steps.thumbnail(workspace(), video))
            st.image(thumbnail, width="stretch", alt=f"A frame of {video.name}")
        except (UserError, OSError):
            st.markdown("### :gray[:material/broken_image:]")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{video.name}**", width="stretch")
            if labeled:
                st.badge("Labeled", color="green")
        st.markdown(f":small[:gray[{video_facts(video)}]]")
        if st.button("Open", key=f"open-{video.id}", width="stretch"):
            st.query_params["video"] = video.id
            st.rerun()
