from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.errors import UserError
from backend.labels.clip_lengths import clips_by_length
from backend.progress import silent
from backend.steps import filmstrips, videos
from backend.workspace import Workspace
from backend.workspace.records import Video
from bytetrack.video import VideoWriter, read_frames

NumberOf = Callable[[np.ndarray], int]


def add(workspace: Workspace, path: Path, name: str = "") -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(path), name=name)["video"])


def test_a_file_of_this_machine_is_used_in_place(workspace: Workspace, tiny_video: Path) -> None:
    video = add(workspace, tiny_video)
    assert (video.name, video.path) == ("tiny", str(tiny_video))
    assert (video.width, video.height, video.fps, video.frames, video.seconds) == (64, 48, 10, 20, 2)
    workspace.remove(video)
    assert tiny_video.exists()


def test_an_upload_is_moved_into_the_workspace(workspace: Workspace, tiny_video: Path) -> None:
    upload = workspace.root / "uploads" / "my – video!.mp4"
    upload.parent.mkdir()
    shutil.copy(tiny_video, upload)
    video = add(workspace, upload)
    assert video.name == "my _ video_"
    assert not upload.exists()
    assert Path(video.path).parent == workspace.folder(video)
    assert videos.frame(workspace, video, 3).shape == (48, 64, 3)


