"""The drop zone: files go to disk in a stream, with progress, time left and cancel."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import uploads
from app.workspace import workspace

ASSETS = Path(__file__).parents[1] / "assets"
_zone = st.components.v2.component(
    "studio_upload",
    html='<div class="zone"></div>',
    css=(ASSETS / "upload.css").read_text(),
    js=(ASSETS / "upload.js").read_text(),
)


def upload(purpose: str, prompt: str, *, several: bool = True) -> list[Path]:
    """A drop zone for files of one purpose (a key of `uploads.ACCEPT`); returns those that arrived and wait.

    The page runs again whenever a file has arrived.
    """
    _zone(
        key=f"upload-{purpose}",
        data={
            "url": f"{uploads.PATH}?purpose={purpose}",
            "token": uploads.TOKEN,
            "purpose": purpose,
            "prompt": prompt,
            "accept": list(uploads.ACCEPT[purpose]),
            "several": several,
        },
        on_uploaded_change=lambda: None,
    )
    return uploads.waiting(workspace().root, purpose)
