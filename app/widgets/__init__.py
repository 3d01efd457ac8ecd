"""Widgets that the pages share.

A page begins like this:

    ws = workspace()
    page_header("videos")                  # icon, title and purpose, from `app.journey.STEPS`
    jobs_panel("add video", "cut video")   # running and failed jobs of these verbs

    if not ws.count(Video):
        empty_state("movie", "No videos yet", "Add a video, or make the sample.", "Go to Home", "home")
        st.stop()

A page with many records of a kind shows a list of them, or the one that the address names:

    if video := address.linked(Video):
        record_header(video, "videos", back="All videos")   # name, edit, delete
        player(video, key=…, in_address=True)               # its frame is in the address
    else:
        record_list(Video, [Column("Duration", lambda video: duration(video.seconds), order="seconds")])

`record_list` has search, tags, order, pages, and actions on one or several records. Never read all records to show or
count some: see `Workspace.search`, `count`, `names`, `values`, and `list(Labels, video=video.id)`.

Widgets that take a button's click:

    if st.button("Cut"):
        start_job_and_rerun("cut video", f"Cut {video.name}", video=video.id, every_frames=100)
    if st.button("Delete", icon=":material/delete:", key=…):
        confirm_removal(record)

`main.py` shows whatever a page raises as one sentence and ends the page there. Wrap a part of a page in `with guard():`
if the rest should still run. Use `@guarded_fragment()` and `@guarded_dialog(…)` instead of `@st.fragment` and
`@st.dialog`, which show tracebacks and turn errors into others; `tests/app/test_errors.py` finds those.

Terms on the pages: a "clip" is a video with a parent, "objects" are track IDs, frames count from 0.
"""

from app.widgets.charts import chart
from app.widgets.downloads import REPORT_VERB, download_button, share_button, track_downloads
from app.widgets.errors import guard, guarded_dialog, guarded_fragment
from app.widgets.frame_mapping import frame_mapping_form
from app.widgets.jobs import job_card, jobs_panel, start_job, start_job_and_rerun
from app.widgets.layout import empty_state, figures_line, metric_row, next_step_link, page_header
from app.widgets.options import options_form
from app.widgets.record_editing import edit_record
from app.widgets.record_header import record_header
from app.widgets.record_list import Column, record_list
from app.widgets.records import choose, choose_of, records_table, video_facts
from app.widgets.removal import confirm_removal
from app.widgets.track_button import track_button
from app.widgets.upload import upload

__all__ = [
    "Column",
    "REPORT_VERB",
    "chart",
    "choose",
    "choose_of",
    "confirm_removal",
    "download_button",
    "edit_record",
    "empty_state",
    "figures_line",
    "frame_mapping_form",
    "guard",
    "guarded_dialog",
    "guarded_fragment",
    "job_card",
    "jobs_panel",
    "metric_row",
    "next_step_link",
    "options_form",
    "page_header",
    "record_header",
    "record_list",
    "records_table",
    "start_job",
    "start_job_and_rerun",
    "track_button",
    "track_downloads",
    "share_button",
    "upload",
    "video_facts",
]
