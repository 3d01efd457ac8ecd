"""Buttons that download files."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import files
from app.widgets.formatting import size
from app.widgets.jobs import start_job_and_rerun
from app.workspace import workspace
from backend import jobs
from backend.steps.export import export
from backend.workspace.paths import OVERLAY
from backend.workspace.records import Labels, Run, Verb, Video

DRAW_VERB: Verb = "draw tracks"  # of the jobs that `track_downloads` starts; the page's `jobs_panel` shows them
FORMATS = (
    ("mot", "MOT", "MOTChallenge text. Frames and IDs count from 1."),
    ("csv", "CSV", "One row per box, with its time in seconds. Frames count from 0."),
    ("json", "JSON", "Classes, and one row per box. Frames count from 0."),
    ("ground_truth", "Ground Truth", "The output format of a SageMaker Ground Truth job. Boxes in whole pixels."),
)


def download_button(path: Path | str, label: str, file_name: str, *, tooltip: str | None = None) -> None:
    """Show a button that downloads a file of any size as `file_name`."""
    address = files.address_of(path, download=file_name)
    st.link_button(label, address, icon=":material/download:", help=tooltip)


def track_downloads(record: Run | Labels, video: Video) -> None:
    """Show a download button per format for the boxes of a run or of labels, and one for the video with the boxes."""
    stem = f"{video.name} {'tracks' if isinstance(record, Run) else 'labels'}"
    overlay = workspace().folder(record) / OVERLAY
    with st.container(horizontal=True, gap="small"):
        if overlay.exists():
            about = f"The video with the boxes drawn on it, {size(overlay.stat().st_size)}"
            download_button(overlay, "MP4", f"{stem}.mp4", tooltip=about)
        else:
            busy = any(job.params.get("of") == record.id for job in jobs.active(workspace(), DRAW_VERB))
            if st.button(
                "Make MP4", icon=":material/movie:", disabled=busy, help="Make a video with the boxes drawn on it."
            ):
                start_job_and_rerun(DRAW_VERB, f"Draw {stem}", of=record.id)
        for file_format, label, about in FORMATS:
            path = export(workspace(), record, file_format)
            download_button(path, label, f"{stem}{path.suffix}", tooltip=about)
