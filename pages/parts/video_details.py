"""Part of the page Videos that shows one video: player, facts, and the forms to cut it and to extract frames."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from app.player.component import player
from app.player.filmstrip import filmstrip
from app.theme import ACCENT
from app.widgets import (
    download_button,
    figures_line,
    guard,
    jobs_panel,
    record_header,
    start_job_and_rerun,
    track_button,
)
from app.widgets.formatting import duration, frame_range, number, size
from app.widgets.records import remember
from app.workspace import workspace
from backend.steps import videos as video_steps
from backend.wording import count
from backend.workspace.records import Verb, Video

SUGGESTED_CLIP_FRAMES = 100
SUGGESTED_CLIP_SECONDS = 10.0
SUGGESTED_EXTRACTION_STEP = 10
MAX_NAMES_SHOWN = 12
MAX_BARS_SHOWN = 120
RANGES, PIECES = "Ranges", "Equal pieces"


def video_details(video: Video, verbs: Sequence[Verb]) -> None:
    """Show one video.

    Args:
        video: The video.
        verbs: The verbs of the page's jobs.
    """
    remember(video)
    with record_header(video, "videos", back="All videos"):
        track_button(video, key="track-video-button")
    jobs_panel(*verbs)
    _facts(video)
    with guard():
        player(video, key=f"player-{video.id}", in_address=True)
    clips = sorted(workspace().list(Video, parent=video.id), key=lambda clip: clip.start)
    cut_tab, extract_tab = st.tabs([":material/content_cut: Cut into clips", ":material/photo_library: Extract frames"])
    with cut_tab:
        _cut_form(video, clips)
    with extract_tab:
        _extract_form(video)


def _facts(video: Video) -> None:
    figures_line(
        {
            "Frames": f"{number(video.frames)} ({frame_range(video.frames)})",
            "Duration": duration(video.seconds),
            "Frame rate": f"{video.fps:.4g} fps",
            "Resolution": f"{video.width}×{video.height}",
            "Codec": video.codec,
            "File size": size(video.size),
        }
    )
    if parent := workspace().find(Video, video.parent or ""):
        last = video.start + video.frames - 1
        st.caption(f":material/content_cut: Frames {video.start}–{last} of {parent.name}.")
    if video.variable_rate:
        st.caption(":material/info: Variable frame rate. Frames are numbered in display order.")
    if video.rotation:
        st.caption(f":material/screen_rotation: Recorded with a rotation of {video.rotation}°. It is shown upright.")


def _cut_form(video: Video, clips: list[Video]) -> None:
    """Show the form that cuts the video into ranges or into equal pieces."""
    if video.frames < 2:
        st.caption("A video with one frame cannot be cut.")
        return
    how = st.segmented_control(
        "Cut", [RANGES, PIECES], default=RANGES, required=True, key="cut-how", label_visibility="collapsed"
    )
    with guard():
        if how == RANGES:
            _cut_ranges(video)
        else:
            _cut_pieces(video)
    if clips:
        names = ", ".join(clip.name for clip in clips[:MAX_NAMES_SHOWN])
        st.caption(f"Existing clips: {names}{' …' if len(clips) > MAX_NAMES_SHOWN else ''}")


def _cut_ranges(video: Video) -> None:
    """Show the filmstrip and the button that cuts the ranges chosen on it."""
    suggested = min(video.frames, max(1, round(SUGGESTED_CLIP_SECONDS * video.fps)), video.frames // 2)
    ranges = filmstrip(video, {"first": 0, "last": max(suggested, 1) - 1}, key=f"filmstrip-{video.id}")
    frames = sum(chosen["last"] - chosen["first"] + 1 for chosen in ranges)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Cut {count(len(ranges), 'clip')}"
        if st.button(label, type="primary", icon=":material/content_cut:", key="cut-ranges"):
            start_job_and_rerun("cut video", f"Cut {video.name}", video=video.id, ranges=ranges)
        st.markdown(f":gray[{count(frames, 'frame')}. Without sound.]")


def _cut_pieces(video: Video) -> None:
    """Show the form that cuts the video into pieces of equal length, with a preview."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length, params = _clip_length(video)
        clip_count = math.ceil(video.frames / length)
        if st.button(
            f"Cut into {clip_count} clips" if clip_count > 1 else "Cut",
            type="primary",
            icon=":material/content_cut:",
            disabled=not 2 <= clip_count <= video_steps.MAX_CLIPS,
        ):
            start_job_and_rerun("cut video", f"Cut {video.name}", video=video.id, **params)
    if clip_count < 2:
        st.caption("The clip would be the whole video. Choose a shorter length.")
    elif clip_count > video_steps.MAX_CLIPS:
        st.caption(
            f"That would be {number(clip_count)} clips; the limit is {number(video_steps.MAX_CLIPS)}. "
            "Choose a longer length."
        )
    else:
        last_length = video.frames - (clip_count - 1) * length
        st.html(_clips_preview(clip_count, last_length / length))
        last = f", the last of {last_length}" if last_length != length else ""
        st.caption(
            f"{clip_count} clips of {count(length, 'frame')} ({duration(length / video.fps)}){last}. Without sound."
        )


def _clip_length(video: Video) -> tuple[int, dict[str, float]]:
    """Show the fields for the clips' length; return it in frames, and as a parameter of the job."""
    unit = st.segmented_control("Clip length in", ["frames", "seconds"], default="frames", required=True)
    if unit == "frames":
        suggested = min(SUGGESTED_CLIP_FRAMES, max(video.frames // 2, 1))
        length = int(st.number_input("Frames", 1, max(video.frames - 1, 1), suggested, width=160))
        return length, {"every_frames": length}
    half = max(0.1, min(SUGGESTED_CLIP_SECONDS, round(video.seconds / 2, 1)))
    seconds = float(st.number_input("Seconds", 0.04, max(video.seconds, 0.1), half, 1.0, "%.2f", width=160))
    return max(1, round(seconds * video.fps)), {"every_seconds": seconds}


def _clips_preview(clip_count: int, last_share: float) -> str:
    """Return HTML of a bar with one part per clip.

    Args:
        clip_count: Number of clips.
        last_share: Length of the last clip as a fraction of the others' length.
    """
    bars = min(clip_count, MAX_BARS_SHOWN)
    parts = ""
    for index in range(bars):
        share = last_share if index == bars - 1 else 1
        opacity = 0.9 if index % 2 else 0.55
        parts += f'<i style="flex:{share};background:{ACCENT};opacity:{opacity}"></i>'
    return f'<div style="display:flex;gap:2px;height:14px;border-radius:7px;overflow:hidden">{parts}</div>'


def _extract_form(video: Video) -> None:
    """Show the form that extracts frames into a zip file, and the existing files."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = max(video.frames, 1)
        step = int(st.number_input("Every Nth frame", 1, most, min(SUGGESTED_EXTRACTION_STEP, most), width=160))
        if st.button("Extract", type="primary", icon=":material/photo_library:"):
            start_job_and_rerun("extract frames", f"Extract frames of {video.name}", video=video.id, every=step)
    st.caption(f"{count(math.ceil(video.frames / step), 'JPEG image')} in a zip file.")
    for archive in sorted(workspace().folder(video).glob("*.zip")):
        download_button(archive, f"{archive.name} ({size(archive.stat().st_size)})", archive.name)
