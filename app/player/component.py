"""The player on a page: a video, up to two layers of tracks drawn on it as data, and their timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.player import tracks as track_data
from app.player.tracks import Shown
from app.routes import data, media
from app.widgets import jobs_panel, start_job
from app.workspace import workspace
from backend import jobs
from backend.steps import browser_copies
from backend.workspace.records import Video
from bytetrack.tracks import Tracks

HERE = Path(__file__).parent
VERB = "make browser copy"
_component = st.components.v2.component(
    "studio_player",
    html='<div class="player"></div>',
    css=(HERE / "src" / "player.css").read_text(),
    js=(HERE / "dist" / "player.js").read_text(),
)


@dataclass(frozen=True)
class Layer:
    """Tracks to draw, `marked` where colors say what is wrong: from `layer` or `differing`."""

    name: str
    address: str
    marked: bool = False


def layer(name: str, key: str, video: Video, load: Callable[[], Tracks]) -> Layer:
    """`key` says which tracks `load` gives once the browser asks: other tracks need another key."""
    return Layer(name, track_data.offer(key, video.frames, lambda: Shown(load())))


def differing(
    names: tuple[str, str],
    key: str,
    video: Video,
    load: tuple[Callable[[], Tracks], Callable[[], Tracks]],
    labeled_frames: Sequence[int] | None = None,
) -> list[Layer]:
    """Two layers with what differs marked; the first is taken for the truth, on the frames that were labeled."""

    @data.once
    def found() -> tuple[Shown, Shown]:
        from bytetrack.scoring.differences import MISSED, find_differences  # brings SciPy and TrackEval along

        truth, tracks = load[0](), load[1]()
        marks = find_differences(truth, tracks, video.frames, labeled_frames)
        of_truth = [moment for moment in marks.moments if moment.kind == MISSED]  # whose ids are the truth's
        others = [moment for moment in marks.moments if moment.kind != MISSED]
        return Shown(truth, marks.truth, of_truth), Shown(tracks, marks.tracks, others)

    def address(number: int) -> str:
        return track_data.offer(f"{key} {number}", video.frames, lambda: found()[number])

    return [Layer(names[0], address(0), marked=True), Layer(names[1], address(1), marked=True)]


def player(video: Video, layers: Sequence[Layer] = (), *, key: str, stops: Sequence[int] = (), start: int = 0) -> None:
    """Show the video. Where browsers cannot play it, a copy is made first, once.

    Args:
        stops: frames to jump to from one to the next, where layers do not differ.
        start: the frame to show first.
    """
    path = browser_copies.find_playable(workspace(), video)
    if path is None:
        if not _waits_for(video):
            start_job(VERB, f"Make {video.name} watchable", video=video.id)
        st.caption(
            f":material/info: Browsers do not play {video.codec} like this. A copy that they play is being made."
        )
        jobs_panel(VERB)
        return
    shown: dict[str, Any] = {
        "video": media.url(path),
        "times": _offer_times(path),
        "width": video.width,
        "height": video.height,
        "layers": [{"name": each.name, "url": each.address, "marked": each.marked} for each in layers],
        "stops": list(stops),
        "start": start,
    }
    told = _component(key=key, data=shown, on_unplayable_change=lambda: None)
    if told.unplayable == shown["video"] and not _waits_for(video):
        start_job(VERB, f"Make {video.name} watchable", video=video.id)
    if _waits_for(video):
        jobs_panel(VERB)


def _waits_for(video: Video) -> bool:
    """Whether a copy is being made, or could not be made: that is not tried again by itself."""
    mine = [job for job in jobs.refresh(workspace()) if job.verb == VERB and job.params.get("video") == video.id]
    return any(job.active or job.status == "failed" for job in mine)


def _offer_times(path: Path) -> str:
    def answer(part: str) -> tuple[bytes, str]:
        if part != "seconds":
            raise LookupError(part)
        return np.asarray(browser_copies.seconds_of_frames(path), "<f8").tobytes(), "application/octet-stream"

    return data.offer(f"times {path} {path.stat().st_mtime_ns}", answer) + "/seconds"
