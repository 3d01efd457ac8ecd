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

from backend.cli import main
from backend.errors import UserError
from backend.progress import silent
from backend.steps.mot_files import BENCHMARKS, evaluate, track_detections
from backend.workspace.paths import PROJECT
from bytetrack import mot
from bytetrack.tracking.tracker import ByteTracker

FRAMES = 60


@pytest.fixture
def crossing(tmp_path: Path) -> tuple[Path, Path]:
    """Files of ground truth and noisy detections: eight objects that cross, and some frames without detections."""
    random = np.random.default_rng(0)
    start, velocity = random.uniform(0, 400, (8, 2)), random.normal(0, 4, (8, 2))
    truth, detections = [], []
    for frame in range(1, FRAMES + 1):
        for number, (x, y) in enumerate(start + velocity * frame, 1):
            score = int(number != 8)
            truth.append(f"{frame},{number},{x:.2f},{y:.2f},40,90,{score},-1,-1,-1")
            if random.random() < 0.85 and frame not in (20, 21):
                dx, dy, dw, dh = random.normal(0, 4, 4)
                box = f"{x + dx:.2f},{y + dy:.2f},{40 + dw:.2f},{90 + dh:.2f}"
                detections.append(f"{frame},-1,{box},{random.uniform(0.2, 1.1):.3f},-1,-1,-1")
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "det.txt").write_text("\n".join(detections))
    return tmp_path / "gt.txt", tmp_path / "det.txt"


