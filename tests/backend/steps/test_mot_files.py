from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import trackeval
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import jobs
from backend.cli import main
from backend.errors import UserError
from backend.progress import silent
from backend.steps.mot_files import BENCHMARKS, evaluate, track_detections
from bytetrack import mot
from bytetrack.tracking.tracker import ByteTracker

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


def trackevals_own(truth: Path, tracks: Path, frames: int, benchmark: str) -> dict[str, float]:
    """Scores by TrackEval's own program, with the preprocessing that it does for the benchmark, under our names."""
    with TemporaryDirectory() as folder:
        gt, results = Path(folder, "gt", "MADE", "gt"), Path(folder, "results", "ours", "data")
        gt.mkdir(parents=True)
        results.mkdir(parents=True)
        (gt / "gt.txt").write_bytes(truth.read_bytes())
        (results / "MADE.txt").write_bytes(tracks.read_bytes())
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": f"{folder}/gt",
                "TRACKERS_FOLDER": f"{folder}/results",
                "BENCHMARK": benchmark,
                "DO_PREPROC": True,
                "SKIP_SPLIT_FOL": True,
                "SEQ_INFO": {"MADE": frames},
                "PRINT_CONFIG": False,
            }
        )
        quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False}
        quiet |= {"OUTPUT_DETAILED": False, "PLOT_CURVES": False, "BREAK_ON_ERROR": True}
        families = [metric({"PRINT_CONFIG": False}) for metric in (trackeval.metrics.CLEAR, trackeval.metrics.Identity)]
        with contextlib.redirect_stdout(io.StringIO()):
            answer, _ = trackeval.Evaluator(quiet).evaluate([dataset], [trackeval.metrics.HOTA(), *families])
    theirs = answer["MotChallenge2DBox"]["ours"]["COMBINED_SEQ"]["pedestrian"]
    return {
        **{name: 100 * float(np.mean(theirs["HOTA"][name])) for name in ("HOTA", "DetA", "AssA", "LocA")},
        **{name: 100 * float(theirs["CLEAR"][name]) for name in ("MOTA", "MOTP")},
        **{name: 100 * float(theirs["Identity"][name]) for name in ("IDF1", "IDP", "IDR")},
        **{name: int(theirs["CLEAR"][name]) for name in ("IDSW", "MT", "ML")},
        "FP": int(theirs["CLEAR"]["CLR_FP"]),
        "FN": int(theirs["CLEAR"]["CLR_FN"]),
        "FRAG": int(theirs["CLEAR"]["Frag"]),
    }


def test_scores_equal_those_of_trackevals_own_program(made: tuple[Path, Path], tmp_path: Path) -> None:
    track_detections(silent, made[1], tmp_path / "tracks.txt", {"frame_rate": 25})
    ours = evaluate(made[0], tmp_path / "tracks.txt")
    assert ours == pytest.approx(trackevals_own(made[0], tmp_path / "tracks.txt", FRAMES, "MOT15"), abs=1e-3)


@pytest.fixture
def street(tmp_path: Path) -> tuple[Path, Path]:
    """MOT17's kind of ground truth, and tracks of everything that moves in it, and of a reflection.

    Two pedestrians cross, where one of them is marked as not to be scored; a static person, a person on a bicycle, a
    parked car and an occluder have score 0 throughout, as all classes but pedestrians do there.
    """
    truth, tracks = [], []
    random = np.random.default_rng(0)
    for frame in range(1, FRAMES + 1):
        scene = [  # id, left, top, score, class
            (1, 10 + 6 * frame, 100, 1, 1),
            (2, 370 - 6 * frame, 105, 0 if 25 <= frame <= 35 else 1, 1),
            (3, 200, 110, 0, 7),
            (4, 20 + 3 * frame, 300, 0, 2),
            (5, 500, 300, 0, 3),
            (6, 220, 120, 0, 9),
            (7, 600 - 2 * frame, 500, 0, 12),
            (8, 50 + 2 * frame, 500, 0, 8),
            (9, 50 + 4 * frame, 700, 0, 6),
        ]
        for number, left, top, score, kind in scene:
            truth.append(f"{frame},{number},{left},{top},40,90,{score},{kind},1")
            if random.random() < 0.9:
                x, y = random.normal(0, 4, 2) + (left, top)
                tracks.append(f"{frame},{number},{x:.2f},{y:.2f},40,90,0.9,-1,-1,-1")
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join(tracks))
    return tmp_path / "gt.txt", tmp_path / "tracks.txt"


