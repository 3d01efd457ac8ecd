"""The widgets that pages share. A page begins like this:

    from app.widgets import empty_state, jobs_panel, page_header
    from app.workspace import workspace

    ws = workspace()
    page_header("videos")                      # icon, title and purpose from `app.journey.STEPS`
    jobs_panel("add video", "cut video")       # running and failed jobs of these verbs; near the top of the page

    videos = ws.list(Video)
    if not videos:
        empty_state("movie", "No videos yet", "Add one above, or make the sample.", "Go to Home", "home")
        st.stop()

Starting, choosing, showing, removing:

    run_job("cut video", f"Cut {video.name}", video=video.id, every_frames=100)
        starts a job and reruns the page, so that `jobs_panel` shows it; call it in the page's body
        (`if st.button(…): run_job(…)`), not in a callback: a rerun from there is ignored. Parameters must fit in JSON.
    video = choose(videos, "Video", key="track-video", describe=lambda video: video_facts(video))
        a select box over records that remembers the choice per kind of record across pages, None where there are none
    selected = table(rows, records, key="runs", column_config={…})
        one row per record, one selectable: returns the selected record or None
    options_form(platform.options(TRAINING), key="training")   what the platform lets one choose, as a form
    params |= frame_mapping_form("import")             which frames of a video labels are of, for an import
    metric_row({"HOTA": "61.2", "IDF1": "80.1"})   chart(figure, height=300)
    player(video, [layer("tracks", run.id, video, load)], key=…)   of `app.player.component`: video, tracks, timeline
    download(path, "Tracks (MOT)", "site_tracks.txt")   a button that streams a file of the workspace, of any size
    tracks_downloads(run, video)                   the boxes in every format; `jobs_panel` needs the verb "draw tracks"
    next_step("datasets", "Labels are in. Build a dataset from them.")   at the end of a page
    if st.button("Remove", icon=":material/delete:", key=…): confirm_removal(record)
        a dialog which says what goes with it; removes, then reruns
    for path in upload("models", "Drop a checkpoint here"):   drop zone, streamed to disk; returns the files that wait
        …
        run_job("add model", …, path=str(uploads.take(ws.root, path)))

Errors: `main.py` turns whatever a page raises into a sentence, and ends the page there. Where the rest of the page
should live on, wrap the part: `with guard(): …`. Use `@guarded_fragment(run_every=…)` instead of `@st.fragment`, which
turns errors into other ones. Raise or let pass `UserError`; never call `st.exception`.

Words: "clip" for a video with a parent, "boxes", "objects" (track ids), frames from 0. Icons: `STEPS[…].material`.
Format with `formatting`: `size(bytes)`, `duration(seconds)`, `ago(time)`, `number(n)`, `percent(x)`,
`count(n, "clip")`; sort by name with `bytetrack.files.natural_sort_key`.
"""

from app.widgets.charts import SPLIT_COLORS, chart, class_colors
from app.widgets.errors import guard, guarded_fragment
from app.widgets.frame_mapping import frame_mapping_form
from app.widgets.jobs import job_card, jobs_panel, run_job, start_job
from app.widgets.layout import empty_state, metric_row, next_step, page_header
from app.widgets.media import download, tracks_downloads
from app.widgets.options import options_form
from app.widgets.records import choose, table, video_facts
from app.widgets.removal import confirm_removal
from app.widgets.upload import upload

__all__ = [
    "SPLIT_COLORS",
    "chart",
    "choose",
    "class_colors",
    "confirm_removal",
    "download",
    "empty_state",
    "guard",
    "guarded_fragment",
    "job_card",
    "jobs_panel",
    "metric_row",
    "next_step",
    "options_form",
    "page_header",
    "frame_mapping_form",
    "run_job",
    "start_job",
    "table",
    "tracks_downloads",
    "upload",
    "video_facts",
]
