"""Part of the page Labels that lists the labels and shows one set of them on its video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.player.component import player, track_layer
from app.widgets import choose, confirm_removal, figures_line, guard, records_table, track_downloads
from app.widgets.formatting import ago, class_counts, number
from app.widgets.records import is_remembered
from app.workspace import workspace
from backend.labels.label_statistics import statistics_of
from backend.labels.label_store import load_labels
from backend.wording import count
from backend.workspace.records import Labels, Video
from bytetrack.files import natural_sort_key

MAX_CLASSES_SHOWN = 6
CHOICE_KEY, NEWEST_KEY = "labels-look", "labels-newest"  # in the session state: the labels that are shown; see below


def suggest_new_labels(all_labels: Sequence[Labels]) -> bool:
    """Choose labels that came in since the last run of the page; at first the newest, unless others are remembered.

    Returns:
        Whether labels came in.
    """
    if not all_labels:
        return False
    newest = max(labels.created for labels in all_labels)
    seen = st.session_state.get(NEWEST_KEY)
    st.session_state[NEWEST_KEY] = newest
    incoming = [labels for labels in all_labels if seen is not None and labels.created > seen]
    if incoming:
        st.session_state[CHOICE_KEY] = min(incoming, key=lambda labels: natural_sort_key(labels.name)).id
    elif seen is None and not is_remembered(Labels):
        st.session_state[CHOICE_KEY] = max(all_labels, key=lambda labels: labels.created).id
    return bool(incoming)


def labels_viewer(all_labels: Sequence[Labels], videos: Mapping[str, Video]) -> None:
    """Show the chosen labels on their video, and a table of all labels.

    Args:
        all_labels: The labels.
        videos: The videos by their ids.
    """
    viewer = st.container(border=True)  # above the table, so that the picture comes first
    rows = [
        {
            "Labels": labels.name,
            "Video": videos[labels.video].name if labels.video in videos else "",
            "Source": labels.source,
            "Classes": _classes(labels),
            "Labeled frames": len(labels.labeled_frames),
            "Boxes": labels.boxes,
            "Objects": labels.objects,
            "Notes": len(labels.notes),
            "Added": ago(labels.created),
        }
        for labels in all_labels
    ]
    selected = records_table(rows, all_labels, key="labels-table")
    if selected and st.session_state.get("labels-row") != selected.id:  # the user just selected this row
        st.session_state["labels-row"] = st.session_state[CHOICE_KEY] = selected.id
    with viewer:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            labels = choose(
                all_labels, "Show", key=CHOICE_KEY, describe=lambda labels: f"{count(labels.boxes, 'box', 'boxes')}"
            )
            if labels is None:
                return
            if st.button("Delete", icon=":material/delete:", key="remove-labels"):
                confirm_removal(labels)
        _labels_on_video(labels, videos[labels.video])


def _labels_on_video(labels: Labels, video: Video) -> None:
    figures_line(
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
    with guard():
        _class_badges(statistics_of(workspace(), labels)["boxes_per_class"])
    with guard():
        track_downloads(labels, video)
    for note in labels.notes:
        st.caption(f":material/info: {note}")


def _classes(labels: Labels) -> str:
    """Name the classes that occur with their counts, which labels of an earlier version get when they are shown."""
    if labels.statistics is not None:
        return class_counts(labels.statistics["boxes_per_class"])
    more = len(labels.classes) - MAX_CLASSES_SHOWN
    return ", ".join([*labels.classes[:MAX_CLASSES_SHOWN], f"{more} more"] if more > 0 else labels.classes)


def _class_badges(boxes: Mapping[str, int]) -> None:
    """Show the most frequent classes with their number of boxes, and the others in a popover."""
    ordered = sorted(boxes.items(), key=lambda item: (-item[1], item[0]))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, amount in ordered[:MAX_CLASSES_SHOWN]:
            st.badge(f"{name} {amount:,}", icon=":material/label:", color="primary")
        if others := ordered[MAX_CLASSES_SHOWN:]:
            with st.popover(f"{len(others)} more classes", type="tertiary"):
                st.dataframe([{"Class": name, "Boxes": amount} for name, amount in others], hide_index=True)