def test_tracks_equal_those_of_the_tracker(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    summary = track_detections(silent, crossing[1], tmp_path / "tracks.txt", {"frame_rate": 25})
    tracks = mot.read(tmp_path / "tracks.txt")
    assert summary == {"frames": FRAMES, "objects": len(set(tracks.id.tolist())), "boxes": len(tracks)}
    rows = np.loadtxt(crossing[1], delimiter=",")
    tracker = ByteTracker()
    for frame in range(FRAMES):
        detected = rows[rows[:, 0] == frame + 1]
        xyxy, ids, _, _ = tracker.update(
            np.hstack([detected[:, 2:4], detected[:, 2:4] + detected[:, 4:6]]), detected[:, 6], np.zeros(len(detected))
        )
        assert tracks.at(frame).id.tolist() == ids.tolist()
        assert tracks.at(frame).xyxy == pytest.approx(xyxy, abs=0.011)


def test_tracks_are_refined_if_settings_say_so(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    plain = track_detections(silent, crossing[1], tmp_path / "plain.txt", {})
    refined = track_detections(silent, crossing[1], tmp_path / "refined.txt", {"fill_gaps": "3"})
    assert refined["boxes"] > plain["boxes"]


def test_frames_may_be_in_any_order(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    lines = crossing[1].read_text().splitlines()
    (tmp_path / "shuffled.txt").write_text("\n".join(sorted(lines, key=lambda line: -int(line.split(",")[0]))))
    track_detections(silent, crossing[1], tmp_path / "tracks.txt", {})
    track_detections(silent, tmp_path / "shuffled.txt", tmp_path / "again.txt", {})
    assert (tmp_path / "again.txt").read_text() == (tmp_path / "tracks.txt").read_text() != ""


def test_an_empty_file_has_no_tracks(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("")
    assert track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", {})["frames"] == 0
    assert (tmp_path / "tracks.txt").read_text() == ""


@pytest.mark.parametrize(
    ("line", "settings", "message"),
    [
        ("1,-1,0,0,5", {}, "det.txt, line 1: 5 columns"),
        ("0,-1,0,0,5,5,1", {}, "det.txt, line 1: frame 0"),
        ("1e12,-1,0,0,5,5,1", {}, "det.txt, line 1: frame 1e12, but a video has at most"),
        ("1,-1,0,0,5,5,inf", {}, "det.txt, line 1: a column is not a finite number"),
        ("1,-1,0,0,5,5,1", {"track_thresh": "2"}, "track_thresh is 2.0"),
        ("1,-1,0,0,5,5,1", {"smooth": "much"}, "smooth is 'much'"),
    ],
)
def test_wrong_lines_and_settings_are_named(tmp_path: Path, line: str, settings: dict, message: str) -> None:
    (tmp_path / "det.txt").write_text(line)
    with pytest.raises(UserError, match=message):
        track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", settings)
    assert not (tmp_path / "tracks.txt").exists()


def score_by_trackeval(truth: Path, tracks: Path, frames: int, benchmark: str) -> dict[str, float]:
    """Return the scores of TrackEval's own program, which preprocesses as the benchmark demands, by our names."""
    with TemporaryDirectory() as folder:
        gt, results = Path(folder, "gt", "SEQ", "gt"), Path(folder, "results", "ours", "data")
        gt.mkdir(parents=True)
        results.mkdir(parents=True)
        (gt / "gt.txt").write_bytes(truth.read_bytes())
        (results / "SEQ.txt").write_bytes(tracks.read_bytes())
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": f"{folder}/gt",
                "TRACKERS_FOLDER": f"{folder}/results",
                "BENCHMARK": benchmark,
                "DO_PREPROC": True,
                "SKIP_SPLIT_FOL": True,
                "SEQ_INFO": {"SEQ": frames},
                "PRINT_CONFIG": False,
            }
        )
        quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False}
        quiet |= {"OUTPUT_DETAILED": False, "PLOT_CURVES": False, "BREAK_ON_ERROR": True}
        metrics = [metric({"PRINT_CONFIG": False}) for metric in (trackeval.metrics.CLEAR, trackeval.metrics.Identity)]
        with contextlib.redirect_stdout(io.StringIO()):
            results_by_dataset, _ = trackeval.Evaluator(quiet).evaluate([dataset], [trackeval.metrics.HOTA(), *metrics])
    theirs = results_by_dataset["MotChallenge2DBox"]["ours"]["COMBINED_SEQ"]["pedestrian"]
    return {
        **{name: 100 * float(np.mean(theirs["HOTA"][name])) for name in ("HOTA", "DetA", "AssA", "LocA")},
        **{name: 100 * float(theirs["CLEAR"][name]) for name in ("MOTA", "MOTP")},
        **{name: 100 * float(theirs["Identity"][name]) for name in ("IDF1", "IDP", "IDR")},
        **{name: int(theirs["CLEAR"][name]) for name in ("IDSW", "MT", "ML")},
        "FP": int(theirs["CLEAR"]["CLR_FP"]),
        "FN": int(theirs["CLEAR"]["CLR_FN"]),
        "FRAG": int(theirs["CLEAR"]["Frag"]),
    }


def test_scores_equal_those_of_trackeval(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    track_detections(silent, crossing[1], tmp_path / "tracks.txt", {"frame_rate": 25})
    ours = evaluate(crossing[0], tmp_path / "tracks.txt")
    assert ours == pytest.approx(score_by_trackeval(crossing[0], tmp_path / "tracks.txt", FRAMES, "MOT15"), abs=1e-3)


@pytest.fixture
def street(tmp_path: Path) -> tuple[Path, Path]:
    """Files of ground truth as in MOT17, and of tracks of all objects in it.

    Two pedestrians cross, and one of them has score 0 meanwhile. As in MOT17, other classes always have score 0: a
    static person, a person on a bicycle, a parked car, an occluder, a reflection, a distractor and a vehicle.
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
        for number, left, top, score, class_number in scene:
            truth.append(f"{frame},{number},{left},{top},40,90,{score},{class_number},1")
            if random.random() < 0.9:
                x, y = random.normal(0, 4, 2) + (left, top)
                tracks.append(f"{frame},{number},{x:.2f},{y:.2f},40,90,0.9,-1,-1,-1")
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join(tracks))
    return tmp_path / "gt.txt", tmp_path / "tracks.txt"


@pytest.mark.parametrize("benchmark", [None, "MOT15", "MOT16", "MOT17", "MOT20"])
def test_distractors_are_left_out_as_by_trackeval(street: tuple[Path, Path], benchmark: str | None) -> None:
    theirs = score_by_trackeval(*street, FRAMES, benchmark or "MOT17")
    assert evaluate(*street, benchmark) == pytest.approx(theirs, abs=1e-3)
    assert theirs["FP"] > (200 if benchmark == "MOT15" else 40)  # the car and ignored pedestrians are false positives


def test_notes_say_which_rows_are_not_scored(street: tuple[Path, Path]) -> None:
    notes: list[str] = []
    evaluate(*street, note=notes.append)
    rules, of_truth, of_tracks = notes
    assert "rules of MOT17: distractors are classes 2, 7, 8, 12" in rules
    assert of_truth == "gt.txt: 109 of 540 rows scored. Left out: 431 with score 0."
    scored, rows, left_out = map(int, re.findall(r"\d+", of_tracks))
    assert scored + left_out == rows == len(street[1].read_text().splitlines()) and "on distractors" in of_tracks


def test_mot20_is_recognized_by_its_folder(street: tuple[Path, Path]) -> None:
    moved = street[0].parent / "MOT20-01" / "gt" / "gt.txt"
    moved.parent.mkdir(parents=True)
    street[0].rename(moved)
    assert evaluate(moved, street[1]) == evaluate(moved, street[1], "MOT20") != evaluate(moved, street[1], "MOT17")


def test_classes_with_scored_rows_are_no_distractors(tmp_path: Path) -> None:
    """The user's own data may have two classes, and some rows with score 0."""
    rows = [
        f"{frame},{class_number},{100 * class_number},0,40,90,{{}},{class_number},1"
        for frame in range(1, 9)
        for class_number in (1, 2)
    ]
    (tmp_path / "gt.txt").write_text("\n".join(row.format(int(number != 1)) for number, row in enumerate(rows)))
    (tmp_path / "tracks.txt").write_text("\n".join(row.format(1) for row in rows))
    notes: list[str] = []
    scores = evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt", note=notes.append)
    assert (scores["FP"], scores["FN"], scores["IDSW"]) == (1, 0, 0)
    assert notes == ["gt.txt: 15 of 16 rows scored. Left out: 1 with score 0."]


def test_a_note_says_that_tracks_of_other_classes_are_left_out(tmp_path: Path) -> None:
    truth = [
        f"{frame},{class_number},{100 * class_number},0,40,90,1,{class_number},1"
        for frame in range(1, 9)
        for class_number in (1, 2)
    ]
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join([*truth, "1,9,900,0,40,90,1,3,1"]))
    notes: list[str] = []
    assert evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt", note=notes.append)["MOTA"] == 100
    assert notes == ["tracks.txt: 16 of 17 rows scored. Left out: 1 of classes that the ground truth does not have."]


@st.composite
def rows_of_text(draw: st.DrawFn, scores: st.SearchStrategy[int], classes: st.SearchStrategy[int]) -> str:
    """Draw rows of a few objects on a coarse grid, so that overlaps and ties are frequent. Some boxes have no area."""
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
def test_random_scenes_score_as_by_trackeval(truth: str, tracks: str, benchmark: str) -> None:
    with TemporaryDirectory() as folder:
        files = Path(folder, "gt.txt"), Path(folder, "tracks.txt")
        files[0].write_text(truth)
        files[1].write_text(tracks)
        assert evaluate(*files, benchmark) == pytest.approx(score_by_trackeval(*files, 4, benchmark), abs=1e-3)


def test_ids_from_0_and_boxes_without_an_area_are_scored(tmp_path: Path) -> None:
    truth = [f"{frame},0,{10 * frame},0,40,90,1,-1,-1" for frame in range(1, 9)]
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "tracks.txt").write_text("\n".join([*truth, "3,1,0,0,0,90,1,-1,-1", "4,1,0,0,40,-5,1,-1,-1"]))
    scores = evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt")
    assert (scores["FP"], scores["FN"], scores["IDF1"]) == (2, 0, pytest.approx(100 * 16 / 18, abs=1e-3))
    assert scores == pytest.approx(
        score_by_trackeval(tmp_path / "gt.txt", tmp_path / "tracks.txt", 8, "MOT15"), abs=1e-3
    )


