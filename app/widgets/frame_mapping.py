"""A form for which frames of a video were labeled."""

from __future__ import annotations

import streamlit as st


def frame_mapping_form(key: str) -> dict[str, int]:
    """Show the fields, in an expander, for labels whose images are not all frames of their video.

    Args:
        key: Prefix for the keys of the fields.

    Returns:
        `step` and `first_frame` as `backend.steps.importing.import_labels` takes them, without those left empty.
    """
    with st.expander("Only every Nth frame was labeled", icon=":material/tune:"):
        left, right = st.columns(2)
        step = left.number_input(
            "Step",
            1,
            value=None,
            placeholder="From the file",
            key=f"{key}-step",
            help="Video frames from one labeled image to the next: 5 if every 5th frame was labeled, 1 if the images "
            "are numbered like the frames. If empty, labels that do not fit the length of the video are rejected.",
        )
        first_frame = right.number_input(
            "First frame",
            0,
            value=None,
            placeholder="0",
            key=f"{key}-first-frame",
            help="Video frame, counted from 0, of the first labeled image. If Ground Truth extracts every 5th frame, "
            "it can be frame 4.",
        )
    values = {"step": step, "first_frame": first_frame}
    return {name: int(value) for name, value in values.items() if value is not None}
