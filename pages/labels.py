"""Labels: bring them in, see them on the frames."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.player.component import player, track_layer
from app.routes import uploads
from app.widgets import (
    choose,
    confirm_removal,
    empty_state,
    frame_mapping_form,
    guard,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    records_table,
    start_job_and_rerun,
    track_downloads,
    upload,
)
from app.widgets.formatting import ago, number, size
from app.workspace import workspace
from backend import jobs
from backend.labels.label_sequence import load_labels
from backend.steps import importing
from backend.wording import count
from backend.workspace.records import Job, Labels, Verb, Video
from bytetrack.files import natural_sort_key
from pages.parts.labeling_jobs import labeling_jobs

VERBS: tuple[Verb, ...] = ("import labels", "start labeling", "fetch labels", "make sample", "draw tracks")
BY_NAME = "Decide by name"
ACCEPTED = (
    "**Ground Truth**: the output folder of a video object tracking job.  \n"
    "**MOTChallenge**: `gt.txt`, alone or in its folder.  \n"
    "**COCO**: a `.json` whose images carry frame numbers.  \n"
    "Each as it is, or as a zip or tar."
)

ws = workspace()


def main() -> None:
    page_header("labels")
    videos = ws.list(Video)
    everything = sorted(ws.list(Labels), key=lambda labels: natural_sort_key(labels.name))
    if not videos:
        jobs_panel(*VERBS)
        if not jobs.active(ws):
            empty_state(
                "select_all",
                "No videos to label yet",
                "Add the videos first, then their labels.",
                "Go to Videos",
                "videos",
            )
        return
    with guard():
        labeling_jobs(videos)
    bring_in(videos, first=not everything)
    jobs_panel(*VERBS)
    if not everything:
        return
    names = {video.id: video for video in videos}
    rows = [
        {
            "Labels": labels.name,
            "Video": names[labels.video].name if labels.video in names else "",
            "Source": labels.source,
            "Classes": labels.classes,
            "Labeled frames": len(labels.labeled_frames),
            "Boxes": labels.boxes,
            "Objects": labels.objects,
            "Notes": len(labels.notes),
            "Added": ago(labels.created),
        }
        for labels in everything
    ]
    selected = records_table(
        rows, everything, key="labels-table", column_config={"Classes": st.column_config.ListColumn()}
    )
    if selected and st.session_state.get("labels-row") != selected.id:  # a row that was just clicked
        st.session_state["labels-row"] = st.session_state["labels-look"] = selected.id
    look(everything, names)
    next_step_link("datasets", "Put labeled clips together, some to train on and some held back for testing.")


def bring_in(videos: list[Video], *, first: bool) -> None:
    with st.expander("Import labels", icon=":material/add:", expanded=first):
        accepted, options = st.columns([2, 3], gap="large")
        with accepted:
            st.markdown(ACCEPTED)
            st.caption(
                "Made with a tool that writes one of these, such as SageMaker Ground Truth, CVAT or Label Studio. "
                "On AWS, name an output folder in S3."
            )
        with options:
            left, right = st.columns(2)
            formats = {"auto": "Find out"} | importing.FORMATS
            format = left.selectbox(
                "Format", list(formats), format_func=lambda format: formats[format], key="import-format"
            )
            ids = {video.id: video.name for video in videos}
            video = right.selectbox(
                "Of which video",
                [BY_NAME, *ids],
                format_func=lambda id: ids.get(id, id),
                key="import-video",
                help="Labels name their video. Choose it where they do not, such as for a single gt.txt.",
            )
            classes = st.text_input(
                "Names of the classes, in the order of their numbers",
                placeholder="person, car",
                key="import-classes",
                help="MOTChallenge files number their classes, from 1 or from 0, without names. Leave empty for other "
                "formats.",
            )
            params: dict = {"format": format} | frame_mapping_form("import")
            if video != BY_NAME:
                params["video"] = video
            if names := [name.strip() for name in (classes or "").split(",") if name.strip()]:
                params["classes"] = names
        for file in upload("labels", "Upload labels"):
            arrived(file, params)
        with st.form("by-path", border=False):
            st.caption("Or name a file or folder on the machine that runs this console.")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                path = st.text_input(
                    "Path", placeholder="/data/labeling-job-output/site-a", label_visibility="collapsed"
                )
                if st.form_submit_button("Import", icon=":material/add:") and path and path.strip():
                    start(path.strip(), params)


def arrived(file: Path, params: dict) -> None:
    """A file that was uploaded waits for the options above; it goes once it was imported."""
    using = [job for job in ws.list(Job) if job.verb == "import labels" and job.params.get("path") == str(file)]
    if any(job.status == "done" for job in using):
        uploads.discard(file)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{file.name}** :gray[{size(file.stat().st_size)}]", width="stretch")
        busy = any(job.active for job in using)
        if st.button("Import", type="primary", key=f"import-{file.name}", disabled=busy):
            start(str(file), params)
        if st.button("Discard", icon=":material/close:", type="tertiary", key=f"discard-{file.name}", disabled=busy):
            uploads.discard(file)
            st.rerun()


def start(path: str, params: dict) -> None:
    start_job_and_rerun("import labels", f"Import {Path(path).name}", path=path, **params)


def look(everything: list[Labels], videos: dict[str, Video]) -> None:
    """One set of labels on its frames."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            labels = choose(
                everything, "Look at", key="labels-look", describe=lambda each: count(each.boxes, "box", "boxes")
            )
            if labels is None:
                return
            if st.button("Remove", icon=":material/delete:", key="remove-labels"):
                confirm_removal(labels)
        video = videos[labels.video]
        labeled = f"{number(len(labels.labeled_frames))} of {number(video.frames)}"
        metric_row(
            {
                "Boxes": number(labels.boxes),
                "Objects": number(labels.objects),
                "Labeled frames": labeled,
                "Source": labels.source,
            }
        )
        with guard():
            shown = track_layer("labels", labels.id, video, lambda: load_labels(ws, labels))
            player(video, [shown], key=f"player-{labels.id}", stops=labels.labeled_frames)
        with st.container(horizontal=True, gap="small"):
            for name in labels.classes:
                st.badge(name, icon=":material/label:", color="primary")
        with guard():
            track_downloads(labels, video)
        for note in labels.notes:
            st.caption(f":material/info: {note}")


main()
