"""Part of the page Models that imports pretrained models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from app.routes import uploads
from app.widgets import start_job_and_rerun, upload
from app.widgets.formatting import number, size
from app.workspace import workspace
from backend.steps.pretrained_catalog import CATALOG, Published
from backend.workspace.records import Job, Verb
from bytetrack.training.hyperparameters import SIZES

ADD_VERB: Verb = "add model"
DOWNLOAD_VERB: Verb = "download model"
NORMALIZATIONS = {  # by the value of the job's parameter `origin`: both kinds have the same network
    "auto": "Not sure",
    "YOLOX": "pixels 0-255 (YOLOX)",
    "ByteTrack": "ImageNet mean and std (ByteTrack)",
}
CARDS_PER_ROW = 3


def model_import(*, expanded: bool) -> None:
    """Show the published models, and the form that imports a model file."""
    with st.expander("Import a pretrained model", icon=":material/add:", expanded=expanded):
        published, file = st.tabs([":material/public: Published", ":material/upload_file: From a file"])
        with published:
            _catalog()
        with file:
            _from_file()


def _catalog() -> None:
    """Show the models that one click downloads, smallest first, and those that the user has to download."""
    downloadable = {key: entry for key, entry in CATALOG.items() if entry.url}
    manual = [entry for entry in CATALOG.values() if not entry.url]
    jobs = workspace().list(Job)
    downloading = {job.params.get("entry") for job in jobs if job.verb == DOWNLOAD_VERB and job.active}
    st.markdown(
        "**YOLOX on COCO** detects 80 classes, including people and vehicles. Deploy it as it is, or start your own "
        "training from it. Each download is checked against its published SHA-256."
    )
    by_size = sorted(downloadable.items(), key=lambda item: list(SIZES).index(item[1].size))
    for start in range(0, len(by_size), CARDS_PER_ROW):
        columns = st.columns(CARDS_PER_ROW, gap="medium")
        for column, (key, entry) in zip(columns, by_size[start : start + CARDS_PER_ROW]):
            with column.container(border=True, gap="xsmall"):
                _catalog_card(key, entry, busy=key in downloading)
    st.markdown(
        "**ByteTrack on MOT** detects people in crowds. There is no direct download: get a file from [the authors' "
        f"model zoo]({manual[0].page}), then import it under “From a file”."
    )
    st.dataframe(
        [
            {"File": entry.file, "Size": entry.size, "Input": _input_size(entry), "Accuracy": entry.accuracy}
            for entry in manual
        ],
        hide_index=True,
    )


def _catalog_card(key: str, entry: Published, *, busy: bool) -> None:
    st.markdown(f"**{entry.name}**  \n{entry.accuracy}")
    st.caption(f"Input {_input_size(entry)} · about {number(round(entry.megabytes or 0))} MB · {entry.license}")
    if st.button("Download", icon=":material/download:", key=f"download-{key}", disabled=busy, width="stretch"):
        start_job_and_rerun(DOWNLOAD_VERB, f"Download {entry.name}", entry=key)


def _from_file() -> None:
    """Show the form that imports a model from an upload or from a path on the server."""
    st.markdown(
        "A checkpoint of YOLOX or ByteTrack (`.pth`, `.pth.tar`), or a model that this console trained (`.zip`, "
        "`.tar.gz`). Only weights are read; no code in the file is run."
    )
    params = _options()
    root = workspace().root
    for job in workspace().list(Job):
        if job.verb == ADD_VERB and not job.active:
            uploads.release(root, Path(job.params["source"]))
    for file in upload("models", "Upload a model"):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/description: **{file.name}** :gray[{size(file.stat().st_size)}]", width="stretch")
            if st.button("Import", type="primary", key=f"import-{file.name}"):
                start_job_and_rerun(ADD_VERB, f"Import {file.name}", source=str(uploads.take(root, file)), **params)
            if st.button("Discard", icon=":material/close:", type="tertiary", key=f"discard-{file.name}"):
                uploads.discard(file)
                st.rerun()
    with st.form("model-by-path", border=False):
        st.caption("Or enter the path of a file or folder on the server.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            entered = st.text_input("Path", placeholder="/data/yolox_s.pth", label_visibility="collapsed")
            path = (entered or "").strip()
            if st.form_submit_button("Import", icon=":material/add:") and path:
                start_job_and_rerun(ADD_VERB, f"Import {Path(path).name}", source=path, **params)


def _options() -> dict[str, Any]:
    """Show the fields that say how to read a checkpoint; return them as parameters of the job."""
    left, right = st.columns(2)
    classes = left.text_input(
        "Class names, in the model's order",
        placeholder="person, car",
        help="Needed only if its classes are not the 80 of COCO or the one of MOT.",
    )
    origin = right.selectbox(
        "Input normalization",
        list(NORMALIZATIONS),
        format_func=NORMALIZATIONS.__getitem__,
        help="How the model expects its input. With the wrong choice it detects almost nothing.",
    )
    params: dict[str, Any] = {"origin": origin}
    if names := [name.strip() for name in (classes or "").split(",") if name.strip()]:
        params["classes"] = names
    return params


def _input_size(entry: Published) -> str:
    height, width = entry.input_size
    return f"{width} × {height}"
