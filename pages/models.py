"""Models: those trained here, those that others published, what each knows and how good it is."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import uploads
from app.widgets import (
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    records_table,
    start_job_and_rerun,
    upload,
)
from app.widgets.formatting import date, number, size
from app.workspace import workspace
from backend.platforms.registry import platform_of
from backend.steps import models
from backend.steps.pretrained_catalog import CATALOG, Published
from backend.workspace.records import Dataset, Job, Model
from bytetrack.training.hyperparameters import SIZES

MEANING = {
    "AP": "Average precision over overlaps from 0.5 to 0.95 on the validation split, 0 to 1.",
    "AP50": "Average precision at an overlap of 0.5 on the validation split, 0 to 1.",
    "HOTA": "How well the validation split was tracked with this detector, in percent.",
}

ws = workspace()


def main() -> None:
    page_header("models")
    known = ws.list(Model)
    jobs_panel("add model", "download model", "publish model")
    if known:
        with guard():
            listing(known)
    else:
        empty_state(
            "neurology",
            "No models yet",
            "Train one on your own labels, or bring in a published one below and track without labeling anything.",
            "Go to Training",
            "training",
        )
    with guard():
        bring_in(expanded=not known)


def listing(known: list[Model]) -> None:
    rows = [
        {
            "Name": model.name,
            "Size": model.size,
            "Classes": model.classes,
            "AP50": model.metrics.get("AP50"),
            "HOTA": model.metrics.get("HOTA"),
            "Source": model.source,
            "Dataset": _name_of_dataset(model),
            "Made": date(model.created),
        }
        for model in known
    ]
    config = {
        "Classes": st.column_config.ListColumn(),
        "AP50": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f", help=MEANING["AP50"]),
        "HOTA": st.column_config.NumberColumn(format="%.1f", help=MEANING["HOTA"]),
    }
    st.caption("Select a row to look at a model.")
    show(records_table(rows, known, key="models", column_config=config) or known[0])
    next_step_link("deploy", "Put a model to work.")


def show(model: Model) -> None:
    """All that is known of one model, and what can be done with it."""
    card = models.card(ws, model)
    with st.container(border=True, key=f"model-{model.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {model.name}", width="content")
            st.markdown(f":small[:gray[{model.source}, {date(model.created)}]]", width="stretch")
            if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{model.id}"):
                confirm_removal(model)
        decimals = {"AP": 3, "AP50": 3, "HOTA": 1, "MOTA": 1, "IDF1": 1}
        shown = {name: f"{card.metrics[name]:.{n}f}" for name, n in decimals.items() if name in card.metrics}
        height, width = card.input_size
        if shown:
            metric_row(shown, MEANING)
        st.caption(
            f"{card.parameters / 1e6:.2f} M parameters, {size(card.bytes)} of weights, "
            f"frames fitted into {width} × {height} pixels, {card.normalization} input"
        )
        origin = [f"Dataset **{card.dataset}**" if card.dataset else ""]
        origin.append(f"labels {', '.join(card.labels)}" if card.labels else "")
        origin.append(f"started from **{card.base}**" if card.base else "")
        if any(origin):
            st.markdown(" · ".join(filter(None, origin)))
        if model.image:
            trained_as = f", trained as `{model.trained_as}`" if model.trained_as else ""
            st.caption(f"Code `{model.image}`{trained_as}")
        if model.registered:
            st.caption(f":green[:material/verified:] In the registry as `{model.registered}`")
        elif platform_of(ws).model_registry and st.button(
            "Register", icon=":material/verified:", key=f"register-{model.id}", help="In the platform's model registry"
        ):
            start_job_and_rerun("publish model", f"Register {model.name}", model=model.id)
        with st.container(horizontal=True, gap="xsmall"):
            for name in card.classes[:20]:
                st.badge(name, icon=":material/label:", color="primary")
            if len(card.classes) > 20:
                st.badge(f"and {len(card.classes) - 20} more", color="gray")
        if len(card.known_classes) > 1:
            with st.expander("Choose the classes that it reports", icon=":material/filter_alt:"):
                narrow(model, card)
        with st.expander("Hyperparameters and thresholds", icon=":material/tune:"):
            st.dataframe(
                [
                    {"Name": name, "Value": str(value)}
                    for name, value in {**card.thresholds, **card.hyperparameters}.items()
                ],
                hide_index=True,
            )


def narrow(model: Model, card: models.Card) -> None:
    """A copy that reports only some of the classes, such as the people and cars of COCO's eighty."""
    chosen = st.multiselect("Classes", card.known_classes, default=card.classes, key=f"classes-{model.id}")
    same = sorted(chosen) == sorted(card.classes)
    if st.button("Make a model with these", key=f"narrow-{model.id}", disabled=same or not chosen):
        made = models.choose_classes(ws, model.id, chosen)
        st.toast(f"“{made.name}” is ready to deploy.", icon=":material/check_circle:")
        st.rerun()


