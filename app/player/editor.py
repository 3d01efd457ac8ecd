"""The editor in which people label a clip."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import labeling_editor
from backend.labels.labeling_folder import LabelingFolder

HERE = Path(__file__).parent
_component = st.components.v2.component(
    "studio_editor",
    html='<div class="player"></div>',
    css=(HERE / "src" / "player.css").read_text(),
    js=(HERE / "dist" / "editor.js").read_text(),
)


def editor(folder: LabelingFolder, clip: int, size: tuple[int, int], rate: float, *, key: str) -> None:
    """Draw boxes on the frames of a clip; they are saved by themselves. The page runs again when the clip is done.

    Args:
        size: width and height of its frames in pixels.
        rate: of the clip, in frames per second.
    """
    job = folder.job
    shown = {
        "address": labeling_editor.address(folder, clip),
        "frames": len(job.clips[clip].frames),
        "width": size[0],
        "height": size[1],
        "rate": max(1.0, rate / job.clips[clip].every),
        "classes": job.classes,
        "instructions": job.short_instructions,
        "follow": 50,
    }
    _component(key=key, data=shown, on_finished_change=lambda: None)
