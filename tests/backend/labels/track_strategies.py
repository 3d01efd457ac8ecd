"""Hypothesis strategy for tracks, and how to compare them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from bytetrack.tracks import Tracks

CLASSES = ("person", "car")


@st.composite
def tracks(draw: st.DrawFn) -> Tracks:
    """Draw tracks with at least one box in frames of 640x480 pixels.

    Coordinates have two decimals, and a frame has at most one box of an object.
    """
    keys = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=20, unique=True))
    hundredths = st.tuples(
        st.integers(0, 40000), st.integers(0, 30000), st.integers(200, 20000), st.integers(200, 15000)
    )
    boxes = np.array(draw(st.lists(hundredths, min_size=len(keys), max_size=len(keys)))) / 100
    class_ids = draw(st.lists(st.integers(0, 1), min_size=len(keys), max_size=len(keys)))
    frame, identity = np.array(keys).T
    boxes[:, 2:] += boxes[:, :2]
    return Tracks(frame, identity, boxes.round(2), np.ones(len(keys)), np.array(class_ids), CLASSES)


def same_boxes(a: Tracks, b: Tracks) -> bool:
    """Tell whether tracks are equal except for their ids, which must correspond one to one."""

    def rows(tracks: Tracks) -> list[tuple]:
        names = [tracks.classes[k] for k in tracks.class_id]
        return sorted(zip(tracks.frame.tolist(), map(tuple, tracks.xyxy.round(2).tolist()), names, strict=True))

    def frames_of_objects(tracks: Tracks) -> list[list[int]]:
        return sorted(sorted(tracks.frame[tracks.id == identity].tolist()) for identity in np.unique(tracks.id))

    return rows(a) == rows(b) and frames_of_objects(a) == frames_of_objects(b)
