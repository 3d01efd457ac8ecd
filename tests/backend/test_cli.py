"""`python -m backend` as a script calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from backend import jobs
from backend.cli import main
from backend.workspace import Workspace
from backend.workspace.records import Job, Video


def call(workspace: Workspace, capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str]:
    """What a successful call answers, and what it says on stderr."""
    assert main([arguments[0], "--workspace", str(workspace.root), *arguments[1:]]) == 0
    printed = capfd.readouterr()
    return json.loads(printed.out), printed.err


def refused(workspace: Workspace, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([arguments[0], "--workspace", str(workspace.root), *arguments[1:]]) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    return printed.err.strip().splitlines()[-1]


def test_do_list_log_and_stop(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(workspace, capfd, "list", "video") == ([], "")
    made, _ = call(workspace, capfd, "do", "make sample", "scenes=1", "frames=6", "size=[64, 48]")
    (video,), _ = call(workspace, capfd, "list", "video")
    assert made["videos"] == [video["id"]] and video["frames"] == 6
    cut, _ = call(workspace, capfd, "do", "cut video", f"video={video['name']}", "every_frames=3")
    assert len(cut["videos"]) == 2
    (last, first), _ = call(workspace, capfd, "list", "job")
    assert (first["verb"], last["verb"], last["status"]) == ("make sample", "cut video", "done")
    assert call(workspace, capfd, "stop", last["id"]) == (last["id"], "")
    said, log = call(workspace, capfd, "log", last["name"])
    assert said == last["id"] and log.strip() == jobs.log(workspace, workspace.get(Job, last["id"]))


def test_errors_are_sentences_on_stderr(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert "/nowhere/yard.mp4" in refused(workspace, capfd, "do", "add video", "source=/nowhere/yard.mp4")
    assert "unexpected keyword argument 'speed'" in refused(workspace, capfd, "do", "make sample", "speed=3")
    assert refused(workspace, capfd, "do", "make sample", "speed") == "“speed” is not NAME=VALUE."
    assert "Dataset not found: “streets”" in refused(workspace, capfd, "do", "train", "name=t", "dataset=streets")
    assert "missing 1 required keyword-only argument: 'dataset'" in refused(workspace, capfd, "do", "train", "name=t")
    assert "Job not found: “job-0”" in refused(workspace, capfd, "stop", "job-0")
    assert "Job not found: “job-0”" in refused(workspace, capfd, "log", "job-0")
    with pytest.raises(SystemExit):
        main(["do", "fly"])
    (workspace.root / "file").touch()
    assert main(["list", "--workspace", str(workspace.root / "file"), "video"]) == 1
    assert "Choose another one" in capfd.readouterr().err


def test_who_interrupts_the_script_stops_its_job(workspace: Workspace) -> None:
    # In the background of a shell the signal is ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    script = subprocess.Popen(
        [sys.executable, "-m", "backend", "do", "--workspace", str(workspace.root), "make sample", "frames=3000"],
        cwd=jobs.PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: any(job.status == "running" for job in workspace.list(Job)))
    script.send_signal(signal.SIGINT)
    out, error = script.communicate(timeout=20)
    assert (script.returncode, out) == (130, "") and error.strip().endswith("Stopped.")
    until(lambda: not jobs.active(workspace))
    assert [job.status for job in workspace.list(Job)] == ["stopped"]
    assert workspace.list(Video) == []


def test_the_help_names_every_verb() -> None:
    command = [sys.executable, "-m", "backend", "--help"]
    helped = subprocess.run(command, cwd=Path(jobs.PROJECT), capture_output=True, text=True, check=True).stdout
    assert all(f"    {verb} " in helped for verb in ("demo", "run", "do", "list", "log", "stop"))


def test_run_takes_the_step_of_the_labels(
    workspace: Workspace, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "backend.steps.demo.run", lambda workspace, progress, **params: {k: str(params[k]) for k in params}
    )
    options = ("--video", "a.mp4", "--labels", "gt.txt", "--step", "5", "--first-frame", "4")
    said, _ = call(workspace, capfd, "run", *options)
    assert (said["step"], said["first_frame"]) == ("5", "4")
