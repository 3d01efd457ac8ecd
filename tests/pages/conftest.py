"""A console without a browser, on a workspace of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from waiting import until

from backend import jobs, progress
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import store_labels
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.records import Job, Labels, Video
from bytetrack.tracks import Tracks

MAIN = Path(__file__).parents[2] / "app" / "main.py"
Open = Callable[..., AppTest]


@pytest.fixture
def open_page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page by the key of its step, with query parameters; fails where it shows an error."""
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(workspace.root))

    def open_(key: str = "home", **query: str) -> AppTest:
        page = AppTest.from_file(str(MAIN), default_timeout=60)
        for name, value in query.items():
            page.query_params[name] = value
        if key != "home":
            page.switch_page(f"../pages/{key}.py")
        page.run()
        assert not page.exception
        assert not page.error, [error.value for error in page.error]
        return page

    return open_


@pytest.fixture
def played() -> Callable[[AppTest], dict]:
    """What a page gave its player."""

    def data(page: AppTest) -> dict:
        (player,) = (element for element in page.get("bidi_component") if "player" in element.proto.component_name)
        return json.loads(player.proto.json or player.proto.mixed.json)

    return data


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, progress.silent, source=str(tiny_video))["video"])


@pytest.fixture
def labels(workspace: Workspace, video: Video) -> Labels:
    """One object that moves to the right, on every frame."""
    frame = np.arange(video.frames)
    xyxy = np.stack([frame, np.full_like(frame, 10), frame + 20, np.full_like(frame, 40)], 1)
    tracks = Tracks(frame, np.ones_like(frame), xyxy, np.ones_like(frame), np.zeros_like(frame), ("person",))
    return store_labels(workspace, video, LabelSequence(video.name, tracks, frame.tolist()), "MOTChallenge")


@pytest.fixture
def finish(workspace: Workspace) -> Callable[[], Job]:
    """Waits for the newest job to end and returns it."""

    def finish_() -> Job:
        until(lambda: not jobs.recent(workspace)[0].active)
        return jobs.recent(workspace)[0]

    return finish_
