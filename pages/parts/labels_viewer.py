"""Part of the page Labels that lists the labels and shows one set of them on its video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.player.component import player, track_layer
from app.widgets import choose, confirm_removal, guard, metric_row, records_table, track_downloads
from app.widgets.formatting import ago, number
from app.workspace import workspace
from backend.labels.label_store import load_labels
from backend.wording import count
from backend.workspace.records import Labels, Video


def labels_viewer(all_labels: Sequence[Labels], videos: Mapping[str, Video]) -> None:
    """Show a table of all labels, and the chosen ones on their video.

    Args:
        all_labels: The labels.
        videos: The videos by their ids.
    """
    rows = [
        {
            "Labels": labels.name,
            "Video": videos[labels.video].name if labels.video in videos else "",
            "Source": labels.source,
            "Classes": labels.classes,
            "Labeled frames": len(labels.labeled_frames),
            "Boxes": labels.boxes,
            "Objects": labels.objects,
            "Notes": len(labels.notes),
            "Added": ago(labels.created),
        }
        for labels in all_labels
    ]
    columns = {"Classes": st.column_config.ListColumn()}
    selected = records_table(rows, all_labels, key="labels-table", column_config=columns)
    if selected and st.session_state.get("labels-row") != selected.id:  # the user just selected this row
        st.session_state["labels-row"] = st.session_state["labels-look"] = selected.id
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            labels = choose(
                all_labels, "Show", key="labels-look", describe=lambda labels: count(labels.boxes, "box", "boxes")
            )
            if labels is None:
                return
            if st.button("Delete", icon=":material/delete:", key="remove-labels"):
                confirm_removal(labels)
        _labels_on_video(labels, videos[labels.video])


def _labels_on_video(labels: Labels, video: Video) -> None:
    metric_row(
        {
            "Boxes": number(labels.boxes),
            "Objects": number(labels.objects),
            "Labeled frames": f"{number(len(labels.labeled_frames))} of {number(video.frames)}",
            "Source": labels.source,
        }
    )
    with guard():
        layer = track_layer("labels", labels.id, video, lambda: load_labels(workspace(), labels))
        player(video, [layer], key=f"player-{labels.id}", stops=labels.labeled_frames)
    with st.container(horizontal=True, gap="small"):
        for name in labels.classes:
            st.badge(name, icon=":material/label:", color="primary")
    with guard():
        track_downloads(labels, video)
    for note in labels.notes:
        st.caption(f":material/info: {note}")
