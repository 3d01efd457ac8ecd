"""`bytetrack-studio` as users and scripts call it: workspace, output, exit codes, help, completion."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from backend import jobs
from backend.cli import main
from backend.cli.app import app
from backend.cli.reference import PAGE, with_reference
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Job, Labels, Video

pytestmark = pytest.mark.slow

SUBCOMMANDS = sorted(
    name for name in app if not name.startswith("-") and name not in ("do", "remove")
)  # hidden; an alias


def call(workspace: Workspace, capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str]:
    """Return the result of a command that succeeds, and what it printed on stderr."""
    assert main(["--workspace", str(workspace.root), *arguments]) == 0
    printed = capfd.readouterr()
    return json.loads(printed.out), printed.err


def refuse(code: int, workspace: Workspace, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the last line on stderr of a command that fails with this exit code."""
    assert main(["--workspace", str(workspace.root), *arguments]) == code
    printed = capfd.readouterr()
    assert printed.out == ""
    return printed.err.strip().splitlines()[-1]


def on_terminal(*arguments: str) -> str:
    """Run a command whose stdout and stderr are a terminal, and return what it printed."""
    main_end, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend", *arguments],
        cwd=PROJECT,
        env={**os.environ, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    printed = b""
    try:
        while chunk := os.read(main_end, 4096):
            printed += chunk
    except OSError:  # how Linux reports that the other end is closed
        pass
    os.close(main_end)
    assert process.wait(timeout=60) == 0, printed
    return printed.decode()


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.add(
        Video(
            name="site", path=str(tiny_video), width=64, height=48, fps=10, frames=20, seconds=2, codec="h264", size=1
        )
    )


def test_steps_run_as_jobs(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(workspace, capfd, "list", "video") == ([], "")
    sample, progress = call(workspace, capfd, "make-sample", "--scenes", "1", "--frames", "6", "--size", "64", "48")
    assert "Make the sample" in progress
    (listed,), _ = call(workspace, capfd, "list", "video")
    assert sample["videos"] == [listed["id"]] and listed["frames"] == 6

    cut, _ = call(workspace, capfd, "cut-video", "--video", listed["name"], "--every-frames", "3")
    assert len(cut["videos"]) == 2
    (last, first), _ = call(workspace, capfd, "list", "jobs")
    assert (first["verb"], last["verb"], last["status"]) == ("make sample", "cut video", "done")
    assert call(workspace, capfd, "stop", last["id"])[0]["status"] == "done"  # a no-op for a job that has ended
    log, _ = call(workspace, capfd, "log", last["name"], "--json")
    assert log == jobs.log(workspace, workspace.get(Job, last["id"]))


def test_records_go_by_name_and_by_id(workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str]) -> None:
    by_name, _ = call(workspace, capfd, "show", "video", "site")
    by_id, _ = call(workspace, capfd, "show", "videos", video.id)
    assert by_name == by_id and by_name["id"] == video.id
    assert call(workspace, capfd, "extract-frames", "--video", video.id, "--every", "10")[0]["frames"] == 2
    assert call(workspace, capfd, "extract-frames", "--video", "site", "--every", "5")[0]["frames"] == 4


def test_the_workspace_is_named_anywhere(
    workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(workspace.root)
    for arguments in (
        ["--workspace", root, "list", "video"],
        ["list", "--workspace", root, "video"],
        ["list", "video", f"--workspace={root}"],
    ):
        assert main(arguments) == 0
        assert [record["name"] for record in json.loads(capfd.readouterr().out)] == ["site"]
    monkeypatch.setenv("BYTETRACK_WORKSPACE", root)
    assert main(["list", "video"]) == 0
    assert "site" in capfd.readouterr().out


def test_tables_are_for_terminals_and_json_is_for_pipes(
    workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "video", "--table", "--workspace", str(workspace.root)]) == 0
    heading, row = capfd.readouterr().out.splitlines()
    assert heading.split() == ["Name", "Resolution", "Frames", "Frame", "rate", "Length", "ID"]
    assert row.split() == ["site", "64", "x", "48", "20", "10", "2", "s", video.id]

    shown = on_terminal("list", "video", "--workspace", str(workspace.root))
    assert "Resolution" in shown and video.id in shown
    (record,) = json.loads(on_terminal("list", "video", "--json", "--workspace", str(workspace.root)))
    assert record["id"] == video.id


@pytest.mark.parametrize("kind", ["labels", "labeling-job", "tracker-searches", "labelingjob"])
def test_an_empty_list(workspace: Workspace, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["list", kind, "--table", "--workspace", str(workspace.root)]) == 0
    assert capfd.readouterr().out == "None.\n"


def test_a_terminal_gets_one_moving_line_of_progress(workspace: Workspace, video: Video) -> None:
    shown = on_terminal("cut-video", "--video", "site", "--every-frames", "10", "--workspace", str(workspace.root))
    progress, _, table = shown.rpartition("\r\x1b[K")
    assert "Cut site" in progress and "\n" not in progress
    assert "site_0" in table and "site_1" in table


def test_failures_are_sentences_on_stderr(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert "/nowhere/yard.mp4" in refuse(1, workspace, capfd, "add-video", "/nowhere/yard.mp4")
    assert refuse(1, workspace, capfd, "train", "--dataset", "streets") == (
        "Dataset not found: “streets”. List them with `bytetrack-studio list dataset`."
    )
    assert "Job not found: “job-0”" in refuse(1, workspace, capfd, "stop", "job-0")
    assert refuse(1, workspace, capfd, "log", "job-0") == "Job or endpoint not found: “job-0”."
    assert "Unknown label format: “pdf”" in refuse(1, workspace, capfd, "import-labels", "a.pdf", "--format", "pdf")
    assert "“region” is not NAME=VALUE." in refuse(1, workspace, capfd, "use", "aws", "region")
    (workspace.root / "file").touch()
    assert main(["list", "video", "--workspace", str(workspace.root / "file")]) == 1
    assert str(workspace.root / "file") in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("cut-video", "bytetrack-studio cut-video: missing option --video. See `bytetrack-studio cut-video --help`."),
        ("add-video", "bytetrack-studio add-video: missing argument SOURCE. See `bytetrack-studio add-video --help`."),
        ("cut-video --video site", "give one of --from, --every-frames and --every-seconds"),
        ("cut-video --video site --every-frames x", 'unable to convert "x" into int'),
        ("cut-video --video site --speed 3", "unknown option: --speed"),
        ("cut-vidoe", 'Did you mean "cut-video"?'),
        ("list fish", "“fish” is no kind of record. Choose one of video, labels"),
        ("evaluate --run site", "give --run and --labels, or --gt and --tracks"),
        ("train --dataset a --size huge", "--size"),
    ],
)
def test_usage_errors_name_the_help(
    workspace: Workspace, capfd: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    printed = refuse(2, workspace, capfd, *arguments.split())
    assert message in printed and printed.endswith("--help`.")


def test_a_deletion_says_what_goes_with_it(
    workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.add(Labels(name="site", video=video.id, source="COCO", classes=[], labeled_frames=[], boxes=0, objects=0))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    printed = refuse(1, workspace, capfd, "delete", "video", "site")
    assert "1 label set" in printed and "--yes" in printed and workspace.list(Labels)
    assert call(workspace, capfd, "remove", "video", "site", "--yes")[0] == {"deleted": [video.id]}
    assert not workspace.list(Video) and not workspace.list(Labels) and Path(video.path).exists()


def test_records_are_renamed_tagged_described_and_found(
    workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str]
) -> None:
    call(workspace, capfd, "tag", "video", "site", "--add", "night", "camera 3")
    call(workspace, capfd, "tag", "video", "site", "--remove", "NIGHT")
    call(workspace, capfd, "describe", "video", "site", "Rain from frame 900 on.")
    call(workspace, capfd, "rename", "video", "site", "north gate")
    (printed,) = call(workspace, capfd, "list", "video", "--search", "gate rain", "--tag", "camera 3")[0]
    assert printed["name"] == "north gate" and printed["tags"] == ["camera 3"]
    assert call(workspace, capfd, "list", "video", "--search", "site")[0] == []
    assert "cannot be a name" in refuse(1, workspace, capfd, "rename", "video", "north gate", "a/b")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_stops_its_job(workspace: Workspace, stop: signal.Signals) -> None:
    # In the background of a shell SIGINT is ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    script = subprocess.Popen(
        [sys.executable, "-m", "backend", "make-sample", "--frames", "3000", "--workspace", str(workspace.root)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: any(job.status == "running" for job in workspace.list(Job)))
    script.send_signal(stop)
    out, error = script.communicate(timeout=60)
    assert (script.returncode, out) == (130, "") and error.strip().endswith("Stopped.")
    until(lambda: not jobs.active(workspace))
    assert [job.status for job in workspace.list(Job)] == ["stopped"]
    assert workspace.list(Video) == []


def test_the_help_lists_every_subcommand(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capfd.readouterr().out
    assert all(re.search(rf"^│ {name} ", printed, re.MULTILINE) for name in SUBCOMMANDS)
    assert main([]) == 0
    assert capfd.readouterr().out == printed


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_help_of_every_subcommand_has_an_example(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    printed = capfd.readouterr().out
    assert printed.startswith(f"Usage: bytetrack-studio {name}")
    assert f"bytetrack-studio {name}" in printed.partition("Example:")[2]
    assert "--workspace" in printed and "--json" in printed


def test_the_documentation_is_that_of_the_help() -> None:
    text = PAGE.read_text()
    assert text == with_reference(text), "run `make docs`"


def test_the_help_comes_without_large_libraries() -> None:
    code = (
        "import sys; from backend.cli import main; main(['--help']); "
        "print(sorted({'torch', 'cv2', 'boto3', 'streamlit', 'pandas', 'numba', 'optuna', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_project(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert capfd.readouterr().out.strip() == project["version"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    script = capfd.readouterr().out
    assert all(word in script for word in ("bytetrack-studio", "cut-video", "--every-frames", "--workspace"))


def test_names_of_records_are_completed(
    workspace: Workspace, video: Video, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["cut-video", "--video", ""]
    assert main(["__complete", "--workspace", str(workspace.root), *command]) == 0
    assert "site" in capfd.readouterr().out.splitlines()
    assert main(["__complete", *command[:1], "--workspace", str(tmp_path / "none"), *command[1:]]) == 0
    assert "site" not in capfd.readouterr().out and not (tmp_path / "none").exists()


def test_the_console_starts_as_a_program_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, arguments: started.append(arguments))
    monkeypatch.setattr("os.chdir", lambda folder: None)
    monkeypatch.setenv("BYTETRACK_WORKSPACE", "")
    assert (
        main(["ui", "--port", "8600", "--allow-host", "a.org", "--allow-host", "b.org", "--workspace", str(tmp_path)])
        == 0
    )
    hosts = ["--allow-host", "a.org", "--allow-host", "b.org"]
    assert started == [[sys.executable, "-m", "app", "--address", "127.0.0.1", *hosts, "--port", "8600"]]
    assert os.environ["BYTETRACK_WORKSPACE"] == str(tmp_path)
