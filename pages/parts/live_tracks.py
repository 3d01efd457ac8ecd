"""Part of the page Track that shows the tracks of a video while it is being tracked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from app.player.component import growing_layer, player
from app.widgets import guarded_fragment
from app.widgets.formatting import number
from app.workspace import workspace
from backend import jobs
from backend.wording import count
from backend.workspace.paths import PARTIAL_TRACKS
from backend.workspace.records import Job, Video
from bytetrack.partial_tracks import PartialTracksReader
from bytetrack.tracks import Tracks

REFRESH_SECONDS = 2.0

ReadTracks = Callable[[], tuple[int, Tracks]]  # the number of frames done so far, and their tracks


def live_tracks(job: Job) -> None:
    """Show the video of a running job, and the tracks of its frames that are done, more every few seconds."""
    video = workspace().find(Video, job.params["video"])
    if video is None:
        return
    read = _reader(str(jobs.temporary_folder(workspace(), job) / PARTIAL_TRACKS))

    @guarded_fragment(run_every=REFRESH_SECONDS)
    def growing_tracks() -> None:
        frames_done, tracks = read()
        layer = growing_layer("tracks", f"{job.id} so far", video, lambda: read()[1], frames_done)
        st.caption(_describe(video, frames_done, tracks))
        player(video, [layer] if frames_done else [], key=f"player-{job.id}")

    growing_tracks()


def _describe(video: Video, frames_done: int, tracks: Tracks) -> str:
    if not frames_done:
        return ":material/hourglass_top: The tracks will appear here, as soon as there are some or when the job ends."
    objects = count(len(np.unique(tracks.id)), "object")
    return (
        f":material/hourglass_top: {objects} so far, on the first {number(frames_done)} of {number(video.frames)} "
        "frames. At the end, short tracks are removed and boxes smoothed."
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _reader(path: str) -> ReadTracks:
    """Return a function that reads the tracks so far; tabs and threads of the server share it."""
    reader, lock = PartialTracksReader(Path(path)), threading.Lock()

    def read() -> tuple[int, Tracks]:
        with lock:
            return reader.read()

    return read
