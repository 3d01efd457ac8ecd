"""Part of the page Labels that imports label files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from app.routes import uploads
from app.widgets import frame_mapping_form, start_job_and_rerun, upload
from app.widgets.formatting import size
from app.workspace import workspace
from backend.labels.formats import FORMATS
from backend.workspace.records import Job, Verb, Video

VERB: Verb = "import labels"
MATCH_BY_NAME = "Match by name"
SUPPORTED_FORMATS = (
    "".join(f"**{label_format.title}**: {label_format.description}  \n" for label_format in FORMATS.values())
    + "As files, or in a zip or tar archive."
)


def labels_import(videos: list[Video]) -> None:
    """Show the form that imports labels from an upload or from a path on the server."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(SUPPORTED_FORMATS)
        st.caption(
            "Tools such as SageMaker Ground Truth, CVAT and Label Studio export one of these formats. On AWS, the "
            "path can be an output folder in S3."
        )
    with right:
        params = _options(videos)
    for file in upload("labels", "Upload labels"):
        _uploaded_file(file, params)
    with st.form("by-path", border=False):
        st.caption("Or enter the path of a file or folder on the server.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            entered = st.text_input(
                "Path", placeholder="/data/labeling-job-output/site-a", label_visibility="collapsed"
            )
            path = (entered or "").strip()
            if st.form_submit_button("Import", icon=":material/add:") and path:
                _start_import(path, params)


def _options(videos: list[Video]) -> dict[str, Any]:
    """Show the fields that say how to read the labels; return them as parameters of the job."""
    left, right = st.columns(2)
    titles = {"auto": "Detect automatically"} | {name: FORMATS[name].title for name in FORMATS}
    label_format = left.selectbox("Format", list(titles), format_func=titles.__getitem__, key="import-format")
    names = {video.id: video.name for video in videos}
    video = right.selectbox(
        "Video",
        [MATCH_BY_NAME, *names],
        format_func=lambda video_id: names.get(video_id, video_id),
        key="import-video",
        help="Label files name their video. Choose the video if they do not, as for a single gt.txt.",
    )
    classes = st.text_input(
        "Class names, in order of their numbers",
        placeholder="person, car",
        key="import-classes",
        help="For MOTChallenge files, which number their classes from 1 or from 0, without names. Leave empty for "
        "other formats.",
        disabled=label_format in FORMATS and not FORMATS[label_format].uses_class_names,
    )
    params: dict[str, Any] = {"format": label_format, **frame_mapping_form("import")}
    if video != MATCH_BY_NAME:
        params["video"] = video
    if class_names := [name.strip() for name in (classes or "").split(",") if name.strip()]:
        params["classes"] = class_names
    return params


def discard_imported_files() -> None:
    """Remove uploaded files that were imported."""
    imported = {job.params.get("path") for job in workspace().list(Job) if job.verb == VERB and job.status == "done"}
    for file in uploads.waiting(workspace().root, "labels"):
        if str(file) in imported:
            uploads.discard(file)


def _uploaded_file(file: Path, params: dict[str, Any]) -> None:
    """Show a file that waits for the user to choose its options."""
    using = [job for job in workspace().list(Job) if job.verb == VERB and job.params.get("path") == str(file)]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{file.name}** :gray[{size(file.stat().st_size)}]", width="stretch")
        busy = any(job.active for job in using)
        if st.button("Import", type="primary", key=f"import-{file.name}", disabled=busy):
            _start_import(str(file), params)
        if st.button("Discard", icon=":material/close:", type="tertiary", key=f"discard-{file.name}", disabled=busy):
            uploads.discard(file)
            st.rerun()


def _start_import(path: str, params: dict[str, Any]) -> None:
    start_job_and_rerun(VERB, f"Import {Path(path).name}", path=path, **params)
