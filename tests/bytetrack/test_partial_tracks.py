from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytetrack import partial_tracks
from bytetrack.partial_tracks import PartialTracksReader, PartialTracksWriter
from bytetrack.tracks import Tracks


def boxes(frame: int, ids: list[int]) -> Tracks:
    """Return the tracks of one frame, a box per id."""
    count = len(ids)
    xyxy = np.tile([1.25, 2.5, 10, 20], (count, 1))
    return Tracks(np.full(count, frame), np.array(ids), xyxy, np.full(count, 0.5), np.zeros(count), ("person",))


@given(st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=4, unique=True), st.booleans()), max_size=20))
def test_a_reader_has_all_tracks_at_any_time(
    tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[list[int], bool]]
) -> None:
    path = tmp_path_factory.mktemp("partial") / "tracks.jsonl"
    reader, rows = PartialTracksReader(path), []
    assert reader.read()[0] == 0
    with PartialTracksWriter(path, seconds_between_lines=0) as writer:
        for number, (ids, read_now) in enumerate(frames):
            writer.add_frame(boxes(number, ids))
            rows += boxes(number, ids).rows()
            if read_now:
                done, tracks = reader.read()
                assert (done, list(tracks.rows())) == (number + 1, rows)
        done, tracks = reader.read()
        assert (done, list(tracks.rows())) == (len(frames), rows)
    assert not path.exists()
    assert list(reader.read()[1].rows()) == rows, "what was read stays"


def test_a_line_that_is_being_written_is_read_later(tmp_path: Path) -> None:
    path, whole = tmp_path / "tracks.jsonl", tmp_path / "whole.jsonl"
    with PartialTracksWriter(whole, seconds_between_lines=0) as writer:
        writer.add(3, boxes(0, [1]))
        line = whole.read_bytes()
    reader = PartialTracksReader(path)
    path.write_bytes(line[:20])
    assert reader.read()[0] == 0
    path.write_bytes(line)
    assert reader.read()[0] == 3


def test_lines_are_written_about_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(partial_tracks.time, "monotonic", lambda: now)
    path = tmp_path / "tracks.jsonl"
    with PartialTracksWriter(path) as writer:
        for number in range(30):
            now += 0.1
            writer.add_frame(boxes(number, [1]))
        assert len(path.read_text().splitlines()) in (2, 3)
