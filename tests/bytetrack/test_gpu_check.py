"""The benchmark for machines with a GPU, run on the CPU so that it works when a GPU is available."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from moving_squares import FRAMES, SIDE, centers, save_video

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_check.py"


def test_each_part_reports_figures(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = artifact.build(ModelConfig(0.33, 0.25, True, [str(number) for number in range(80)], [416, 416]))
    torch.save({"model": network.state_dict()}, tmp_path / "nano.pth")
    save_video(tmp_path / "video.mp4")
    half = SIDE / 2
    rows = [
        f"{frame + 1},{number},{x - half},{y - half},{SIDE},{SIDE},1,1,1\n"
        for frame in range(FRAMES)
        for number, (x, y) in enumerate(centers(frame).values(), 1)
    ]
    (tmp_path / "gt.txt").write_text("".join(rows))
    ended = subprocess.run(
        [
            *(sys.executable, SCRIPT, "--quick", "--out", tmp_path / "figures.json", "--video", tmp_path / "video.mp4"),
            *("--truth", tmp_path / "gt.txt", "--checkpoint", tmp_path / "nano.pth"),
        ],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures) == ["machine", "unusable", "agreement", "serving", "batch", "networks", "training"]
    assert figures["batch"]["frames"] == FRAMES and figures["serving"]["p50 ms"] > 0
    assert [run["exit code"] for name, run in figures["training"].items() if name != "part seconds"] == [0]
