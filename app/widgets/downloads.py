"""Buttons that download files."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import files
from app.widgets.formatting import frame_range, size
from app.widgets.jobs import start_job_and_rerun
from app.workspace import workspace
from backend import jobs
from backend.steps import report
from backend.steps.export import export
from backend.workspace.paths import OVERLAY
from backend.workspace.records import Labels, Run, Verb, Video

DRAW_VERB: Verb = "draw tracks"  # of the jobs that `track_downloads` starts; the page's `jobs_panel` shows them
REPORT_VERB: Verb = "make report"  # of the jobs that `share_button` starts
FORMATS = (
    ("mot", "MOT", "MOTChallenge text. IDs and frames count from 1: {last} here is {last_mot} there."),
    ("csv", "CSV", "One row per box, with its time in seconds. Frames count from 0, as here: {range}."),
    ("json", "JSON", "Classes, and one row per box. Frames count from 0, as here: {range}."),
    (
        "ground_truth",
        "Ground Truth",
        "The output format of a SageMaker Ground Truth job. Boxes in whole pixels. `frame-no` counts from 0, as here: "
        "{range}.",
    ),
    ("cvat", "CVAT", "CVAT for video 1.1, in XML. Frames count from 0, as here: {range}."),
)


def share_button(run: Run) -> None:
    """Show a button that offers the report of a run, and makes it if there is none or it is out of date.

    The page's `jobs_panel` shows the job of `REPORT_VERB`.
    """
    with st.popover("Share", icon=":material/share:"):
        st.markdown(
            "A report for people without this console: one HTML file with pictures, counts, scores and facts. It opens "
            "in any browser, also without a network, and can be printed."
        )
        busy = any(job.params.get("run") == run.id for job in jobs.active(workspace(), REPORT_VERB))
        if current := report.find_current(workspace(), run):
            about = f"HTML, {size(current.stat().st_size)}"
            download_button(current, "Download report", f"{run.name} report.html", tooltip=about)
        elif st.button(
            "Make report",
            type="primary",
            icon=":material/description:",
            key=f"report-{run.id}",
            disabled=busy,
            help="Takes a few seconds.",
        ):
            start_job_and_rerun(REPORT_VERB, f"Report on {run.name}", run=run.id)


def download_button(path: Path | str, label: str, file_name: str, *, tooltip: str | None = None) -> None:
    """Show a button that downloads a file of any size as `file_name`."""
    address = files.address_of(path, download=file_name)
    st.link_button(label, address, icon=":material/download:", help=tooltip)


def track_downloads(record: Run | Labels, video: Video) -> None:
    """Show a download button per format for the boxes of a run or of labels, and one for the video with the boxes.

    For a run, there is also a button for its report.
    """
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
            tooltip = about.format(
                range=frame_range(video.frames),
                last=f"frame {video.frames - 1}",
                last_mot=f"frame {video.frames}",
            )
            download_button(path, label, f"{stem}{path.suffix}", tooltip=tooltip)
        if isinstance(record, Run):
            share_button(record)
    if isinstance(record, Labels) and record.attributes:
        names = ", ".join(attribute["name"] for attribute in record.attributes)
        st.caption(f"The attributes {names} are in CSV, Ground Truth and CVAT. MOT and JSON cannot hold them.")
