from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.errors import UserError
from backend.progress import silent
from backend.steps import videos
from backend.steps.request_examples import examples
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Model, Video
from bytetrack.video import decode


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    model = workspace.add(Model(name="street", size="nano", classes=["car"], input_size=[64, 64], source="trained"))
    ref = {"folder": "gone", "port": 8123, "pid": 2**22, "pid_started": 0.0, "mode": "realtime"}
    return workspace.add(Endpoint(name="cam", model=model.id, mode="realtime", platform="local", ref=ref))


def test_examples_send_files_that_exist(workspace: Workspace, endpoint: Endpoint, tiny_video: Path, number_of) -> None:
    gone = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    shell = examples(workspace, endpoint)[0].code
    (image,) = workspace.folder(endpoint).glob("*.jpg")
    (piece,) = workspace.folder(endpoint).glob("*.mp4")
    assert f"@{image}" in shell and f"@{piece}" in shell and "http://127.0.0.1:8123/invocations" in shell
    assert '{"frame_rate": 10.0}' in shell
    assert number_of(cv2.imdecode(np.frombuffer(image.read_bytes(), np.uint8), cv2.IMREAD_COLOR)) == 0
    assert number_of(next(decode(piece.read_bytes()))) == 0

    written = piece.stat().st_mtime_ns
    with workspace.edit(Video, gone.id) as video:
        video.created -= 10
    workspace.add(Video(**{**vars(gone), "id": "", "path": str(tiny_video.with_name("gone.mp4"))}))
    assert examples(workspace, endpoint)[0].code == shell  # the newest video that is there
    assert piece.stat().st_mtime_ns == written


def test_without_a_video_it_says_what_to_do(workspace: Workspace, endpoint: Endpoint) -> None:
    with pytest.raises(UserError, match="Add a video first"):
        examples(workspace, endpoint)
