"""Videos: bring them in, look at them, cut them into clips, take frames out of them."""

from __future__ import annotations

import math
from pathlib import Path

import streamlit as st

from app.player.component import player
from app.routes import uploads
from app.widgets import (
    confirm_removal,
    download_button,
    empty_state,
    guard,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    start_job,
    start_job_and_rerun,
    upload,
    video_facts,
)
from app.widgets.formatting import duration, number, size
from app.widgets.records import remember
from app.workspace import workspace
from backend import jobs
from backend.errors import UserError
from backend.steps import videos
from backend.wording import count
from backend.workspace.records import Job, Labels, Verb, Video
from bytetrack.files import natural_sort_key

COLUMNS = 4
PER_PAGE = 24
VERBS: tuple[Verb, ...] = ("make sample", "add video", "cut video", "extract frames")

ws = workspace()


def main() -> None:
    page_header("videos")
    everything = sorted(ws.list(Video), key=lambda video: natural_sort_key(video.name))
    opened = next((video for video in everything if video.id == st.query_params.get("video")), None)
    if opened:
        details(opened, everything)
        return
    add(first=not everything)
    jobs_panel(*VERBS)
    if everything:
        gallery(everything)
        if len({labels.video for labels in ws.list(Labels)}) < len(everything):
            next_step_link("labels", "Say what is where: import labels for your clips.")
        else:
            next_step_link("datasets", "All of them have labels: put them together in a dataset.")
    elif not jobs.active(ws):
        empty_state(
            "movie",
            "No videos yet",
            "Add your own above, or let the console make a sample.",
            "Go to the sample",
            "home",
        )


def add(*, first: bool) -> None:
    """By upload or by path; every file becomes a job of its own."""
    with st.expander("Add videos", icon=":material/add:", expanded=first):
        arrived = upload("videos", "Upload videos")
        with st.form("by-path", border=False):
            st.caption("Or name a file on the machine that runs this console. It stays where it is and is not copied.")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                path = st.text_input(
                    "Path",
                    placeholder="/data/site/camera-3.mp4, or s3://bucket/camera-3.mp4",
                    label_visibility="collapsed",
                )
                if st.form_submit_button("Add", icon=":material/add:") and path and path.strip():
                    start_job_and_rerun("add video", f"Add {path.strip().rsplit('/', 1)[-1]}", source=path.strip())
    for file in arrived:
        with guard():
            start_job("add video", f"Add {file.name}", source=str(uploads.take(ws.root, file)))
    if arrived:
        st.rerun()
    for job in ws.list(Job):
        if job.verb == "add video" and not job.active:
            uploads.release(ws.root, Path(job.params["source"]))


def gallery(everything: list[Video]) -> None:
    """A card per video: clips apart from what they were cut from, where there are both."""
    clips = [video for video in everything if video.parent]
    shown = everything
    if 0 < len(clips) < len(everything):
        kinds = {
            f"All {len(everything)}": everything,
            f"Whole videos {len(everything) - len(clips)}": [video for video in everything if not video.parent],
            f"Clips {len(clips)}": clips,
        }
        kind = st.segmented_control(
            "Show", list(kinds), default=next(iter(kinds)), required=True, label_visibility="collapsed"
        )
        shown = kinds[kind]
    else:
        st.caption(f"{count(len(shown), 'video')}, {size(sum(video.size for video in shown))}")
    limit = st.session_state.setdefault("videos-shown", PER_PAGE)
    labeled = {labels.video for labels in ws.list(Labels)}
    for start in range(0, min(len(shown), limit), COLUMNS):
        for column, video in zip(st.columns(COLUMNS), shown[start : min(start + COLUMNS, limit)]):
            with column:
                card(video, labeled=video.id in labeled)
    if len(shown) > limit and st.button(f"Show more of {len(shown)}", icon=":material/expand_more:"):
        st.session_state["videos-shown"] = limit + PER_PAGE
        st.rerun()


def card(video: Video, *, labeled: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"video-{video.id}"):
        try:
            st.image(str(videos.thumbnail(ws, video)), width="stretch", alt=f"A frame of {video.name}")
        except (UserError, OSError):
            st.markdown("### :gray[:material/broken_image:]")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{video.name}**", width="stretch")
            if labeled:
                st.badge("labels", color="green")
        st.markdown(f":small[:gray[{video_facts(video)}]]")
        if st.button("Open", key=f"open-{video.id}", width="stretch"):
            st.query_params["video"] = video.id
            st.rerun()


