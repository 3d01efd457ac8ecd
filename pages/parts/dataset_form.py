"""Part of the page Datasets that builds a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import pandas as pd
import streamlit as st

from app.widgets import start_job_and_rerun
from app.widgets.formatting import class_counts
from app.workspace import workspace
from backend.errors import UserError
from backend.labels.label_statistics import statistics_of
from backend.steps import datasets
from backend.wording import count
from backend.workspace.records import DRAWN_HERE, Labels
from bytetrack.files import natural_sort_key
from pages.parts.dataset_card import boxes_chart, frame_metrics

NOT_USED = "not used"
SPLIT_COLUMN = "Split"
MAX_WARNINGS_UNSCROLLED = 4


def dataset_form(labels: list[Labels], suggested_name: str) -> None:
    """Show the form: the split of each clip, what the dataset would contain, and warnings."""
    with st.container(horizontal=True):
        name = st.text_input("Name", suggested_name, max_chars=80, width=320)
        labels = _choose_sources(labels)
    if not labels:
        st.caption("Choose at least one source of labels.")
        return
    _count_missing(labels)
    splits = _split_table(labels)
    by_id = {record.id: record for record in labels}
    chosen = [labels_id for ids in splits.values() for labels_id in ids]
    if len(chosen) == 1:
        _offer_split_in_time(by_id[chosen[0]])
    try:
        problems = datasets.find_problems(workspace(), **splits)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        boxes_chart(_count_boxes(splits, by_id), key="chart-new")
    with right:
        frame_metrics(
            {split: sum(len(by_id[labels_id].labeled_frames) for labels_id in ids) for split, ids in splits.items()}
        )
        _warnings(problems)
    if st.button("Build dataset", type="primary", icon=":material/dataset:"):
        start_job_and_rerun("build dataset", f"Build {name}", name=name, **splits)


def _choose_sources(labels: list[Labels]) -> list[Labels]:
    """If the labels have several sources, let the user choose; the newest and those drawn here are suggested."""
    uses = Counter(record.source for record in labels)  # in the order of the labels: the newest source first
    if len(uses) == 1:
        return labels
    sources = list(uses)
    suggested = [source for source in sources if source in (sources[0], DRAWN_HERE)]
    chosen = st.pills(
        "Labels from",
        sources,
        selection_mode="multi",
        default=suggested,
        format_func=lambda source: f"{source} ({uses[source]:,})",
    )
    return [record for record in labels if record.source in chosen]


def _count_missing(labels: list[Labels]) -> None:
    """Count the boxes of labels that an earlier version stored without counts, once."""
    missing = [record for record in labels if record.statistics is None]
    if not missing:
        return
    bar = st.progress(0.0, "Counting boxes")
    for number, record in enumerate(missing, 1):
        statistics_of(workspace(), record)
        bar.progress(number / len(missing), f"Counting the boxes of {number:,} of {count(len(missing), 'clip')}, once")
    bar.empty()


def _split_table(labels: list[Labels]) -> dict[str, list[str]]:
    """Show the suggested split in a table that the user can change; return the ids of the labels by split."""
    usable = datasets.select_distinct(workspace(), labels)
    suggested = {labels_id: split for split, ids in datasets.suggest_split(usable).items() for labels_id in ids}
    options = [*datasets.SPLITS, NOT_USED]

    def sort_key(record: Labels) -> tuple[int, list[tuple[int, int, str]]]:
        return options.index(suggested.get(record.id, NOT_USED)), natural_sort_key(record.name)

    rows = sorted(labels, key=sort_key)
    st.markdown(
        "Each clip is in one split: **train** for training, **val** to select the best epoch, **test** to score "
        f"tracks. Change the suggestion in the column {SPLIT_COLUMN}."
    )
    edited = st.data_editor(
        pd.DataFrame(
            {
                "Clip": [record.name for record in rows],
                "Source": [record.source for record in rows],
                "Classes": [class_counts(statistics_of(workspace(), record)["boxes_per_class"]) for record in rows],
                "Frames": [len(record.labeled_frames) for record in rows],
                "Boxes": [record.boxes for record in rows],
                SPLIT_COLUMN: [suggested.get(record.id, NOT_USED) for record in rows],
            }
        ),
        key=f"split-{hash(tuple(record.id for record in rows))}",
        hide_index=True,
        disabled=["Clip", "Source", "Classes", "Frames", "Boxes"],
        column_config={
            SPLIT_COLUMN: st.column_config.SelectboxColumn(options=options, required=True),
        },
    )
    chosen = edited[SPLIT_COLUMN].tolist()
    return {split: [record.id for record, use in zip(rows, chosen) if use == split] for split in datasets.SPLITS}


def _offer_split_in_time(labels: Labels) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/call_split: **{labels.name}** is the only clip. Split it in time into {datasets.PIECES} clips: "
            "the first ones for training, the last ones for validation and testing.",
            width="stretch",
        )
        if st.button("Split in time", type="primary", icon=":material/content_cut:"):
            start_job_and_rerun("split labels", f"Split {labels.name} in time", labels=labels.id)


def _count_boxes(splits: Mapping[str, list[str]], by_id: Mapping[str, Labels]) -> dict[str, Counter[str]]:
    """Count the boxes by split and class."""
    boxes = {split: Counter[str]() for split in splits}
    for split, ids in splits.items():
        for labels_id in ids:
            boxes[split].update(statistics_of(workspace(), by_id[labels_id])["boxes_per_class"])
    return boxes


def _warnings(problems: list[str]) -> None:
    if not problems:
        st.success("No problems found.", icon=":material/check_circle:")
        return
    height: Literal["content"] | int = 220 if len(problems) > MAX_WARNINGS_UNSCROLLED else "content"
    with st.container(border=True, gap="xsmall", height=height):
        st.markdown(f":orange[:material/warning:] **{count(len(problems), 'warning')}**")
        st.markdown("\n".join(f"- {problem}" for problem in problems))
