"""Files to take along."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import media
from app.widgets.formatting import size
from app.widgets.jobs import run_job
from app.workspace import workspace
from backend import jobs
from backend.steps.export import export
from backend.workspace.paths import OVERLAY
from backend.workspace.records import Labels, Run, Video

DRAW = "draw tracks"  # the verb of the jobs that `tracks_downloads` starts; the page's `jobs_panel` has it
FORMATS = (
    ("mot", "MOT", "MOTChallenge text; frames and ids from 1"),
    ("csv", "CSV", "One row per box, with seconds; frames from 0"),
    ("json", "JSON", "Classes and rows; frames from 0"),
    ("ground_truth", "Ground Truth", "Like the output of a SageMaker Ground Truth job; boxes in whole pixels"),
)


def download(path: Path | str, label: str, file_name: str, *, help: str | None = None) -> None:
    """A button that saves a file of the workspace, of any size, as `file_name`."""
    st.link_button(label, media.url(path, download=file_name), icon=":material/download:", help=help)


def tracks_downloads(record: Run | Labels, video: Video) -> None:
    """The boxes of a run or of labels in every format, and the video with them drawn on it."""
    stem = f"{video.name} {'tracks' if isinstance(record, Run) else 'labels'}"
    drawn = workspace().folder(record) / OVERLAY
    with st.container(horizontal=True, gap="small"):
        if drawn.exists():
            download(drawn, "MP4", f"{stem}.mp4", help=f"The video with its boxes, {size(drawn.stat().st_size)}")
        else:
            busy = any(job.params.get("of") == record.id for job in jobs.active(workspace(), DRAW))
            if st.button("Make MP4", icon=":material/movie:", disabled=busy, help="Draws the boxes on the video"):
                run_job(DRAW, f"Draw {stem}", of=record.id)
        for format, title, about in FORMATS:
            path = export(workspace(), record, format)
            download(path, title, f"{stem}{path.suffix}", help=about)
