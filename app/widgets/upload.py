"""The drop zone for uploads: files are streamed to disk, with progress, time left and a button to cancel."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.routes import uploads
from app.workspace import workspace

ASSETS = Path(__file__).parents[1] / "assets"
_drop_zone = st.components.v2.component(
    "studio_upload",
    html='<div class="zone"></div>',
    css=(ASSETS / "upload.css").read_text(),
    js=(ASSETS / "upload.js").read_text(),
)


def upload(purpose: uploads.Purpose, prompt: str) -> list[Path]:
    """Show a drop zone and return the files of this purpose that arrived and wait to be taken.

    The page runs again whenever a file has arrived.
    """
    _drop_zone(
        key=f"upload-{purpose}",
        data={
            "address": uploads.address_of(purpose),
            "purpose": purpose,
            "prompt": prompt,
            "suffixes": list(uploads.ACCEPTED_SUFFIXES[purpose]),
        },
        on_uploaded_change=lambda: None,
    )
    return uploads.waiting(workspace().root, purpose)
