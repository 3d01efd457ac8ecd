"""The editor in which the user labels a clip."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import labeling_editor
from backend.labels.labeling_folder import LabelingFolder

FOLDER = Path(__file__).parent
FOLLOWED_FRAMES = 50  # through which the editor follows a box at once
_component = st.components.v2.component(
    "studio_editor",
    html='<div class="player"></div>',
    css=(FOLDER / "src" / "player.css").read_text(),
    js=(FOLDER / "dist" / "editor.js").read_text(),
)


def editor(folder: LabelingFolder, clip: int, size: tuple[int, int], frame_rate: float, *, key: str) -> None:
    """Let the user draw boxes on the frames of a clip. The page runs again when the clip is marked as done.

    Boxes are saved as they are drawn.

    Args:
        folder: The labeling job.
        clip: Index of the clip in the job.
        size: Width and height of its frames in pixels.
        frame_rate: Frame rate of the clip in frames per second.
        key: Key of the component.
    """
    job = folder.job
    data = {
        "address": labeling_editor.address_of(folder, clip),
        "frames": len(job.clips[clip].frames),
        "width": size[0],
        "height": size[1],
        "rate": max(1.0, frame_rate / job.clips[clip].every),
        "classes": job.classes,
        "instructions": job.short_instructions,
        "follow": FOLLOWED_FRAMES,
    }
    _component(key=key, data=data, on_finished_change=lambda: None)
