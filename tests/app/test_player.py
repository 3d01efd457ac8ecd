from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import app.player
from app.player.tracks import FRAMES_PER_PART, MarkedTracks, encode_part, summary
from bytetrack.tracks import Tracks

PLAYER = Path(app.player.__file__).parent


@st.composite
def tables(draw: st.DrawFn) -> tuple[Tracks, int]:
    frames = draw(st.sampled_from([1, 7, FRAMES_PER_PART, FRAMES_PER_PART + 1, 3000]))
    places = draw(st.sets(st.tuples(st.integers(0, frames - 1), st.integers(1, 5)), max_size=40))
    frame, identity = np.array(sorted(places), np.int64).reshape(-1, 2).T
    xyxy = np.tile([1.5, 2.0, 30.25, 40.0], (len(frame), 1)) + frame[:, None] % 100
    class_id = identity % 2
    return Tracks(frame, identity, xyxy, np.full(len(frame), 0.5), class_id, ("car", "person")), frames


@settings(deadline=None)
@given(tables())
def test_the_stretches_together_are_the_tracks(table: tuple[Tracks, int]) -> None:
    tracks, frames = table
    marks = np.arange(len(tracks)) % 5
    rows = []
    for number in range(-(-frames // FRAMES_PER_PART)):
        content = encode_part(MarkedTracks(tracks, marks), number)
        count = len(content) // 36
        whole = np.frombuffer(content[: 16 * count], "<u4").reshape(4, count)
        real = np.frombuffer(content[16 * count :], "<f4").reshape(5, count)
        assert (whole[0] // FRAMES_PER_PART == number).all()
        rows += [(*a, *b) for a, b in zip(whole.T.tolist(), real.T.tolist())]
    expected = zip(tracks.frame, tracks.id, tracks.class_id, marks, tracks.score, *tracks.xyxy.T)
    assert rows == [tuple(float(value) for value in row) for row in expected]


@settings(deadline=None)
@given(tables())
def test_the_summary_tells_where_each_track_is(table: tuple[Tracks, int]) -> None:
    tracks, frames = table
    summarized = summary(MarkedTracks(tracks), frames)
    frames_of_tracks = {
        id: {frame for a, b in zip(spans[::2], spans[1::2]) for frame in range(a, b + 1)}
        for id, _, _, _, spans in summarized["tracks"]
    }
    assert frames_of_tracks == {id: set(tracks.frame[tracks.id == id].tolist()) for id in np.unique(tracks.id).tolist()}
    assert [row[2] for row in summarized["tracks"]] == [len(frames_of_tracks[row[0]]) for row in summarized["tracks"]]
    widths = np.minimum(summarized["step"], frames - summarized["step"] * np.arange(len(summarized["counts"][0])))
    for class_id, counts in enumerate(summarized["counts"]):
        assert abs(np.dot(counts, widths) - (tracks.class_id == class_id).sum()) < 0.01 * frames


def test_the_bundle_is_made_of_the_sources() -> None:
    """Else: `make player`."""
    sources = b"".join(path.read_bytes() for path in sorted((PLAYER / "src").glob("*.js")))
    first, _, _ = (PLAYER / "dist" / "player.js").read_text().partition("\n")
    assert hashlib.sha256(sources).hexdigest() in first
