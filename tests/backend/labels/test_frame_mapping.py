from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.errors import UserError
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping, length_tolerance, map_to_video, suggest_step
from backend.labels.label_sequence import LabelSequence
from backend.workspace.records import Video
from bytetrack.tracks import Tracks


def video(frames: int, fps: float = 25) -> Video:
    return Video(
        name="site",
        path="site.mp4",
        width=1000,
        height=100,
        fps=fps,
        frames=frames,
        seconds=frames / fps,
        codec="h264",
        size=1,
    )


def labels(images: list[int], **fields) -> LabelSequence:
    """Return labels of an object whose left edge is the number of the image, up to image 899."""
    left = np.array(images) % 900
    xyxy = np.stack([left, np.full_like(left, 10), left + 20, np.full_like(left, 40)], axis=1)
    ones = np.ones(len(images))
    return LabelSequence("site", Tracks(images, ones, xyxy, ones, 0 * ones, ("person",)), sorted(images), **fields)


def frames_of_images(sequence: LabelSequence) -> dict[int, int]:
    """Return the frame that each image was mapped to, by the number of the image."""
    return dict(zip(sequence.tracks.xyxy[:, 0].astype(int).tolist(), sequence.tracks.frame.tolist(), strict=True))


IMAGES = st.lists(st.integers(0, 300), min_size=1, max_size=60, unique=True)


@given(IMAGES, st.integers(1, 400), st.integers(1, 12), st.integers(0, 30))
def test_boxes_are_mapped_to_their_frames_or_refused(
    images: list[int], frames: int, step: int, first_frame: int
) -> None:
    sequence, clip = labels(images), video(frames)
    try:
        mapped = map_to_video(sequence, clip, FrameMapping(step, first_frame))
    except UserError:
        assert first_frame + step * max(images) >= frames
        return
    expected = {k: first_frame + step * k for k in images if first_frame + step * k < frames}
    assert frames_of_images(mapped) == expected
    assert mapped.labeled_frames == sorted(expected.values())
    assert f"step={step}, first_frame={first_frame}" in " ".join(mapped.notes)
    assert len(expected) == len(images) or "dropped" in " ".join(mapped.notes)


@given(st.integers(2, 60), st.integers(2, 12), st.integers(0, 11), st.data())
def test_images_of_every_nth_frame_are_not_taken_for_consecutive_frames(
    count: int, step: int, first_frame: int, data: st.DataObject
) -> None:
    assume(first_frame < step)
    frames = data.draw(st.integers(first_frame + step * (count - 1) + 1, first_frame + step * count))
    assume(frames - count > length_tolerance(frames))
    for sequence in (labels(list(range(count)), frames=count), labels(list(range(count)))):
        with pytest.raises(AmbiguousFrames, match=rf"\b{count} frames.* {frames} frames.*step=1\."):
            map_to_video(sequence, video(frames), FrameMapping())
        mapped = map_to_video(sequence, video(frames), FrameMapping(1))
        assert frames_of_images(mapped) == {k: k for k in range(count)}


@given(IMAGES, st.integers(1, 400))
def test_without_a_step_labels_keep_their_frame_numbers_or_are_refused(images: list[int], frames: int) -> None:
    try:
        mapped = map_to_video(labels(images), video(frames), FrameMapping())
    except UserError:
        return
    assert frames_of_images(mapped) == {k: k for k in images if k < frames}


@pytest.mark.parametrize(
    ("images", "fields"),
    [
        (range(200), {}),
        (range(200), {"frames": 200, "fps": 25}),
        (range(198), {}),  # an encoder dropped the last frames
        (range(202), {"frames": 202}),
        (range(40), {"frames": 200}),  # only the first part has labels, but the sequence is the whole video
        (range(0, 200, 5), {}),
        (range(4, 200, 5), {}),
        (range(0, 60, 5), {}),  # numbers that are 5 apart are frame numbers
        (range(0, 200, 5), {"frames": 40}),  # 40 images, each with its frame number
        (range(150), {}),  # with any larger step they would exceed the video
        (range(110, 150), {}),
        ([7], {}),
        (range(200), {"frames": 200, "fps": 30}),
    ],
)
def test_numbers_that_can_only_be_frame_numbers_are_kept(images: range, fields: dict) -> None:
    mapped = map_to_video(labels(list(images), **fields), video(200), FrameMapping())
    assert mapped.labeled_frames == [number for number in images if number < 200]


