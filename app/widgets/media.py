"""Videos and frames to look at, files to take along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import media

if TYPE_CHECKING:
    import numpy as np

PLAYABLE = ("h264", "vp8", "vp9", "av1")


def playable(codec: str, path: Path | str) -> bool:
    """Whether browsers play a file of this codec and container."""
    return codec.lower() in PLAYABLE and Path(path).suffix.lower() in (".mp4", ".m4v", ".mov", ".webm")


def video_player(path: Path | str, *, loop: bool = False, autoplay: bool = False) -> None:
    """A player for a video of the workspace, of any size: the browser fetches the parts that it plays."""
    st.video(media.url(path), loop=loop, autoplay=autoplay, muted=autoplay)


def download(path: Path | str, label: str, file_name: str, *, help: str | None = None) -> None:
    """A button that saves a file of the workspace, of any size, as `file_name`."""
    st.link_button(label, media.url(path, download=file_name), icon=":material/download:", help=help)


def frame_image(frame: np.ndarray, caption: str | None = None) -> None:
    """A BGR uint8 (H, W, 3) frame, as wide as there is room."""
    st.image(frame[:, :, ::-1], caption=caption, width="stretch", output_format="JPEG")
