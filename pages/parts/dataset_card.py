"""Part of the page Datasets that shows one dataset, and the chart that the form uses too."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import streamlit as st

from app.theme import SPLIT_COLORS
from app.widgets import chart, confirm_removal, metric_row
from app.widgets.formatting import date, number
from backend.steps.datasets import SPLITS
from backend.wording import count
from backend.workspace.records import Dataset


def dataset_card(dataset: Dataset) -> None:
    """Show what a dataset contains."""
    with st.container(border=True, key=f"dataset-{dataset.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {dataset.name}", width="content")
            st.markdown(f":small[:gray[{date(dataset.created)}]]", width="stretch")
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"remove-{dataset.id}"):
                confirm_removal(dataset)
        left, right = st.columns([3, 2], gap="large")
        with left:
            boxes_chart(dataset.boxes, key=f"chart-{dataset.id}")
        with right:
            frame_metrics(dataset.frames)
            clips = sum(len(ids) for ids in dataset.splits.values())
            boxes = sum(sum(counts.values()) for counts in dataset.boxes.values())
            st.caption(
                f"{count(clips, 'clip')}, {number(boxes)} boxes of {count(len(dataset.classes), 'class', 'classes')}."
            )
            if dataset.problems:
                with st.expander(count(len(dataset.problems), "warning"), icon=":material/warning:"):
                    for problem in dataset.problems:
                        st.markdown(f"- {problem}")


def frame_metrics(frames: Mapping[str, int]) -> None:
    """Show the number of labeled frames per split."""
    metric_row({f"{split} frames": number(frames.get(split, 0)) for split in SPLITS})


def boxes_chart(boxes: Mapping[str, Mapping[str, int]], *, key: str) -> None:
    """Show a bar per class, in which the splits are stacked.

    Args:
        boxes: Number of boxes by split and class.
        key: Key of the chart.
    """
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
            for split in SPLITS
        ]
    )
    figure.update_layout(barmode="stack", bargap=0.45, xaxis_title="boxes")
    chart(figure, key=key, height=max(190, 110 + 42 * len(classes)))