def details(video: Video, everything: list[Video]) -> None:
    remember(video)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All videos", icon=":material/arrow_back:", type="tertiary"):
            st.query_params.clear()
            st.rerun()
        st.subheader(video.name, anchor=False, width="stretch")
        if st.button("Remove", icon=":material/delete:", key="remove-video"):
            confirm_removal(video)
    jobs_panel(*VERBS)
    parent = next((each for each in everything if each.id == video.parent), None)
    left, right = st.columns([5, 4], gap="large")
    with left, guard():
        player(video, key=f"player-{video.id}")
    with right:
        metric_row({"Picture": f"{video.width}×{video.height}", "Frames": number(video.frames)})
        metric_row({"Frames per second": f"{video.fps:.4g}", "Length": duration(video.seconds)})
        metric_row({"Codec": video.codec, "File": size(video.size)})
        if parent:
            st.caption(
                f":material/content_cut: Frames {video.start} to {video.start + video.frames - 1} of {parent.name}."
            )
        if video.variable_rate:
            st.caption(":material/info: Its frames come at uneven times; here they are numbered in their order.")
        if video.rotation:
            st.caption(f":material/screen_rotation: Filmed turned by {video.rotation}°; it is shown and used upright.")
    clips = sorted((each for each in everything if each.parent == video.id), key=lambda clip: clip.start)
    with st.container(border=True):
        cutting, extracting = st.tabs(
            [":material/content_cut: Cut into clips", ":material/photo_library: Extract frames"]
        )
        with cutting:
            cut(video, clips)
        with extracting:
            extract(video)


def cut(video: Video, clips: list[Video]) -> None:
    """Clips of equal length, shown before they are made."""
    if video.frames < 2:
        st.caption("One frame cannot be cut.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        unit = st.segmented_control("Length of a clip in", ["frames", "seconds"], default="frames", required=True)
        if unit == "frames":
            suggested = min(100, max(video.frames // 2, 1))
            length = int(st.number_input("Frames", 1, max(video.frames - 1, 1), suggested, width=160))
            params: dict[str, float] = {"every_frames": length}
        else:
            half = max(0.1, min(10.0, round(video.seconds / 2, 1)))
            seconds = st.number_input("Seconds", 0.04, max(video.seconds, 0.1), half, 1.0, "%.2f", width=160)
            length, params = max(1, round(seconds * video.fps)), {"every_seconds": float(seconds)}
        pieces = math.ceil(video.frames / length)
        if st.button(
            f"Cut into {pieces} clips" if pieces > 1 else "Cut",
            type="primary",
            icon=":material/content_cut:",
            disabled=not 2 <= pieces <= videos.MAX_CLIPS,
        ):
            start_job_and_rerun("cut video", f"Cut {video.name}", video=video.id, **params)
    last = video.frames - (pieces - 1) * length
    if pieces < 2:
        st.caption("The clip would be the whole video. Choose a shorter length.")
    elif pieces > videos.MAX_CLIPS:
        st.caption(
            f"That would be {number(pieces)} clips, more than {number(videos.MAX_CLIPS)}. Choose a longer length."
        )
    else:
        st.html(preview(pieces, last / length))
        tail = f", the last of {last}" if last != length else ""
        st.caption(
            f"{pieces} clips of {count(length, 'frame')} ({duration(length / video.fps)}){tail}. Sound is left out."
        )
    if clips:
        st.caption(f"Cut already: {', '.join(clip.name for clip in clips[:12])}{' …' if len(clips) > 12 else ''}")


def preview(pieces: int, last: float) -> str:
    """The video as a bar in as many parts as there will be clips; `last` is the last one's share of a full one."""
    shown = min(pieces, 120)
    parts = ""
    for part in range(shown):
        share, opacity = last if part == shown - 1 else 1, 0.9 if part % 2 else 0.55
        parts += f'<i style="flex:{share};background:#14a394;opacity:{opacity}"></i>'
    return f'<div style="display:flex;gap:2px;height:14px;border-radius:7px;overflow:hidden">{parts}</div>'


def extract(video: Video) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        every = int(
            st.number_input("Every n-th frame", 1, max(video.frames, 1), min(10, max(video.frames, 1)), width=160)
        )
        if st.button("Extract", type="primary", icon=":material/photo_library:"):
            start_job_and_rerun("extract frames", f"Extract frames of {video.name}", video=video.id, every=every)
    st.caption(f"{count(math.ceil(video.frames / every), 'JPEG picture')} in a zip file.")
    for archive in sorted(ws.folder(video).glob("*.zip")):
        download_button(archive, f"{archive.name} ({size(archive.stat().st_size)})", archive.name)


main()
