from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from backend.errors import UserError
from backend.progress import silent
from backend.steps import browser_copies, videos
from backend.workspace import Workspace
from backend.workspace.records import Video
from bytetrack.video import VideoWriter, read_frames

FRAMES = 30


def picture(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 8 * number, np.uint8)


def save(path: Path, codec: str, times: list[int]) -> Path:
    """Write frames of increasing brightness, shown at these times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            frame.pts = time
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def add(workspace: Workspace, path: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(path))["video"])


def test_a_video_that_browsers_play_needs_no_copy(workspace: Workspace, tiny_video: Path) -> None:
    assert browser_copies.find_playable(workspace, add(workspace, tiny_video)) == tiny_video


def test_the_copy_has_the_same_frames_at_the_same_times(workspace: Workspace, tmp_path: Path) -> None:
    times = np.random.default_rng(5).integers(15, 90, FRAMES).cumsum().tolist()
    video = add(workspace, save(tmp_path / "uneven.mkv", "mpeg4", times))
    assert browser_copies.find_playable(workspace, video) is None
    browser_copies.make(workspace, silent, video=video.id)
    path = browser_copies.find_playable(workspace, video)
    assert path and path.is_relative_to(workspace.folder(video))
    expected = (np.array(times) - times[0]) / 1000
    assert browser_copies.frame_times(path) == pytest.approx(expected, abs=1e-4)
    for number, (frame, original) in enumerate(zip(read_frames(path), read_frames(video.path), strict=True)):
        assert abs(frame.mean() - original.mean()) < 3, number


def test_the_copy_of_a_video_without_times_has_them(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")))
        container.mux(stream.encode(None))
    video = add(workspace, path)
    browser_copies.make(workspace, silent, video=video.id)
    copy = browser_copies.find_playable(workspace, video)
    assert copy and browser_copies.frame_times(copy) == pytest.approx(np.arange(FRAMES) / 25)


def test_a_missing_video_is_a_user_error(workspace: Workspace, tmp_path: Path) -> None:
    video = add(workspace, save(tmp_path / "gone.avi", "mpeg4", [40 * number for number in range(FRAMES)]))
    Path(video.path).unlink()
    assert browser_copies.find_playable(workspace, video) is None
    with pytest.raises(UserError, match="cannot be read"):
        browser_copies.make(workspace, silent, video=video.id)


def test_a_frame_without_a_time_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="frame 1 has no time"),
        VideoWriter(tmp_path / "v.mp4", 25, (64, 48), times=np.zeros(1)) as writer,
    ):
        writer.write(picture(0))
        writer.write(picture(1))