@pytest.mark.parametrize("benchmark", [None, "MOT15", "MOT16", "MOT17", "MOT20"])
def test_distractors_are_left_out_as_trackeval_does(street: tuple[Path, Path], benchmark: str | None) -> None:
    theirs = trackevals_own(*street, FRAMES, benchmark or "MOT17")
    assert evaluate(*street, benchmark) == pytest.approx(theirs, abs=1e-3)
    assert theirs["FP"] > (200 if benchmark == "MOT15" else 40)  # the car and ignored pedestrians are false positives


def test_it_says_which_rows_are_not_scored(street: tuple[Path, Path]) -> None:
    notes: list[str] = []
    evaluate(*street, note=notes.append)
    rules, of_truth, of_tracks = notes
    assert "rules of MOT17: distractors are classes 2, 7, 8, 12" in rules
    assert of_truth == "gt.txt: 109 of 540 rows scored. Left out: 431 with score 0."
    scored, rows, left_out = map(int, re.findall(r"\d+", of_tracks))
    assert scored + left_out == rows == len(street[1].read_text().splitlines()) and "on distractors" in of_tracks


def test_the_name_of_the_sequence_says_that_it_is_of_mot20(street: tuple[Path, Path]) -> None:
    moved = street[0].parent / "MOT20-01" / "gt" / "gt.txt"
    moved.parent.mkdir(parents=True)
    street[0].rename(moved)
    assert evaluate(moved, street[1]) == evaluate(moved, street[1], "MOT20") != evaluate(moved, street[1], "MOT17")


def test_classes_that_are_scored_are_no_distractors(tmp_path: Path) -> None:
    """Classes 1 and 2 of somebody's own data, of which a part of the second is not to be scored."""
    rows = [f"{frame},{kind},{100 * kind},0,40,90,{{}},{kind},1" for frame in range(1, 9) for kind in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(row.format(int(number != 1)) for number, row in enumerate(rows)))
    (tmp_path / "tracks.txt").write_text("\n".join(row.format(1) for row in rows))
    notes: list[str] = []
    scores = evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt", note=notes.append)
    assert (scores["FP"], scores["FN"], scores["IDSW"]) == (1, 0, 0)
    assert notes == ["gt.txt: 15 of 16 rows scored. Left out: 1 with score 0."]


def test_tracks_of_other_classes_are_named_where_they_are_not_scored(tmp_path: Path) -> None:
    truth = [f"{frame},{kind},{100 * kind},0,40,90,1,{kind},1" for frame in range(1, 9) for kind in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join([*truth, "1,9,900,0,40,90,1,3,1"]))
    notes: list[str] = []
    assert evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt", note=notes.append)["MOTA"] == 100
    assert notes == ["tracks.txt: 16 of 17 rows scored. Left out: 1 of classes that the ground truth does not have."]


@st.composite
def rows_of_text(draw: st.DrawFn, scores: st.SearchStrategy[int], classes: st.SearchStrategy[int]) -> str:
    """A few objects on a coarse grid, so that boxes overlap, and tie, often; ids from 0, some boxes without an area."""
    places = draw(st.sets(st.tuples(st.integers(1, 4), st.integers(0, 4)), min_size=1))
    side, left = st.sampled_from([20, 20, 20, 0]), st.integers(0, 6)
    return "".join(
        f"{frame},{number},{5 * draw(left)},0,{draw(side)},{draw(side)},{draw(scores)},{draw(classes)},1\n"
        for frame, number in sorted(places)
    )


@settings(deadline=None, max_examples=60)
@given(
    rows_of_text(st.integers(0, 1), st.sampled_from([1, 1, 2, 3, 6, 7, 8, 11, 12])),
    rows_of_text(st.just(1), st.sampled_from([-1, 1])),
    st.sampled_from(BENCHMARKS),
)
def test_made_scenes_score_as_by_trackeval(truth: str, tracks: str, benchmark: str) -> None:
    with TemporaryDirectory() as folder:
        files = Path(folder, "gt.txt"), Path(folder, "tracks.txt")
        files[0].write_text(truth)
        files[1].write_text(tracks)
        assert evaluate(*files, benchmark) == pytest.approx(trackevals_own(*files, 4, benchmark), abs=1e-3)


