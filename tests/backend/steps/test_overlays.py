from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.errors import UserError
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import store_labels
from backend.progress import silent
from backend.steps import overlays, videos
from backend.workspace import Workspace
from backend.workspace.paths import OVERLAY
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks
from bytetrack.video import read_frames


@pytest.fixture
def labels(workspace: Workspace, tiny_video: Path) -> Labels:
    """Labels with one box, on frame 5."""
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    table = Tracks([5], [1], [[10, 20, 40, 44]], [1], [0], ("person",))
    return store_labels(workspace, video, LabelSequence("tiny", table, list(range(20))), "test")


def test_boxes_are_drawn_on_their_frames(workspace: Workspace, labels: Labels, tiny_video: Path) -> None:
    assert overlays.make(workspace, silent, of=labels.id) == {"of": labels.id}
    drawn = list(read_frames(workspace.folder(labels) / OVERLAY))
    changed = [
        np.abs(one.astype(int) - other)[20:44, 10:40].mean() for one, other in zip(drawn, read_frames(tiny_video))
    ]
    assert len(drawn) == 20 and np.argmax(changed) == 5
    assert changed[5] > 3 * max(changed[:5])


def test_a_missing_video_is_a_user_error(workspace: Workspace, labels: Labels, tiny_video: Path) -> None:
    path = Path(workspace.get(Video, labels.video).path)
    path.unlink()
    with pytest.raises(UserError, match=path.name):
        overlays.make(workspace, silent, of=labels.id)
    assert not (workspace.folder(labels) / OVERLAY).exists()
