"""Tracks that Hypothesis makes up."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from bytetrack.tracks import Tracks

CLASSES = ("person", "car")


@st.composite
def tracks(draw: st.DrawFn) -> Tracks:
    """At least one box on frames of 640x480, to hundredths of a pixel, each object at most once a frame."""
    keys = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=20, unique=True))
    hundredths = st.tuples(
        st.integers(0, 40000), st.integers(0, 30000), st.integers(200, 20000), st.integers(200, 15000)
    )
    boxes = np.array(draw(st.lists(hundredths, min_size=len(keys), max_size=len(keys)))) / 100
    kinds = draw(st.lists(st.integers(0, 1), min_size=len(keys), max_size=len(keys)))
    frame, identity = np.array(keys).T
    boxes[:, 2:] += boxes[:, :2]
    return Tracks(frame, identity, boxes.round(2), np.ones(len(keys)), np.array(kinds), CLASSES)


def same_boxes(a: Tracks, b: Tracks) -> bool:
    """Equal but for the numbers of objects, which must correspond one to one."""

    def rows(tracks: Tracks) -> list[tuple]:
        names = [tracks.classes[k] for k in tracks.class_id]
        return sorted(zip(tracks.frame.tolist(), map(tuple, tracks.xyxy.round(2).tolist()), names, strict=True))

    def partners(tracks: Tracks) -> list[list[int]]:
        return sorted(sorted(tracks.frame[tracks.id == each].tolist()) for each in np.unique(tracks.id))

    return rows(a) == rows(b) and partners(a) == partners(b)
