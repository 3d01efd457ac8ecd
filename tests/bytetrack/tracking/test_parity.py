"""The tracks equal those that the ByteTrack authors' code returned for the same detections: see `parity/README.md`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bytetrack import mot
from bytetrack.tracking.config import TrackerConfig
from bytetrack.tracking.tracker import ByteTracker

FOLDER = Path(__file__).parent / "parity"
TOLERANCE_PIXELS = 1e-3  # the authors' boxes are rounded to three decimals


def read_tracks(path: Path) -> tuple[dict[str, str], np.ndarray]:
    """Read the settings in the first line, and `(N, 6)` rows of frame, id, left, top, width and height."""
    with path.open() as file:
        settings = dict(setting.split("=") for setting in file.readline().removeprefix("# ").split())
        return settings, np.loadtxt(file, delimiter=",", ndmin=2)


def track(detections: Path, config: TrackerConfig, frames: int) -> np.ndarray:
    """Track MOTChallenge detections, and return rows as `read_tracks` does, sorted by frame and id."""
    file = mot.read_detections(detections)
    tracker = ByteTracker(config)
    tracks = []
    for number in range(frames):
        rows = file.frame == number
        xyxy, ids, _, _ = tracker.update(file.xyxy[rows], file.scores[rows], file.class_ids[rows])
        tracks.append(np.column_stack([np.full(len(ids), number + 1), ids, xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]]))
    return np.concatenate(tracks)


@pytest.mark.parametrize(
    "path", sorted(set(FOLDER.glob("*.txt")) - set(FOLDER.glob("*.det.txt"))), ids=lambda p: p.stem
)
def test_tracks_equal_those_of_the_authors_code(path: Path) -> None:
    settings, expected = read_tracks(path)
    frames, _ = int(settings.pop("frames")), settings.pop("mot20")
    scene = path.name.split(".")[0]
    tracks = track(path.with_name(f"{scene}.det.txt"), TrackerConfig.parse(settings), frames)
    expected = expected[np.lexsort((expected[:, 1], expected[:, 0]))]
    np.testing.assert_array_equal(tracks[:, :2], expected[:, :2])
    np.testing.assert_allclose(tracks[:, 2:], expected[:, 2:], rtol=0, atol=TOLERANCE_PIXELS)
