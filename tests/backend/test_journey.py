"""`python -m backend run` on a tiny video of moving squares, by the real programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from blobs import SIDE, centres, save_video
from served import all_ended

from backend import jobs
from backend.records import Endpoint, Model, Run
from backend.workspace import Workspace
from bytetrack.video import probe

FRAMES = 36


def save_ground_truth(path: Path) -> Path:
    """MOTChallenge text of the two squares; frames, ids and classes count from 1."""
    rows = [
        f"{frame + 1},{number},{x - SIDE / 2},{y - SIDE / 2},{SIDE},{SIDE},1,{number},1"
        for frame in range(FRAMES)
        for number, (x, y) in enumerate(centres(frame).values(), 1)
    ]
    path.write_text("\n".join(rows))
    return path


def test_run_takes_a_video_the_whole_way(tmp_path: Path) -> None:
    video, labels = save_video(tmp_path / "squares.mp4", range(FRAMES)), save_ground_truth(tmp_path / "gt.txt")
    ended = subprocess.run(
        [sys.executable, "-m", "backend", "run", "--video", str(video), "--labels", str(labels)]
        + ["--workspace", str(tmp_path / "workspace"), "--model", "nano", "--epochs", "1"],
        cwd=jobs.PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = ended.stdout.splitlines()
    result = json.loads(line)
    assert {"video", "label", "build", "train", "deploy async", "track batch", "evaluate realtime"} <= set(
        result["seconds"]
    )
    assert result["train_images_per_second"] > 0 and 0 <= result["AP50"] <= 1
    assert all(result[name] <= 100 for name in ("HOTA", "MOTA", "IDF1"))
    for mode in ("batch", "realtime", "async"):
        served = result[mode]
        assert served["fps"] > 0 and Path(served["tracks"]).is_file() and probe(served["overlay"]).frames > 0
        assert (served.get("latency_ms", {}).keys() == {"p50", "p90", "p99"}) == (mode != "batch")
    assert result["agree"]
    assert "%" in ended.stderr

    workspace = Workspace(tmp_path / "workspace")
    assert len(workspace.list(Model)) == 1 and len(workspace.list(Run)) == 3
    assert {endpoint.mode for endpoint in workspace.list(Endpoint)} == {"batch"}
    assert all_ended(workspace.root)