def test_classes_are_ignored_if_one_file_has_none(tmp_path: Path) -> None:
    rows = [f"{frame},{number},{100 * number},0,40,90" for frame in range(1, 9) for number in (1, 2)]
    (tmp_path / "gt.txt").write_text("\n".join(f"{row},1,{row.split(',')[1]},1" for row in rows))
    (tmp_path / "tracks.txt").write_text("\n".join(f"{row},-1,-1,-1,-1" for row in rows))
    assert evaluate(tmp_path / "gt.txt", tmp_path / "tracks.txt")["HOTA"] == 100


def score_classes(folder: Path, truth: list[int], tracks: list[int]) -> dict[str, float]:
    """Score tracks with the same boxes as the truth. `truth` and `tracks` are the class numbers of the objects."""
    for name, classes in (("gt.txt", truth), ("tracks.txt", tracks)):
        rows = [
            f"{frame},{number},{100 * number},0,40,90,1,{class_number},1"
            for frame in range(1, 9)
            for number, class_number in enumerate(classes, 1)
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
def test_classes_may_count_from_zero(tmp_path: Path, truth: list[int], tracks: list[int], hota: int) -> None:
    assert score_classes(tmp_path, truth, tracks)["HOTA"] == hota


@pytest.mark.parametrize(("truth", "tracks"), [([0, 1], [1, 2]), ([1, 2], [0, 1]), ([0, 0], [1, 1]), ([1, 1], [0, 0])])
def test_classes_that_start_at_different_numbers_are_refused(
    tmp_path: Path, truth: list[int], tracks: list[int]
) -> None:
    with pytest.raises(UserError, match="txt counts its classes from 0, but .*txt has no class 0"):
        score_classes(tmp_path, truth, tracks)


@pytest.mark.parametrize("classes", [[0, 1], [1, 2], [-1, -1]])
def test_tracks_keep_the_class_numbers_of_their_detections(tmp_path: Path, classes: list[int]) -> None:
    rows = [
        f"{f},-1,{100 * k},0,40,90,0.9,{class_number}" for f in range(1, 9) for k, class_number in enumerate(classes)
    ]
    (tmp_path / "det.txt").write_text("\n".join(rows))
    track_detections(silent, tmp_path / "det.txt", tmp_path / "tracks.txt", {})
    written = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert {(float(left), int(class_number)) for _, _, left, *_, class_number, _, _ in written} == {
        (100.0 * k, class_number) for k, class_number in enumerate(classes)
    }


def test_as_a_program(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    def backend(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "backend", *map(str, arguments)]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    out = tmp_path / "tracks.txt"
    tracked = backend("track-detections", crossing[1], "--frame-rate", 25, "--out", out, "--track-thresh", 0.4)
    assert tracked.returncode == 0, tracked.stderr
    assert json.loads(tracked.stdout)["frames"] == FRAMES
    scored = backend("evaluate", "--gt", crossing[0], "--tracks", out)
    assert len(scored.stdout.splitlines()) == 1 and json.loads(scored.stdout) == evaluate(crossing[0], out)
    failed = backend("evaluate", "--gt", crossing[0], "--tracks", crossing[1])
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
