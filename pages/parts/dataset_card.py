"""Parts of the page Datasets that show the existing datasets, and the chart that the form uses too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import plotly.graph_objects as go
import streamlit as st

from app import address
from app.theme import SPLIT_COLORS
from app.widgets import Column, chart, confirm_removal, edit_record, figures_line, record_list
from app.widgets.formatting import ago, class_counts, date, number
from app.workspace import workspace
from backend.steps.datasets import SPLITS
from backend.wording import count
from backend.workspace.records import Dataset

MAX_CARDS = 3  # more datasets than that are in a list, and only one has a card
MAX_BARS = 12  # of the chart; rarer classes are summed up
OTHER_CLASSES = "{} other classes"


def all_datasets() -> None:
    """Show a card per dataset; of many, only that of the address, or the newest, and a list of all."""
    if workspace().count(Dataset) <= MAX_CARDS:
        address.linked(Dataset)  # says if there is no such dataset
        for dataset in workspace().list(Dataset):
            dataset_card(dataset)
        return
    shown = address.linked(Dataset) or workspace().newest(Dataset)
    assert shown is not None
    dataset_card(shown)
    record_list(
        Dataset,
        [
            Column("Clips", lambda dataset: number(sum(len(ids) for ids in dataset.splits.values())), right=True),
            Column("Frames", lambda dataset: number(sum(dataset.frames.values())), order="frames.train", right=True),
            Column("Classes", lambda dataset: class_counts(_total_boxes(dataset.boxes)), secondary=True),
            Column("Warnings", lambda dataset: number(len(dataset.problems)), right=True, secondary=True),
            Column("Created", lambda dataset: ago(dataset.created), order="created", right=True, secondary=True),
        ],
    )


def dataset_card(dataset: Dataset) -> None:
    """Show what a dataset contains."""
    with st.container(border=True, key=f"dataset-{dataset.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {dataset.name}", width="content")
            st.markdown(f":small[:gray[{date(dataset.created)}]]", width="stretch")
            if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{dataset.id}"):
                edit_record(dataset)
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"remove-{dataset.id}"):
                confirm_removal(dataset)
        left, right = st.columns([3, 2], gap="large")
        with left:
            boxes_chart(dataset.boxes, key=f"chart-{dataset.id}")
        with right:
            frame_metrics(dataset.frames)
            clips = sum(len(ids) for ids in dataset.splits.values())
            boxes = _total_boxes(dataset.boxes)
            occurring = sum(amount > 0 for amount in boxes.values())
            st.caption(
                f"{count(clips, 'clip')}, {number(boxes.total())} boxes of {count(occurring, 'class', 'classes')}."
            )
            if dataset.problems:
                with st.expander(count(len(dataset.problems), "warning"), icon=":material/warning:"):
                    st.markdown("\n".join(f"- {problem}" for problem in dataset.problems))


def frame_metrics(frames: Mapping[str, int]) -> None:
    """Show the number of labeled frames per split."""
    figures_line({f"{split} frames": number(frames.get(split, 0)) for split in SPLITS})


def boxes_chart(boxes: Mapping[str, Mapping[str, int]], *, key: str) -> None:
    """Show a bar per class that occurs, in which the splits are stacked, the most frequent on top.

    Args:
        boxes: Number of boxes by split and class.
        key: Key of the chart.
    """
    boxes, classes = _most_frequent(boxes)
    figure = go.Figure(
        [
            go.Bar(
                name=split,
                y=classes,
                x=[boxes.get(split, {}).get(name, 0) for name in classes],
                orientation="h",
                marker_color=SPLIT_COLORS[split],
                hovertemplate="%{y}: %{x:,} boxes<extra>" + split + "</extra>",
            )
            for split in SPLITS
        ]
    )
    figure.update_layout(barmode="stack", bargap=0.45, xaxis_title="boxes", yaxis_autorange="reversed")
    chart(figure, key=key, height=max(190, 110 + 32 * len(classes)))


def _total_boxes(boxes: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """Return the number of boxes by class in all splits together."""
    total: Counter[str] = Counter()
    for counts in boxes.values():
        total.update(counts)
    return total


def _most_frequent(boxes: Mapping[str, Mapping[str, int]]) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Return the boxes of at most `MAX_BARS` classes by split and class, and the classes in the chart's order."""
    occurring = [name for name, amount in _total_boxes(boxes).most_common() if amount]
    named = occurring if len(occurring) <= MAX_BARS else occurring[: MAX_BARS - 1]
    selected = {split: {name: counts.get(name, 0) for name in named} for split, counts in boxes.items()}
    if len(named) == len(occurring):
        return selected, named
    others = OTHER_CLASSES.format(len(occurring) - len(named))
    for split, counts in boxes.items():
        selected[split][others] = sum(amount for name, amount in counts.items() if name not in named)
    return selected, [*named, others]
