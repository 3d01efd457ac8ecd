"""The editor in which the user labels a clip."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import labeling_editor
from backend.labels.labeling_folder import LabelingFolder
from backend.workspace.records import Video

FOLDER = Path(__file__).parent
FOLLOWED_FRAMES = 50  # through which the editor follows a box at once
_component = st.components.v2.component(
    "studio_editor",
    html='<div class="player"></div>',
    css=(FOLDER / "src" / "player.css").read_text(),
    js=(FOLDER / "dist" / "editor.js").read_text(),
)


def editor(folder: LabelingFolder, clip: int, video: Video, start: int, *, key: str) -> None:
    """Let the user draw boxes on the frames of a clip. The page runs again when the clip is marked as done.

    Boxes are saved as they are drawn. The editor keeps the frame that it shows in the page's address.

    Args:
        folder: The labeling job.
        clip: Index of the clip in the job.
        video: The clip.
        start: The frame of the job to show first.
        key: Key of the component.
    """
    job = folder.job
    job_clip = job.clips[clip]
    data = {
        "address": labeling_editor.address_of(folder, clip),
        "frames": len(job_clip.frames),
        "width": video.width,
        "height": video.height,
        "rate": max(1.0, video.fps / job_clip.every),
        "every": job_clip.every,
        "start": start,
        "classes": job.classes,
        "attributes": [attribute.model_dump() for attribute in job.attributes],
        "instructions": job.short_instructions,
        "follow": FOLLOWED_FRAMES,
    }
    _component(key=key, data=data, on_finished_change=lambda: None)
