"""The filmstrip on a page: pictures over the whole length of a video, on which the user chooses ranges to cut."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import streamlit as st

from app.routes import component_data
from app.workspace import workspace
from backend.errors import UserError
from backend.steps import filmstrips
from backend.steps.videos import ClipRange, frame_seconds
from backend.workspace.records import Video

FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "studio_filmstrip",
    html='<div class="player"></div>',
    css=(FOLDER / "src" / "player.css").read_text() + (FOLDER / "src" / "filmstrip.css").read_text(),
    js=(FOLDER / "dist" / "filmstrip.js").read_text(),
)


class _Data(TypedDict):
    """What the component receives."""

    address: str
    frames: int
    numbers: Sequence[int]
    name: str
    first: ClipRange


def filmstrip(video: Video, first: ClipRange, *, key: str) -> list[ClipRange]:
    """Let the user choose ranges of a video. The pictures are loaded when they come into view.

    Args:
        video: The video.
        first: The range that is suggested.
        key: Key of the component.

    Returns:
        The chosen ranges.
    """
    data: _Data = {
        "address": _offer_pictures(video),
        "frames": video.frames,
        "numbers": filmstrips.numbers(video),
        "name": video.name,
        "first": first,
    }
    state = _component(key=key, data=data, default={"ranges": [first]}, on_ranges_change=lambda: None)
    ranges: list[ClipRange] = state.ranges
    return ranges


def _offer_pictures(video: Video) -> str:
    """Return the address of the video's pictures.

    Its parts are `seconds`, the times of the frames as little-endian float64; `strip-<n>`, the picture of frame `n` in
    the filmstrip; and `frame-<n>`, a larger picture of any frame.
    """
    lock = threading.Lock()
    pictures = filmstrips.write_pictures(workspace(), video)

    def read_part(part: str) -> tuple[bytes, str]:
        if part == "seconds":
            return np.asarray(frame_seconds(video), "<f8").tobytes(), "application/octet-stream"
        kind, _, text = part.partition("-")
        if kind not in ("strip", "frame") or not text.isdecimal():
            raise LookupError(part)
        number = int(text)
        try:
            if kind == "frame":
                return filmstrips.preview(workspace(), video, number), "image/jpeg"
            path = filmstrips.picture_path(workspace(), video, number)
            with lock:
                while not path.exists():
                    if next(pictures, None) is None:
                        raise LookupError(part)
            return path.read_bytes(), "image/jpeg"
        except (UserError, ValueError) as error:
            raise LookupError(part) from error

    return component_data.offer(f"filmstrip {video.id} {video.path}", read_part)