@pytest.mark.parametrize(
    ("images", "fields", "message"),
    [
        (range(40), {}, r"ends after 40 frames.* 200 frames.* every 5th frame.* step=5 .*first_frame=4"),
        (range(40), {"frames": 40}, r"has 40 frames.* 200 frames.* every 5th frame.* step=5 "),
        (range(40), {"frames": 40, "fps": 5}, r"has 40 frames at 5 frames/s, the video 25.* step=5 "),
        ([3, 4, 9, 30, 31], {}, r"ends after 32 frames.* 200 frames"),
        (range(0, 40, 5), {"fps": 5}, "at 5 frames/s, the video 25"),  # only the frame rate makes them ambiguous
        (range(0, 40, 2), {"frames": 40}, "has 40 frames.*step=5 "),
        (range(150), {"frames": 150}, r"has 150 frames.* 200 frames\. If they are its first frames.* step=1;"),
        (range(60), {"frames": 60}, r"step=n, at most 3 "),
    ],
)
def test_numbers_that_may_be_of_other_frames_are_refused(images: range, fields: dict, message: str) -> None:
    with pytest.raises(AmbiguousFrames, match=message):
        map_to_video(labels(list(images), **fields), video(200), FrameMapping())


def test_labels_of_a_longer_video_are_refused() -> None:
    for sequence in (labels(list(range(40)), frames=210), labels(list(range(210)))):
        with pytest.raises(UserError, match="have 210 frames, but “site” has only 200.* another video"):
            map_to_video(sequence, video(200), FrameMapping())


def test_a_first_frame_does_not_replace_the_step() -> None:
    with pytest.raises(AmbiguousFrames, match="step=5"):
        map_to_video(labels(list(range(40)), frames=40), video(200), FrameMapping(first_frame=4))
    mapped = map_to_video(labels(list(range(100))), video(200), FrameMapping(first_frame=100))
    assert mapped.labeled_frames == list(range(100, 200))


def test_a_step_that_exceeds_the_video_is_refused() -> None:
    with pytest.raises(UserError, match="step=6 and first_frame=0 .* reach frame 234, but “site” has only 200 frames"):
        map_to_video(labels(list(range(40))), video(200), FrameMapping(6))
    with pytest.raises(UserError, match="Its numbers are already 5 apart, so try step=1"):
        map_to_video(labels(list(range(0, 200, 5))), video(200), FrameMapping(5))


def test_labels_that_may_lack_the_first_image_need_a_first_frame() -> None:
    sequence = labels(list(range(199)), may_lack_first_image=True)  # numbered 1 to 199 in the file
    with pytest.raises(AmbiguousFrames, match="numbers 1 to 199, .* 200 frames .* first_frame=0; .* first_frame=1"):
        map_to_video(sequence, video(200), FrameMapping())
    assert map_to_video(sequence, video(200), FrameMapping(first_frame=1)).labeled_frames == list(range(1, 200))
    assert map_to_video(sequence, video(200), FrameMapping(first_frame=0)).labeled_frames == list(range(199))
    complete = labels(list(range(200)), may_lack_first_image=True)
    assert map_to_video(complete, video(200), FrameMapping()).labeled_frames == list(range(200))


def test_labels_with_frame_numbers_of_the_video_take_no_step() -> None:
    sequence = labels([0, 5, 10], frames=200, has_video_frame_numbers=True)
    assert map_to_video(sequence, video(200), FrameMapping()).labeled_frames == [0, 5, 10]
    with pytest.raises(UserError, match="without step and first_frame"):
        map_to_video(sequence, video(200), FrameMapping(5))
    with pytest.raises(UserError, match="a video of 200 frames, but “site” has 400"):
        map_to_video(sequence, video(400), FrameMapping())


@pytest.mark.parametrize("fields", [{"step": 0}, {"step": 2.5}, {"step": "5"}, {"step": True}, {"first_frame": -1}])
def test_an_invalid_step_is_refused(fields: dict) -> None:
    with pytest.raises(UserError, match=f"{next(iter(fields))} must be an integer, at least [01], not "):
        FrameMapping(**fields)


@given(st.integers(2, 12), st.integers(30, 3000))
def test_the_step_of_many_images_is_suggested(step: int, frames: int) -> None:
    images = FrameMapping(step).images(frames)
    assume(images > 2 * step)
    assert suggest_step(images, frames) == step
