"""The button that leads from a video to the page Track."""

from __future__ import annotations

import streamlit as st

from app.journey import STEPS
from app.widgets.records import remember
from backend.workspace.records import Video


def track_button(video: Video, *, key: str, filled: bool = False) -> None:
    """Show a button that opens the page Track with this video.

    Args:
        video: The video.
        key: Key of the button.
        filled: Whether it is what the user most likely does next.
    """
    step = STEPS["track"]
    if st.button(
        step.title,
        key=key,
        icon=step.material,
        type="primary" if filled else "secondary",
        help=f"Track the objects in {video.name}",
    ):
        open_track(video)


def open_track(video: Video) -> None:
    """Open the page Track with this video."""
    remember(video)
    st.switch_page(STEPS["track"].page, query_params={"video": video.id})
