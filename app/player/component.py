"""The video player on a page: a video, up to two layers of tracks drawn over it, and their timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.player import tracks as player_tracks
from app.player.tracks import MarkedTracks
from app.routes import component_data, files
from app.widgets import jobs_panel, start_job
from app.workspace import workspace
from backend import jobs
from backend.steps import browser_copies
from backend.workspace.records import Verb, Video
from bytetrack.tracks import Tracks

FOLDER = Path(__file__).parent
COPY_VERB: Verb = "make browser copy"
_component = st.components.v2.component(
    "studio_player",
    html='<div class="player"></div>',
    css=(FOLDER / "src" / "player.css").read_text(),
    js=(FOLDER / "dist" / "player.js").read_text(),
)


@dataclass(frozen=True)
class Layer:
    """Tracks to draw over a video, made by `track_layer` or `difference_layers`.

    Attributes:
        name: What the player calls the layer.
        address: Where the player fetches the tracks.
        marked: Whether colors show where the layer differs from the other one.
        version: Increases with tracks that are still being computed; 0 for others.
    """

    name: str
    address: str
    marked: bool = False
    version: int = 0


def track_layer(name: str, key: str, video: Video, load: Callable[[], Tracks]) -> Layer:
    """Make a layer of tracks.

    Args:
        name: What the player calls the layer.
        key: Identifies the tracks: other tracks need another key.
        video: The video of the tracks.
        load: Called when the browser requests the tracks.
    """
    return Layer(name, player_tracks.offer(key, video.frames, lambda: MarkedTracks(load())))


def growing_layer(name: str, key: str, video: Video, read: Callable[[], Tracks], frames_done: int) -> Layer:
    """Make a layer of tracks that are still being computed. Show it again with more frames to let the player grow it.

    Args:
        name: What the player calls the layer.
        key: Identifies the tracks.
        video: The video of the tracks.
        read: Returns the tracks so far. Called whenever the browser requests some, in any thread.
        frames_done: Number of frames that have tracks by now.
    """
    address = player_tracks.offer(key, video.frames, lambda: MarkedTracks(read()), is_growing=True)
    return Layer(name, address, version=frames_done)


def difference_layers(
    names: tuple[str, str],
    key: str,
    video: Video,
    load: tuple[Callable[[], Tracks], Callable[[], Tracks]],
    labeled_frames: Sequence[int] | None = None,
) -> list[Layer]:
    """Make two layers of tracks in which the differences are marked.

    Args:
        names: What the player calls the reference and the tracks that are compared with it.
        key: Identifies both: other tracks need another key.
        video: The video of the tracks.
        load: Called when the browser requests the tracks: the reference and the others.
        labeled_frames: The frames to compare; all if omitted.
    """

    @component_data.computed_once
    def compared() -> tuple[MarkedTracks, MarkedTracks]:
        from bytetrack.scoring.differences import Mark, find_differences  # imports SciPy and TrackEval

        reference, tracks = load[0](), load[1]()
        marks = find_differences(reference, tracks, video.frames, labeled_frames)
        missed = [
            moment for moment in marks.moments if moment.kind == Mark.MISSED
        ]  # their ids are those of the reference
        others = [moment for moment in marks.moments if moment.kind != Mark.MISSED]
        return MarkedTracks(reference, marks.truth, missed), MarkedTracks(tracks, marks.tracks, others)

    def offer(index: int) -> str:
        return player_tracks.offer(f"{key} {index}", video.frames, lambda: compared()[index])

    return [Layer(name, offer(index), marked=True) for index, name in enumerate(names)]


def player(
    video: Video,
    layers: Sequence[Layer] = (),
    *,
    key: str,
    stops: Sequence[int] = (),
    start: int = 0,
    in_address: bool = False,
) -> None:
    """Show the video. If browsers cannot play it, start a job that makes a copy they can play.

    Args:
        video: The video.
        layers: Up to two layers of tracks.
        key: Key of the component.
        stops: Frames that the user can jump between if the layers have no differences to jump between.
        start: The first frame to show.
        in_address: Whether the address of the page has the frame, so that a link opens the video there. For the player
            that is the subject of its page.
    """
    path = browser_copies.find_playable(workspace(), video)
    if path is None:
        if not _has_copy_job(video):
            _start_copy_job(video)
        st.caption(
            f":material/info: Browsers cannot play this video ({video.codec}). A copy that they can play is being made."
        )
        jobs_panel(COPY_VERB)
        return
    data: dict[str, Any] = {
        "video": files.address_of(path),
        "times": _offer_frame_times(path),
        "width": video.width,
        "height": video.height,
        "layers": [
            {"name": layer.name, "url": layer.address, "marked": layer.marked, "version": layer.version}
            for layer in layers
        ],
        "stops": list(stops),
        "start": start,
        "inAddress": in_address,
    }
    state = _component(key=key, data=data, on_unplayable_change=lambda: None)
    if state.unplayable == data["video"] and not _has_copy_job(video):
        _start_copy_job(video)
    if _has_copy_job(video):
        jobs_panel(COPY_VERB)


def _start_copy_job(video: Video) -> None:
    start_job(COPY_VERB, f"Convert {video.name} for browsers", video=video.id)


def _has_copy_job(video: Video) -> bool:
    """Return whether a copy is being made or could not be made; a failed job is not repeated automatically."""
    copy_jobs = [
        job for job in jobs.refresh(workspace()) if job.verb == COPY_VERB and job.params.get("video") == video.id
    ]
    return any(job.active or job.status == "failed" for job in copy_jobs)


def _offer_frame_times(path: Path) -> str:
    """Return the address of the frames' times in seconds, as little-endian float64."""

    def read_part(part: str) -> tuple[bytes, str]:
        if part != "seconds":
            raise LookupError(part)
        return np.asarray(browser_copies.frame_times(path), "<f8").tobytes(), "application/octet-stream"

    return component_data.offer(f"times {path} {path.stat().st_mtime_ns}", read_part) + "/seconds"
