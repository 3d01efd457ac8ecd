from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trackeval

from backend import jobs
from backend.errors import UserError
from backend.mot_files import evaluate, track_detections
from backend.progress import silent
from bytetrack import mot
from bytetrack.tracker import ByteTracker

FRAMES = 60


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """Ground truth and noisy detections of eight objects that cross, some frames without any."""
    random = np.random.default_rng(0)
    start, velocity = random.uniform(0, 400, (8, 2)), random.normal(0, 4, (8, 2))
    truth, detections = [], []
    for frame in range(1, FRAMES + 1):
        for number, (x, y) in enumerate(start + velocity * frame, 1):
            counted = int(number != 8)
            truth.append(f"{frame},{number},{x:.2f},{y:.2f},40,90,{counted},-1,-1,-1")
            if random.random() < 0.85 and frame not in (20, 21):
                dx, dy, dw, dh = random.normal(0, 4, 4)
                box = f"{x + dx:.2f},{y + dy:.2f},{40 + dw:.2f},{90 + dh:.2f}"
                detections.append(f"{frame},-1,{box},{random.uniform(0.2, 1.1):.3f},-1,-1,-1")
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "det.txt").write_text("\n".join(detections))
    return tmp_path / "gt.txt", tmp_path / "det.txt"


def test_detections_are_tracked_as_the_tracker_does(made: tuple[Path, Path], tmp_path: Path) -> None:
    said = track_detections(silent, made[1], tmp_path / "tracks.txt", {"frame_rate": 25})
    tracks = mot.read(tmp_path / "tracks.txt")
    assert said == {"frames": FRAMES, "objects": len(set(tracks.id.tolist())), "boxes": len(tracks)}
    rows = np.loadtxt(made[1], delimiter=",")
    tracker = ByteTracker()
    for frame in range(FRAMES):
        seen = rows[rows[:, 0] == frame + 1]
        xyxy, ids, _, _ = tracker.update(
            np.hstack([seen[:, 2:4], seen[:, 2:4] + seen[:, 4:6]]), seen[:, 6], np.zeros(len(seen))
        )
        assert tracks.at(frame).id.tolist() == ids.tolist()
        assert tracks.at(frame).xyxy == pytest.approx(xyxy, abs=0.011)


def test_whole_videos_are_refined_if_asked(made: tuple[Path, Path], tmp_path: Path) -> None:
    plain = track_detections(silent, made[1], tmp_path / "plain.txt", {})
    refined = track_detections(silent, made[1], tmp_path / "refined.txt", {"fill_gaps": "3"})
    assert refined["boxes"] > plain["boxes"]


def test_frames_may_skip_repeat_and_come_in_any_order(made: tuple[Path, Path], tmp_path: Path) -> None:
    lines = made[1].read_text().splitlines()
    (tmp_path / "shuffled.txt").write_text("\n".join(sorted(lines, key=lambda line: -int(line.split(",")[0]))))
    track_detections(silent, made[1], tmp_path / "tracks.txt", {})
    track_detections(silent, tmp_path / "shuffled.txt", tmp_path / "again.txt", {})
    assert (tmp_path / "again.txt").read_text() == (tmp_path / "tracks.txt").read_text() != ""


