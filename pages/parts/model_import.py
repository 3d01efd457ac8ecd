"""Part of the page Models that imports pretrained models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from app.routes import uploads
from app.widgets import start_job_and_rerun, upload
from app.widgets.formatting import number, size
from app.workspace import workspace
from backend.steps.model_files import NORMALIZATION_NAMES, says_its_input, usual_side
from backend.steps.pretrained_catalog import CATALOG, Published, similar_name
from backend.wording import count
from backend.workspace.records import Job, Verb
from bytetrack.training.hyperparameters import SIZES
from pages.parts.model_trial import input_size_fields, is_being_tried, newest_trial, trial_form, trial_results

ADD_VERB: Verb = "add model"
DOWNLOAD_VERB: Verb = "download model"
NOT_SURE = "not sure"
NORMALIZATION_TITLES = {
    NOT_SURE: "Not sure: try both",
    "raw": "Pixels 0-255 (YOLOX since 0.2)",
    "imagenet": "ImageNet mean and std (ByteTrack, older YOLOX)",
}
LIGHT_FILE_BYTES = 60_000_000  # above YOLOX-tiny with its optimizer, below YOLOX-s
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
    waiting = upload("models", "Upload a model")
    entered = st.text_input(
        "Or enter the path of a file or folder on the server", placeholder="/data/mine.pth", key="model-path"
    )
    path = Path((entered or "").strip()).expanduser() if (entered or "").strip() else None
    if path and not path.exists():
        st.error(f"File or folder not found: {path}.", icon=":material/error:")
        path = None
    sources = [*([path] if path else []), *reversed(waiting)]
    if not sources:
        return
    source = sources[0]
    if len(sources) > 1:
        names = {str(candidate): candidate for candidate in sources}
        chosen = st.selectbox("File", list(names), format_func=lambda text: Path(text).name, key="model-file")
        source = names[chosen]
    with st.container(border=True, key="model-source"):
        _source(source, is_upload=source in waiting)


def _source(source: Path, *, is_upload: bool) -> None:
    """Show one file: what it says, the questions about what it does not say, a trial, and the import."""
    importing = any(job.active and job.params["source"] == str(source) for job in workspace().list(Job, verb=ADD_VERB))
    with st.container(horizontal=True, vertical_alignment="center"):
        facts = size(source.stat().st_size) if source.is_file() else "folder"
        st.markdown(f":material/description: **{source.name}** :gray[{facts}]", width="stretch")
        if is_upload and st.button("Discard", icon=":material/close:", type="tertiary", key="discard-model"):
            uploads.discard(source)
            st.rerun()
    if _says_its_input(str(source), source.stat().st_mtime_ns):
        st.caption("A model of this console. It says its classes, its input size and its normalization itself.")
        if st.button("Import", type="primary", disabled=importing, key="import-model"):
            _start_import(source)
        return
    _questions(source, importing=importing)


def _questions(source: Path, *, importing: bool) -> None:
    """Ask what a checkpoint does not say."""
    key = f"model-{source.name}"
    similar = similar_name(source.name)
    left, right = st.columns(2)
    with left:
        normalization = st.selectbox(
            "Input normalization",
            [NOT_SURE, *NORMALIZATION_NAMES],
            format_func=lambda name: NORMALIZATION_TITLES[name],
            key=f"{key}-normalization",
            help="The pixel values that the network was trained with. With the wrong ones it detects almost nothing.",
        )
    with right:
        suggested = list(similar.input_size) if similar else [_usual_side(source)] * 2
        input_size = input_size_fields(key, suggested)
    classes_text = st.text_input(
        "Class names, in the model's order",
        placeholder="COCO's 80 classes",
        key=f"{key}-classes",
        help="Needed if the model has other classes than the 80 of COCO.",
    )
    classes = [name.strip() for name in (classes_text or "").split(",") if name.strip()]
    if similar:
        st.caption(
            f"A published checkpoint has this file name: {similar.name}, input {_input_size(similar)}, "
            f"{NORMALIZATION_NAMES[similar.normalization]}. Try this file before you rely on its name."
        )
    trial = newest_trial(source=str(source), after=source.stat().st_mtime)
    is_open = normalization == NOT_SURE
    trial_form(
        key,
        source.name,
        busy=is_being_tried(source=str(source)),
        primary=is_open and trial is None,
        source=str(source),
        input_size=input_size,
        classes=classes or None,
    )
    if trial:
        _content_hint(trial.result, classes)
        if chosen := trial_results(trial):
            _start_import(source, classes=classes, normalization=chosen[0], input_size=chosen[1])
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Import", type="secondary" if is_open else "primary", disabled=is_open or importing, key="import-model"
        ):
            _start_import(source, classes=classes, normalization=normalization, input_size=input_size)
        if is_open:
            st.caption("Choose a normalization, or try both and use the one that detects what is there.")


def _content_hint(result: dict[str, Any], classes: list[str]) -> None:
    """Say which published checkpoint it is, how many classes it has, and whether their names are still needed."""
    if result["published"]:
        st.success(f"The checksum is that of the published {result['published']}.", icon=":material/verified:")
    outputs, names = result["outputs"], result["class_names"]
    if classes:
        return
    if not names:
        classes_text = count(outputs, "class", "classes")
        st.warning(
            f"The model has {classes_text} and does not name them. Enter the names above.", icon=":material/label:"
        )
    elif len(names) > 1:
        st.caption(f"{len(names)} classes, named as in COCO: {', '.join(names[:5])}, …")


def _start_import(source: Path, **params: Any) -> NoReturn:
    """Start the import. A waiting upload stays until it is imported, so that an error does not lose it."""
    params["classes"] = params.get("classes") or None
    start_job_and_rerun(ADD_VERB, f"Import {source.name}", source=str(source), **params)


@st.cache_data(max_entries=20, show_spinner="Reading the file")
def _says_its_input(source: str, modified: int) -> bool:
    return says_its_input(Path(source))


def _usual_side(source: Path) -> int:
    """Suggest a side of the input by the size of the file, for which the weights account."""
    is_light = source.is_file() and source.stat().st_size < LIGHT_FILE_BYTES
    return usual_side("nano" if is_light else "s")


def _input_size(entry: Published) -> str:
    height, width = entry.input_size
    return f"{width} × {height}"
