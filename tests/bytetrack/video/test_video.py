from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import av
import numpy as np
import pytest

from bytetrack.video import VideoWriter, decode, pieces, probe, read_frames

NumberedFrame = Callable[[int], np.ndarray]
NumberOf = Callable[[np.ndarray], int]
Encode = Callable[..., Path]
SHORT_GROUPS = {"g": "8", "bf": "2"}
# File name, encoder, pixel format, options of the encoder.
KINDS = [
    ("h264.mp4", "libx264", "yuv420p", SHORT_GROUPS),
    ("long-groups.mp4", "libx264", "yuv420p", {"g": "250"}),
    ("open-groups.mp4", "libx264", "yuv420p", {"x264-params": "open-gop=1:keyint=8:bframes=3:scenecut=0"}),
    ("deep.mp4", "libx264", "yuv420p10le", {}),
    ("odd.mp4", "libx264", "yuv444p", {}),
    ("hevc.mp4", "libx265", "yuv420p", {"x265-params": "keyint=8:log-level=none"}),
    ("mpeg4.mp4", "mpeg4", "yuv420p", SHORT_GROUPS),
    ("mpeg4.avi", "mpeg4", "yuv420p", SHORT_GROUPS),
    ("mjpeg.avi", "mjpeg", "yuvj420p", {}),
    ("mjpeg.mov", "mjpeg", "yuvj422p", {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", {"g": "8"}),
    ("vp8.webm", "libvpx", "yuv420p", {"g": "8", "auto-alt-ref": "1", "lag-in-frames": "10"}),
    ("h264.mkv", "libx264", "yuv420p", SHORT_GROUPS),
    ("h264.ts", "libx264", "yuv420p", SHORT_GROUPS),
    ("mpeg2.mpg", "mpeg2video", "yuv420p", SHORT_GROUPS),
    ("rgb.mkv", "ffv1", "bgr0", {}),
    ("gray.mkv", "ffv1", "gray", {}),
]


@pytest.fixture
def encode(numbered_frame: NumberedFrame) -> Encode:
    def encode(path: Path, encoder: str, pixels: str, options: dict[str, str], rotation: int = 0) -> Path:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(encoder, rate=10)
            odd = path.stem == "odd"
            stream.width, stream.height, stream.pix_fmt, stream.options = 64 - odd, 48 - odd, pixels, options
            if rotation:
                stream.set_display_rotation(rotation)
            for number in range(20):
                picture = np.ascontiguousarray(numbered_frame(number)[: stream.height, : stream.width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
            container.mux(stream.encode(None))
        return path

    return encode


@pytest.mark.parametrize(("name", "encoder", "pixels", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_kind_of_file(
    tmp_path: Path, name: str, encoder: str, pixels: str, options: dict[str, str], number_of: NumberOf, encode: Encode
) -> None:
    path = encode(tmp_path / name, encoder, pixels, options)
    frames = list(read_frames(path))
    if name != "odd.mp4":
        assert [number_of(frame) for frame in frames] == list(range(20))
    info = probe(path)
    assert (info.frames, info.height, info.width) == (20, *frames[0].shape[:2])
    assert info.fps == pytest.approx(10, rel=0.01)
    assert not info.variable_rate

    for start in (1, 7, 8, 9, 13, 19):
        assert np.array_equal(next(read_frames(path, start)), frames[start]), start

    parts = list(pieces(path, max_frames=6))
    assert [first for first, _, _ in parts] == np.cumsum([0, *(count for _, count, _ in parts)])[:-1].tolist()
    again = list(chain.from_iterable(decode(body) for _, _, body in parts))
    assert len(again) == 20
    assert all(map(np.array_equal, again, frames))


@pytest.mark.parametrize("options", [SHORT_GROUPS, {}], ids=["copied", "encoded again"])
@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_the_rotation_of_a_phone_is_applied(
    tmp_path: Path, rotation: int, turns: int, options: dict[str, str], number_of: NumberOf, encode: Encode
) -> None:
    path = encode(tmp_path / "phone.mp4", "libx264", "yuv420p", options, rotation)
    frames = list(read_frames(path))
    assert number_of(np.rot90(frames[13], -turns)) == 13
    info = probe(path)
    assert (info.height, info.width, info.rotation) == (*frames[0].shape[:2], rotation % 360)
    again = list(chain.from_iterable(decode(body) for _, _, body in pieces(path)))
    assert all(map(np.array_equal, again, frames))


def test_frames_before_the_start_of_an_edit_list_are_skipped(
    tmp_path: Path, tiny_video: Path, number_of: NumberOf
) -> None:
    """Phones trim a video without encoding it again, so the file contains frames that no player shows."""
    path = tmp_path / "trimmed.mp4"
    with av.open(str(tiny_video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = (time - int(0.5 / packet.time_base) for time in (packet.pts, packet.dts))
                packet.stream = stream
                target.mux(packet)
    numbers = [number_of(frame) for frame in read_frames(path)]
    assert numbers[-1] == 19
    assert probe(path).frames == len(numbers)
    assert number_of(next(read_frames(path, 10))) == numbers[10]
    again = chain.from_iterable(decode(body) for _, _, body in pieces(path))
    assert [number_of(frame) for frame in again] == numbers


def test_frames_can_be_skipped(tiny_video: Path, number_of: NumberOf) -> None:
    assert [number_of(frame) for frame in read_frames(tiny_video, 3, 12, 4)] == [3, 7, 11]
    assert list(read_frames(tiny_video, 20)) == []


def test_variable_frame_rate(
    tmp_path: Path, number_of: NumberOf, numbered_frame: NumberedFrame, encode: Encode
) -> None:
    path = tmp_path / "variable.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, time in enumerate([0, 1, 2, 5, 6, 10]):
            picture = av.VideoFrame.from_ndarray(numbered_frame(number), "bgr24")
            picture.pts = time
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    info = probe(path)
    assert info.variable_rate
    assert (info.frames, info.fps) == (6, 5.0)
    assert [number_of(frame) for frame in read_frames(path)] == list(range(6))


def test_the_writer_makes_files_that_browsers_play(tmp_path: Path, numbered_frame: NumberedFrame) -> None:
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, 29.97, (63, 47), keyint=4) as writer:
        for number in range(10):
            writer.write(numbered_frame(number)[:47, :63])
    info = probe(path)
    assert (info.width, info.height, info.frames, info.codec, info.fps) == (64, 48, 10, "h264", 29.97)
    body = path.read_bytes()
    assert body.index(b"moov") < body.index(b"mdat")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert all(any(keys[start : start + 4]) for start in range(0, 10, 4))


def test_the_writer_keeps_brightness(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with VideoWriter(tmp_path / "v.mp4", 10, (64, 48), crf=1) as writer:
        writer.write(picture)
    assert abs(next(read_frames(tmp_path / "v.mp4")).mean() - picture.mean()) < 2


def test_a_failed_writer_leaves_nothing(tmp_path: Path, numbered_frame: NumberedFrame) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "v.mp4", 10, (64, 48)) as writer:
        writer.write(numbered_frame(0))
        raise RuntimeError
    with pytest.raises(ValueError, match="no frame was written"), VideoWriter(tmp_path / "v.mp4", 10, (64, 48)):
        pass
    with pytest.raises(ValueError, match="frame 0 has shape"), VideoWriter(tmp_path / "v.mp4", 10, (64, 48)) as writer:
        writer.write(np.zeros((40, 64, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_was_cut_off(tmp_path: Path, tiny_video: Path) -> None:
    """The index comes first in this file, so the frames up to the cut can be shown."""
    path = tmp_path / "cut.mp4"
    body = tiny_video.read_bytes()
    path.write_bytes(body[: body.index(b"mdat") + (len(body) - body.index(b"mdat")) * 2 // 3])
    count = len(list(read_frames(path)))
    assert 0 < count < 20
    assert probe(path).frames == count


def test_a_recording_that_was_cut_off(tmp_path: Path, encode: Encode) -> None:
    path = encode(tmp_path / "whole.mp4", "libx264", "yuv420p", {})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"“whole.mp4” is incomplete: its index \(moov\) is missing"):
        probe(path)


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"hello " * 500, "is not a video that can be read"),
        (b"", r"is empty \(0 bytes\)"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://SECRET\n#EXT-X-ENDLIST\n", "is not a video"),
        (b"ffconcat version 1.0\nfile SECRET\n", "is not a video"),
    ],
    ids=["text", "empty", "HLS playlist", "concat playlist"],
)
def test_files_of_another_kind_are_reported(
    tmp_path: Path, tiny_video: Path, content: bytes, complaint: str, encode: Encode
) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content.replace(b"SECRET", str(tiny_video).encode()))
    for read in (probe, lambda path: list(read_frames(path)), lambda path: list(pieces(path))):
        with pytest.raises(ValueError, match="“x.mp4” " + complaint):
            read(path)
    with pytest.raises(ValueError, match="The video"):
        list(decode(path.read_bytes()))


def test_sound_and_missing_files_are_reported(tmp_path: Path) -> None:
    write_sound(tmp_path / "song.mp4")
    with pytest.raises(ValueError, match="contains only sound, no video"):
        probe(tmp_path / "song.mp4")
    with pytest.raises(ValueError, match="does not exist"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(ValueError, match="does not exist"):
        probe("https://example.com/video.mp4")


def test_a_video_without_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "none.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(ValueError, match="has no frames|is not a video|no video"):
        probe(tmp_path / "none.avi")


def test_a_real_video(shared_data: Path) -> None:
    path = shared_data / "pets" / "PETS09-S2L1.mp4"
    info = probe(path)
    assert (info.width, info.height, info.fps, info.frames) == (768, 576, 7.0, 300)
    assert np.array_equal(next(read_frames(path, 255)), list(read_frames(path, 250, 256))[5])
    first, count, body = next(pieces(path))
    assert (first, count) == (0, 12)
    assert all(map(np.array_equal, decode(body), read_frames(path, 0, 12)))