def test_invalid_sources_and_names_are_refused(workspace: Workspace, tmp_path: Path, tiny_video: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    for source, name, message in [
        (text, "", "is not a video"),
        (tmp_path / "gone.mp4", "", "does not exist"),
        ("s3://bucket/video.mp4", "", "needs an AWS account"),
        (tiny_video, "../up", "cannot be a name"),
    ]:
        with pytest.raises(UserError, match=message):
            videos.add(workspace, silent, source=str(source), name=name)
    assert workspace.list(Video) == []


@pytest.mark.parametrize("length", [{"every_frames": 8}, {"every_seconds": 0.8}])
def test_clips_are_exact(workspace: Workspace, tiny_video: Path, length: dict, number_of: NumberOf) -> None:
    video = add(workspace, tiny_video, "site")
    ids = videos.cut(workspace, silent, video=video.id, **length)["videos"]
    clips = [workspace.get(Video, clip_id) for clip_id in ids]
    assert [(clip.name, clip.start, clip.frames, clip.parent) for clip in clips] == [
        ("site_0", 0, 8, video.id),
        ("site_1", 8, 8, video.id),
        ("site_2", 16, 4, video.id),
    ]
    assert [[number_of(videos.frame(workspace, clip, k)) for k in range(clip.frames)] for clip in clips] == [
        list(range(8)),
        list(range(8, 16)),
        list(range(16, 20)),
    ]


@pytest.mark.parametrize(
    ("length", "message"),
    [
        ({}, "either in frames or in seconds"),
        ({"every_frames": 5, "every_seconds": 1.0}, "either in frames or in seconds"),
        ({"every_frames": 0}, "above 0"),
        ({"every_seconds": -1.0}, "above 0"),
        ({"every_frames": 20}, "has only 20 frames"),
    ],
)
def test_invalid_clip_lengths_are_refused(workspace: Workspace, tiny_video: Path, length: dict, message: str) -> None:
    video = add(workspace, tiny_video)
    with pytest.raises(UserError, match=message):
        videos.cut(workspace, silent, video=video.id, **length)


def test_a_stopped_cut_leaves_no_clips(workspace: Workspace, tiny_video: Path) -> None:
    video = add(workspace, tiny_video)
    before = sorted(workspace.root.rglob("*.mp4"))

    def stop(fraction: float, step: str) -> None:
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        videos.cut(workspace, stop, video=video.id, every_frames=5)
    assert workspace.list(Video) == [video]
    assert sorted(workspace.root.rglob("*.mp4")) == before


def test_frames_are_extracted_as_jpegs(workspace: Workspace, tiny_video: Path, number_of: NumberOf) -> None:
    video = add(workspace, tiny_video)
    result = videos.extract(workspace, silent, video=video.id, every=7)
    assert result["frames"] == 3
    with zipfile.ZipFile(result["zip"]) as archive:
        assert archive.namelist() == ["tiny/frame_000000.jpg", "tiny/frame_000007.jpg", "tiny/frame_000014.jpg"]
        picture = cv2.imdecode(np.frombuffer(archive.read("tiny/frame_000014.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert number_of(picture) == 14
    with pytest.raises(UserError):
        videos.extract(workspace, silent, video=video.id, every=0)


def test_thumbnails_and_single_frames(workspace: Workspace, tiny_video: Path) -> None:
    video = add(workspace, tiny_video)
    path = videos.thumbnail(workspace, video)
    assert cv2.imread(str(path)).shape == (240, 320, 3)
    assert videos.thumbnail(workspace, video) == path
    with pytest.raises(UserError, match="has no frame 20"):
        videos.frame(workspace, video, 20)
    tiny_video.unlink()
    with pytest.raises(UserError, match="tiny.mp4"):
        videos.frame(workspace, video, 0)


RANGES = [{"first": 15, "last": 19, "name": "end"}, {"first": 3, "last": 9}, {"first": 9, "last": 9, "name": "one"}]


def test_ranges_are_cut_exactly_in_one_job(workspace: Workspace, tiny_video: Path, number_of: NumberOf) -> None:
    video = add(workspace, tiny_video, "site")
    ids = videos.cut(workspace, silent, video=video.id, ranges=RANGES)["videos"]
    clips = [workspace.get(Video, clip_id) for clip_id in ids]
    assert [(clip.name, clip.start, clip.frames, clip.parent) for clip in clips] == [
        ("end", 15, 5, video.id),
        ("site_3-9", 3, 7, video.id),
        ("one", 9, 1, video.id),
    ]
    for clip in clips:
        shown = [number_of(videos.frame(workspace, clip, k)) for k in range(clip.frames)]
        assert shown == list(range(clip.start, clip.start + clip.frames))
    assert clips_by_length(workspace, video) == {}  # labels of equal pieces do not belong to them
    videos.cut(workspace, silent, video=video.id, every_frames=10)
    assert list(clips_by_length(workspace, video)) == [10]


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([], "between 1 and"),
        ([{"first": 5, "last": 20}], "no frames 5 to 20: it has 20 frames, the last is 19"),
        ([{"first": 6, "last": 5}], "no frames 6 to 5"),
        ([{"first": -1, "last": 5}], "no frames -1 to 5"),
        ([{"first": 0, "last": 5, "name": "a/b"}], "cannot be a name"),
    ],
)
def test_invalid_ranges_are_refused(workspace: Workspace, tiny_video: Path, ranges: list, message: str) -> None:
    video = add(workspace, tiny_video)
    with pytest.raises(UserError, match=message):
        videos.cut(workspace, silent, video=video.id, ranges=ranges)
    assert workspace.list(Video) == [video]


def test_ranges_of_a_variable_rate_are_cut_by_the_times_of_its_frames(
    workspace: Workspace, tmp_path: Path, number_of: NumberOf, tiny_video: Path
) -> None:
    """The first ten frames last a second each, the others a tenth of it."""
    path, times = tmp_path / "varying.mp4", np.concatenate([np.arange(10.0), 9.1 + 0.1 * np.arange(10)])
    with VideoWriter(path, 10, (64, 48), times=times) as writer:
        for frame in read_frames(tiny_video):
            writer.write(frame)
    video = add(workspace, path)
    assert video.variable_rate
    assert videos.range_of(video, "4s", "9.35s") == {"first": 4, "last": 12}
    assert videos.range_of(video, "4.001s", "") == {"first": 5, "last": 19}
    assert videos.range_of(video, "7", "11") == {"first": 7, "last": 11}
    for start, end in (("9.55s", "9.58s"), ("8", "7"), ("x", "5")):
        with pytest.raises(UserError):
            videos.range_of(video, start, end)
    (clip_id,) = videos.cut(workspace, silent, video=video.id, ranges=[videos.range_of(video, "4s", "9.35s")])["videos"]
    clip = workspace.get(Video, clip_id)
    assert [number_of(videos.frame(workspace, clip, k)) for k in range(clip.frames)] == list(range(4, 13))
    np.testing.assert_allclose(videos.frame_seconds(clip), times[4:13] - 4, atol=1e-4)


def test_the_filmstrip_is_decoded_once(workspace: Workspace, tiny_video: Path) -> None:
    video = add(workspace, tiny_video)
    numbers = filmstrips.numbers(video)
    assert numbers == list(range(20))  # no more pictures than frames
    written = filmstrips.write_pictures(workspace, video)
    assert next(written) == 0
    assert filmstrips.picture_path(workspace, video, 0).exists()
    assert not filmstrips.picture_path(workspace, video, 1).exists()  # nothing is decoded in advance
    assert list(written) == numbers[1:]
    assert not list(filmstrips.write_pictures(workspace, video))
    assert cv2.imdecode(np.frombuffer(filmstrips.preview(workspace, video, 7), np.uint8), 1).shape == (48, 64, 3)
