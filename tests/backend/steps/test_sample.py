from __future__ import annotations

import numpy as np
import pytest

from backend.progress import silent
from backend.steps import sample, videos
from backend.steps.sample_scene import Mover, Scene
from backend.workspace import Workspace
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks


def test_labels_match_their_videos(workspace: Workspace) -> None:
    result = sample.make(workspace, silent, scenes=2, frames=8, size=(160, 128))
    assert len(result["videos"]) == len(result["labels"]) == 2
    for video_id, labels_id in zip(result["videos"], result["labels"]):
        video, labels = workspace.get(Video, video_id), workspace.get(Labels, labels_id)
        tracks = Tracks.load(workspace.folder(labels) / "tracks.json")
        assert labels.video == video.id
        assert (video.frames, video.width, video.height) == (8, 160, 128)
        assert videos.frame(workspace, video, 7).shape == (128, 160, 3)
        assert labels.labeled_frames == list(range(8))
        assert (labels.boxes, labels.objects) == (len(tracks), len(set(tracks.id.tolist())))
        assert set(tracks.class_id.tolist()) == {0, 1}
        assert (tracks.xyxy[:, :2] >= 0).all()
        assert (tracks.xyxy[:, 2:] <= [160, 128]).all()
        assert (tracks.xyxy[:, 2:] > tracks.xyxy[:, :2]).all()


def test_the_same_seed_gives_the_same_scene() -> None:
    def first_frame(seed: int) -> np.ndarray:
        return Scene((160, 128), 8, 0, np.random.default_rng(seed)).render(0)[0]

    assert np.array_equal(first_frame(1), first_frame(1))
    assert not np.array_equal(first_frame(1), first_frame(2))


def test_hidden_objects_have_no_label() -> None:
    scene = Scene((480, 352), 8, 0, np.random.default_rng(0))
    person = Mover(0, 240, 270, 0.1, 0, 0, 1.0, ((90, 125, 175), (40, 40, 190), (40, 40, 40), (50, 50, 50)), 2)
    behind = Mover(0, 240, 265, 0.1, 0, 0, 0.95, person.colors, 2)
    scene.movers = [person]
    ((number, class_id, box),) = scene.render(0)[1]
    assert (number, class_id) == (1, 0)
    assert box[3] == pytest.approx(270, abs=4)
    assert box[1] == pytest.approx(270 - scene._person_height(270), abs=8)
    scene.movers = [behind, person]
    assert [number for number, _, _ in scene.render(0)[1]] == [2]
