from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.jobs import processes
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import store_labels
from backend.progress import silent
from backend.steps import videos
from backend.steps.removal import consequences, remove
from backend.workspace import Workspace
from backend.workspace.records import Job, Labels, Record, Run, Score, Video
from bytetrack.tracks import Tracks


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    """With labels, a run and a score."""
    video = workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])
    table = Tracks([0], [1], [[1, 2, 11, 22]], [1], [0])
    labels = store_labels(workspace, video, LabelSequence("tiny", table, [0]), "test")
    run = workspace.add(
        Run(
            name="run",
            video=video.id,
            endpoint="gone",
            endpoint_name="gone",
            mode="batch",
            model="m",
            frames=1,
            objects=1,
            seconds=1,
            fps=1,
        )
    )
    workspace.add(Score(name="score", run=run.id, labels=labels.id, metrics={}))
    return video


def everything(workspace: Workspace) -> list[Record]:
    return [record for kind in (Video, Labels, Run, Score) for record in workspace.list(kind)]


def test_dependents_are_removed_and_a_file_outside_stays(workspace: Workspace, video: Video, tiny_video: Path) -> None:
    text = consequences(workspace, video)
    assert "1 label set, 1 run and 1 score" in text and str(tiny_video) in text
    remove(workspace, video)
    assert not everything(workspace)
    assert tiny_video.exists()
    assert not list(workspace.root.rglob("tracks.json"))


def test_an_uploaded_file_is_removed_with_its_video(workspace: Workspace, tiny_video: Path) -> None:
    upload = workspace.root / "uploads" / "tiny.mp4"
    upload.parent.mkdir()
    shutil.copy(tiny_video, upload)
    video = workspace.get(Video, videos.add(workspace, silent, source=str(upload))["video"])
    assert consequences(workspace, video) == ""
    remove(workspace, video)
    assert not list(workspace.root.rglob("tiny.mp4"))


def test_records_that_a_job_uses_are_not_removed(workspace: Workspace, video: Video) -> None:
    (labels,) = workspace.list(Labels)
    job = workspace.add(
        Job(
            name="build",
            verb="build dataset",
            params={"train": [labels.id]},
            status="running",
            pid=os.getpid(),
            pid_started=processes.start_time(os.getpid()),
        )
    )
    with pytest.raises(UserError, match="in use by the job “build”"):
        remove(workspace, video)
    assert len(everything(workspace)) == 4
    with workspace.edit(Job, job.id) as stored:
        stored.status = "done"
    remove(workspace, video)
    assert not everything(workspace)


def test_several_records_are_removed_at_once(workspace: Workspace, video: Video) -> None:
    """Records that depend on others of those that were chosen are not counted as further ones."""
    (run,), (labels,) = workspace.list(Run), workspace.list(Labels)
    assert consequences(workspace, run, labels) == "This also removes 1 score."
    assert "1 label set and 1 score" in consequences(workspace, run, video)
    remove(workspace, run, labels)
    assert everything(workspace) == [video]


def test_a_job_that_runs_is_not_removed(workspace: Workspace, video: Video) -> None:
    job = workspace.add(
        Job(
            name="build",
            verb="build dataset",
            params={},
            status="running",
            pid=os.getpid(),
            pid_started=processes.start_time(os.getpid()),
        )
    )
    with pytest.raises(UserError, match="“build” is still running"):
        remove(workspace, video, job)
    assert len(everything(workspace)) == 4