def test_no_detections_at_all(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("")
    assert track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", {})["frames"] == 0
    assert (tmp_path / "tracks.txt").read_text() == ""


@pytest.mark.parametrize(
    ("line", "settings", "complaint"),
    [
        ("1,-1,0,0,5", {}, "det.txt, line 1: 5 columns"),
        ("0,-1,0,0,5,5,1", {}, "det.txt, line 1: frame 0"),
        ("1e12,-1,0,0,5,5,1", {}, "det.txt, line 1: frame 1e12, but a video has at most"),
        ("1,-1,0,0,5,5,inf", {}, "det.txt, line 1: a column is not a finite number"),
        ("1,-1,0,0,5,5,1", {"track_thresh": "2"}, "track_thresh is 2.0"),
        ("1,-1,0,0,5,5,1", {"smooth": "much"}, "smooth is 'much'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, settings: dict, complaint: str) -> None:
    (tmp_path / "det.txt").write_text(line)
    with pytest.raises(UserError, match=complaint):
        track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", settings)
    assert not (tmp_path / "tracks.txt").exists()


def test_scores_equal_those_of_trackevals_own_program(made: tuple[Path, Path], tmp_path: Path) -> None:
    track_detections(silent, made[1], tmp_path / "tracks.txt", {"frame_rate": 25})
    ours = evaluate(made[0], tmp_path / "tracks.txt")

    truth, results = tmp_path / "gt" / "MADE", tmp_path / "results" / "ours" / "data"
    (truth / "gt").mkdir(parents=True)
    results.mkdir(parents=True)
    (truth / "gt" / "gt.txt").write_bytes(made[0].read_bytes())
    (results / "MADE.txt").write_bytes((tmp_path / "tracks.txt").read_bytes())
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "gt"),
            "TRACKERS_FOLDER": str(tmp_path / "results"),
            "BENCHMARK": "MOT15",
            "DO_PREPROC": False,
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"MADE": FRAMES},
            "PRINT_CONFIG": False,
        }
    )
    quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False}
    evaluator = trackeval.Evaluator(quiet | {"OUTPUT_DETAILED": False, "PLOT_CURVES": False})
    families = [metric({"PRINT_CONFIG": False}) for metric in (trackeval.metrics.CLEAR, trackeval.metrics.Identity)]
    answer, _ = evaluator.evaluate([dataset], [trackeval.metrics.HOTA(), *families])
    theirs = answer["MotChallenge2DBox"]["ours"]["MADE"]["pedestrian"]
    for name in ("HOTA", "DetA", "AssA", "LocA"):
        assert ours[name] == pytest.approx(100 * np.mean(theirs["HOTA"][name]), abs=0.01)
    for name in ("IDF1", "IDP", "IDR"):
        assert ours[name] == pytest.approx(100 * theirs["Identity"][name], abs=0.01)
    for name in ("MOTA", "MOTP"):
        assert ours[name] == pytest.approx(100 * theirs["CLEAR"][name], abs=0.01)
    for name, own in (
        ("IDSW", "IDSW"),
        ("FP", "CLR_FP"),
        ("FN", "CLR_FN"),
        ("FRAG", "Frag"),
        ("MT", "MT"),
        ("ML", "ML"),
    ):
        assert ours[name] == theirs["CLEAR"][own]


def test_classes_do_not_matter_where_one_side_names_none(tmp_path: Path) -> None:
    rows = [f"{frame},{number},{100 * number},0,40,90" for frame in range(1, 9) for number in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(f"{row},1,{row.split(',')[1]},1" for row in rows))
    (tmp_path / "tracks.txt").write_text("\n".join(f"{row},-1,-1,-1,-1" for row in rows))
    assert evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt")["HOTA"] == 100


def test_as_a_program(made: tuple[Path, Path], tmp_path: Path) -> None:
    def backend(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "backend", *map(str, arguments)]
        return subprocess.run(command, cwd=jobs.PROJECT, capture_output=True, text=True)

    out = tmp_path / "tracks.txt"
    tracked = backend("track-detections", made[1], "--frame-rate", 25, "--out", out, "--track-thresh", 0.4)
    assert tracked.returncode == 0, tracked.stderr
    assert json.loads(tracked.stdout)["frames"] == FRAMES
    scored = backend("evaluate", "--gt", made[0], "--tracks", out)
    assert len(scored.stdout.splitlines()) == 1 and json.loads(scored.stdout) == evaluate(made[0], out)
    failed = backend("evaluate", "--gt", made[0], "--tracks", made[1])
    assert failed.returncode == 1 and "line 1: id -1, but ids are whole numbers from 0" in failed.stderr
