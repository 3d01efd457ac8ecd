"""Datasets: labeled clips put together, split by clip for training, validation and testing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app.theme import SPLIT_COLORS
from app.widgets import (
    chart,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    metric_row,
    next_step_link,
    page_header,
    start_job_and_rerun,
)
from app.widgets.formatting import date, number
from app.workspace import workspace
from backend.errors import UserError
from backend.labels.label_sequence import load_labels
from backend.steps import datasets
from backend.wording import count
from backend.workspace.records import Dataset, Labels, Verb, Video
from bytetrack.files import natural_sort_key

VERBS: tuple[Verb, ...] = ("build dataset", "split labels")
LEFT_OUT = "leave out"

ws = workspace()


def main() -> None:
    page_header("datasets")
    labels, built = ws.list(Labels), ws.list(Dataset)
    jobs_panel(*VERBS)
    if not labels:
        empty_state(
            "dataset",
            "No labeled clips yet",
            "A dataset is made of videos with labels. Import some labels first.",
            "Go to Labels",
            "labels",
        )
    else:
        with st.expander("New dataset", icon=":material/add:", expanded=not built), guard():
            compose(labels, built)
    for dataset in built:
        show(dataset)
    if built:
        next_step_link("training", "Train a detector on a dataset.")


def compose(labels: list[Labels], built: list[Dataset]) -> None:
    """Which clip goes into which split, what comes of it, and the button."""
    videos = {video.id: video for video in ws.list(Video)}
    with st.container(horizontal=True):
        name = st.text_input("Name", f"dataset {len(built) + 1}", max_chars=80, width=320)
        labels = of_sources(labels)
    if not labels:
        st.caption("Choose where the labels come from.")
        return
    splits = divide(labels, videos)
    chosen = [id for ids in splits.values() for id in ids]
    if len(chosen) == 1:
        offer_split_in_time(next(each for each in labels if each.id == chosen[0]))
    try:
        found = datasets.problems(ws, **splits)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    by_id = {each.id: each for each in labels}
    boxes = {split: Counter[str]() for split in splits}
    for split, ids in splits.items():
        for id in ids:
            boxes[split].update(class_counts(id, by_id[id].created))
    drawn, told = st.columns([3, 2], gap="large")
    with drawn:
        boxes_chart(boxes, key="chart-new")
    with told:
        frames = {split: sum(len(by_id[id].labeled_frames) for id in ids) for split, ids in splits.items()}
        metric_row({f"{split} frames": number(frames[split]) for split in datasets.SPLITS})
        show_problems(found)
    if st.button("Build dataset", type="primary", icon=":material/dataset:"):
        start_job_and_rerun("build dataset", f"Build {name}", name=name, **splits)


def of_sources(labels: list[Labels]) -> list[Labels]:
    """Where there are labels of several sources, those of the chosen ones; the newest source is suggested."""
    sources = list(dict.fromkeys(each.source for each in labels))
    if len(sources) == 1:
        return labels
    chosen = st.pills("Labels from", sources, selection_mode="multi", default=sources[:1])
    return [each for each in labels if each.source in chosen]


def divide(labels: list[Labels], videos: dict[str, Video]) -> dict[str, list[str]]:
    """The suggested split in a table, for a person to change: split → ids of labels."""
    parents = {videos[each.video].parent for each in labels if each.video in videos}
    # A whole video whose clips are labeled too would put the same frames in twice.
    wanted = [each for each in labels if each.video not in parents]
    suggested = {id: split for split, ids in datasets.suggest_split(wanted).items() for id in ids}
    order = {split: place for place, split in enumerate((*datasets.SPLITS, LEFT_OUT))}
    rows = sorted(labels, key=lambda each: (order[suggested.get(each.id, LEFT_OUT)], natural_sort_key(each.name)))
    st.markdown(
        "Whole clips go into one split: **train** to learn from, **val** to watch the learning, **test** to judge the "
        "tracks. This is a suggestion; change it in the last column."
    )
    edited = st.data_editor(
        pd.DataFrame(
            {
                "Clip": [each.name for each in rows],
                "Source": [each.source for each in rows],
                "Classes": [each.classes for each in rows],
                "Frames": [len(each.labeled_frames) for each in rows],
                "Boxes": [each.boxes for each in rows],
                "Use for": [suggested.get(each.id, LEFT_OUT) for each in rows],
            }
        ),
        key=f"split-{hash(tuple(each.id for each in rows))}",
        hide_index=True,
        disabled=["Clip", "Source", "Classes", "Frames", "Boxes"],
        column_config={
            "Classes": st.column_config.ListColumn(),
            "Use for": st.column_config.SelectboxColumn(options=list(order), required=True),
        },
    )
    used = edited["Use for"].tolist()
    return {split: [each.id for each, use in zip(rows, used) if use == split] for split in datasets.SPLITS}


def offer_split_in_time(labels: Labels) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/call_split: **{labels.name}** is the only clip chosen. Split it in time into "
            f"{datasets.PIECES} clips: the first to train on, the last ones held back.",
            width="stretch",
        )
        if st.button("Split in time", type="primary", icon=":material/content_cut:"):
            start_job_and_rerun("split labels", f"Split {labels.name} in time", labels=labels.id)


@st.cache_data(show_spinner=False, max_entries=2000)
def class_counts(labels_id: str, created: float) -> Counter[str]:
    """Boxes per class; `created` only tells a removed record from a new one."""
    tracks = load_labels(ws, ws.get(Labels, labels_id))
    return Counter(tracks.classes[index] for index in tracks.class_id.tolist())


def boxes_chart(boxes: Mapping[str, Mapping[str, int]], *, key: str) -> None:
    """A bar per class, its splits stacked."""
    classes = sorted({name for counts in boxes.values() for name in counts})
    figure = go.Figure(
        [
            go.Bar(
                name=split,
                y=classes,
                x=[boxes[split].get(name, 0) for name in classes],
                orientation="h",
                marker_color=SPLIT_COLORS[split],
                hovertemplate="%{y}: %{x:,} boxes<extra>" + split + "</extra>",
            )
            for split in datasets.SPLITS
        ]
    )
    figure.update_layout(barmode="stack", bargap=0.45, xaxis_title="boxes")
    chart(figure, key=key, height=max(190, 110 + 42 * len(classes)))


def show_problems(found: list[str]) -> None:
    if not found:
        st.success("No problems found.", icon=":material/check_circle:")
        return
    with st.container(border=True, gap="xsmall", height=220 if len(found) > 4 else "content"):
        st.markdown(f":orange[:material/warning:] **{count(len(found), 'thing')} to know**")
        for problem in found:
            st.markdown(f"- {problem}")


def show(dataset: Dataset) -> None:
    """What a dataset holds."""
    with st.container(border=True, key=f"dataset-{dataset.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {dataset.name}", width="content")
            st.markdown(f":small[:gray[{date(dataset.created)}]]", width="stretch")
            if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{dataset.id}"):
                confirm_removal(dataset)
        drawn, told = st.columns([3, 2], gap="large")
        with drawn:
            boxes_chart(dataset.boxes, key=f"chart-{dataset.id}")
        with told:
            metric_row({f"{split} frames": number(dataset.frames.get(split, 0)) for split in datasets.SPLITS})
            clips = sum(len(ids) for ids in dataset.splits.values())
            boxes = sum(sum(counts.values()) for counts in dataset.boxes.values())
            st.caption(
                f"{count(clips, 'clip')}, {number(boxes)} boxes of {count(len(dataset.classes), 'class', 'classes')}."
            )
            if dataset.problems:
                with st.expander(f"{count(len(dataset.problems), 'thing')} to know", icon=":material/warning:"):
                    for problem in dataset.problems:
                        st.markdown(f"- {problem}")


main()