def bring_in(*, expanded: bool) -> None:
    with st.expander("Bring in a pretrained model", icon=":material/add:", expanded=expanded):
        published, own = st.tabs([":material/public: Published", ":material/upload_file: From a file"])
        with published:
            catalog()
        with own:
            from_file()


def catalog() -> None:
    """What can be had with one click, smallest first; what has to be fetched by hand below."""
    offered = {key: each for key, each in CATALOG.items() if each.url}
    running = {job.params.get("entry") for job in ws.list(Job) if job.verb == "download model" and job.active}
    st.markdown(
        "**YOLOX on COCO** knows 80 classes, people and vehicles among them: deploy it as it is, or start your own "
        "training from it. The file is checked against its published SHA-256."
    )
    ordered = sorted(offered.items(), key=lambda item: list(SIZES).index(item[1].size))
    for row in range(0, len(ordered), 3):
        for column, (key, each) in zip(st.columns(3, gap="medium"), ordered[row : row + 3]):
            with column.container(border=True, gap="xsmall"):
                offer(key, each, busy=key in running)
    others = [each for each in CATALOG.values() if not each.url]
    st.markdown(
        f"**ByteTrack on MOT** knows people in crowds. Its authors' host offers no direct download: fetch a file from "
        f"[their model zoo]({others[0].page}), then bring it in “From a file”."
    )
    st.dataframe(
        [{"File": each.file, "Size": each.size, "Input": _sides(each), "Accuracy": each.accuracy} for each in others],
        hide_index=True,
    )


def offer(key: str, published: Published, *, busy: bool) -> None:
    st.markdown(f"**{published.name}**  \n{published.accuracy}")
    st.caption(f"Input {_sides(published)} · about {number(round(published.megabytes or 0))} MB · {published.license}")
    if st.button("Download", icon=":material/download:", key=f"download-{key}", disabled=busy, width="stretch"):
        start_job_and_rerun("download model", f"Download {published.name}", entry=key)


def from_file() -> None:
    st.markdown(
        "A checkpoint of YOLOX or ByteTrack (`.pth`, `.pth.tar`), or a model that this console made (`.zip`, "
        "`.tar.gz`). Only numbers are read from it; nothing in it is run."
    )
    left, right = st.columns(2)
    classes = left.text_input(
        "Names of its classes, in its order",
        placeholder="person, car",
        help="Needed only where it knows other classes than COCO's 80 or MOT's one.",
    )
    origin = right.selectbox(
        "Made for",
        ["auto", "YOLOX", "ByteTrack"],
        format_func={"auto": "Find out", "YOLOX": "YOLOX", "ByteTrack": "ByteTrack"}.__getitem__,
        help="Both feed the same network in different ways; a wrong choice finds next to nothing.",
    )
    params: dict = {"origin": origin}
    if names := [name.strip() for name in (classes or "").split(",") if name.strip()]:
        params["classes"] = names
    _release_ended()
    for file in upload("models", "Upload a model"):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/description: **{file.name}** :gray[{size(file.stat().st_size)}]", width="stretch")
            if st.button("Bring in", type="primary", key=f"bring-{file.name}"):
                start_job_and_rerun(
                    "add model", f"Bring in {file.name}", source=str(uploads.take(ws.root, file)), **params
                )
            if st.button("Discard", icon=":material/close:", type="tertiary", key=f"discard-{file.name}"):
                uploads.discard(file)
                st.rerun()
    with st.form("model-by-path", border=False):
        st.caption("Or name a file or folder on the machine that runs this console.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            path = st.text_input("Path", placeholder="/data/yolox_s.pth", label_visibility="collapsed")
            if st.form_submit_button("Bring in", icon=":material/add:") and path and path.strip():
                start_job_and_rerun("add model", f"Bring in {Path(path.strip()).name}", source=path.strip(), **params)


def _release_ended() -> None:
    """Uploads whose job has ended are not needed any more."""
    for job in ws.list(Job):
        if job.verb == "add model" and not job.active:
            uploads.release(ws.root, Path(job.params["source"]))


def _sides(published: Published) -> str:
    height, width = published.input_size
    return f"{width} × {height}"


def _name_of_dataset(model: Model) -> str:
    dataset = ws.find(Dataset, model.dataset) if model.dataset else None
    return dataset.name if dataset else ""


main()
