"""Part of the page Labels that lists the labels and shows one set of them on its video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.player.component import player, track_layer
from app.widgets import (
    Column,
    choose_of,
    confirm_removal,
    edit_record,
    figures_line,
    guard,
    record_list,
    track_downloads,
)
from app.widgets.formatting import ago, class_counts, number
from app.widgets.records import is_remembered
from app.workspace import workspace
from backend.labels.label_statistics import statistics_of
from backend.labels.label_store import load_labels
from backend.wording import count
from backend.workspace.query import Query
from backend.workspace.records import Labels, Video
from bytetrack.files import natural_sort_key

MAX_CLASSES_SHOWN = 6
MAX_INCOMING = 200  # labels that may have come in since the last run of the page
CHOICE_KEY, NEWEST_KEY = "labels-look", "labels-newest"  # in the session state: the labels that are shown; see below


def suggest_new_labels() -> bool:
    """Choose labels that came in since the last run of the page; at first the newest, unless others are remembered.

    Returns:
        Whether labels came in.
    """
    newest, _ = workspace().search(Labels, Query(descending=True, limit=MAX_INCOMING))
    if not newest:
        return False
    seen = st.session_state.get(NEWEST_KEY)
    st.session_state[NEWEST_KEY] = newest[0].created
    incoming = [labels for labels in newest if seen is not None and labels.created > seen]
    if incoming:
        st.session_state[CHOICE_KEY] = min(incoming, key=lambda labels: natural_sort_key(labels.name)).id
    elif seen is None and not is_remembered(Labels):
        st.session_state[CHOICE_KEY] = newest[0].id
    return bool(incoming)


def labels_viewer() -> None:
    """Show the chosen labels on their video, and the list of all labels."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        labels = choose_of(Labels, "Show", key=CHOICE_KEY, parameter="labels")
        if labels is None:
            return
        if st.button("Edit", icon=":material/edit:", key="edit-labels"):
            edit_record(labels)
        if st.button("Delete", icon=":material/delete:", key="remove-labels"):
            confirm_removal(labels)
    _labels_on_video(labels, workspace().get(Video, labels.video))
    all_labels = st.expander(
        f"All {count(workspace().count(Labels), 'label set')}",
        icon=":material/list:",
        key="all-labels",
        on_change="rerun",
    )
    if all_labels.open:
        with all_labels:
            record_list(Labels, _columns)


def _columns(all_labels: Sequence[Labels]) -> list[Column[Labels]]:
    videos = workspace().names(Video, id=[labels.video for labels in all_labels])
    return [
        Column("Video", lambda labels: videos.get(labels.video, ""), secondary=True),
        Column("Source", lambda labels: labels.source, order="source"),
        Column("Classes", _classes, secondary=True),
        Column("Frames", lambda labels: number(len(labels.labeled_frames)), right=True, secondary=True),
        Column("Boxes", lambda labels: number(labels.boxes), order="boxes", right=True),
        Column("Objects", lambda labels: number(labels.objects), order="objects", right=True, secondary=True),
        Column("Added", lambda labels: ago(labels.created), order="created", right=True, secondary=True),
    ]


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
        player(video, [layer], key=f"player-{labels.id}", stops=labels.labeled_frames, in_address=True)
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