def test_ids_from_0_and_boxes_without_an_area_are_scored(tmp_path: Path) -> None:
    truth = [f"{frame},0,{10 * frame},0,40,90,1,-1,-1" for frame in range(1, 9)]
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join([*truth, "3,1,0,0,0,90,1,-1,-1", "4,1,0,0,40,-5,1,-1,-1"]))
    scores = evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt")
    assert (scores["FP"], scores["FN"], scores["IDF1"]) == (2, 0, pytest.approx(100 * 16 / 18, abs=1e-3))
    assert scores == pytest.approx(trackevals_own(tmp_path / "gt.txt", tmp_path / "tracks.txt", 8, "MOT15"), abs=1e-3)


def test_classes_do_not_matter_where_one_side_names_none(tmp_path: Path) -> None:
    rows = [f"{frame},{number},{100 * number},0,40,90" for frame in range(1, 9) for number in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(f"{row},1,{row.split(',')[1]},1" for row in rows))
    (tmp_path / "tracks.txt").write_text("\n".join(f"{row},-1,-1,-1,-1" for row in rows))
    assert evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt")["HOTA"] == 100


def scored(folder: Path, truth: list[int], tracks: list[int]) -> dict[str, float]:
    """Scores of tracks that have the very boxes of the truth; classes of the objects of each."""
    for name, classes in (("gt.txt", truth), ("tracks.txt", tracks)):
        rows = [
            f"{frame},{number},{100 * number},0,40,90,1,{kind},1"
            for frame in range(1, 9)
            for number, kind in enumerate(classes, 1)
        ]
        (folder / name).write_text("\n".join(rows))
    return evaluate(folder / "gt.txt", folder / "tracks.txt")


@pytest.mark.parametrize(
    ("truth", "tracks", "hota"),
    [
        ([0, 1], [0, 1], 100),
        ([0, 1], [1, 0], 0),
        ([1, 2], [2, 1], 0),
        ([2, 2], [1, 1], 0),
        ([1, 1], [2, 2], 0),
        ([1, 1], [1, 1], 100),
        ([0, 0], [0, 0], 100),
        ([0, 1], [-1, -1], 100),
        ([-1, -1], [0, 1], 100),
    ],
)
def test_classes_count_from_zero_too(tmp_path: Path, truth: list[int], tracks: list[int], hota: int) -> None:
    assert scored(tmp_path, truth, tracks)["HOTA"] == hota


@pytest.mark.parametrize(("truth", "tracks"), [([0, 1], [1, 2]), ([1, 2], [0, 1]), ([0, 0], [1, 1]), ([1, 1], [0, 0])])
def test_classes_that_may_start_at_different_numbers_are_not_compared(
    tmp_path: Path, truth: list[int], tracks: list[int]
) -> None:
    with pytest.raises(UserError, match="txt counts its classes from 0, but .*txt has no class 0"):
        scored(tmp_path, truth, tracks)


@pytest.mark.parametrize("classes", [[0, 1], [1, 2], [-1, -1]])
def test_tracks_keep_the_class_numbers_of_their_detections(tmp_path: Path, classes: list[int]) -> None:
    rows = [f"{f},-1,{100 * k},0,40,90,0.9,{kind}" for f in range(1, 9) for k, kind in enumerate(classes)]
    (tmp_path / "det.txt").write_text("\n".join(rows))
    track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", {})
    written = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert {(float(left), int(kind)) for _, _, left, *_, kind, _, _ in written} == {
        (100.0 * k, kind) for k, kind in enumerate(classes)
    }


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
    assert failed.returncode == 1 and "line 1: id -1, but ids of tracks are whole numbers from 0" in failed.stderr


def test_as_a_program_it_notes_what_is_not_scored(
    street: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--gt", str(street[0]), "--tracks", str(street[1])]
    assert main(arguments) == 0
    by_default = capsys.readouterr()
    assert json.loads(by_default.out) == evaluate(*street)
    assert "rules of MOT17" in by_default.err and "431 with score 0" in by_default.err
    assert main([*arguments, "--benchmark", "MOT15"]) == 0
    assert json.loads(capsys.readouterr().out) == evaluate(*street, "MOT15") != json.loads(by_default.out)
