from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.jobs import PROJECT
from backend.workspace import Workspace
from backend.workspace.records import Comparison, Dataset, Job, Labels, Score, Video

COUNT_UP = """
import sys
from backend.workspace.records import Dataset
from backend.workspace import Workspace
workspace = Workspace(sys.argv[1])
for _ in range(20):
    with workspace.edit(Dataset, sys.argv[2]) as dataset:
        dataset.frames["train"] += 1
    workspace.add(Dataset(name="made", splits={}, classes=[], frames={}, boxes={}))
"""


def dataset(name: str = "set") -> Dataset:
    return Dataset(name=name, splits={}, classes=[], frames={"train": 0}, boxes={})


def video(name: str = "yard") -> Video:
    return Video(name=name, path="yard.mp4", width=8, height=8, fps=1, frames=1, seconds=1, codec="h264", size=1)


def test_changes_of_several_processes_are_all_kept(workspace: Workspace) -> None:
    counted = workspace.add(dataset())
    command = [sys.executable, "-c", COUNT_UP, str(workspace.root), counted.id]
    running = [subprocess.Popen(command, cwd=PROJECT) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert workspace.get(Dataset, counted.id).frames == {"train": 60}
    names = [each.name for each in workspace.list(Dataset)]
    assert len(names) == 61 and len(set(names)) == 61


def test_changes_of_several_threads_are_all_kept(workspace: Workspace) -> None:
    counted = workspace.add(dataset())

    def count_up(_: int) -> None:
        with workspace.edit(Dataset, counted.id) as stored:
            stored.frames["train"] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(80)))
    assert workspace.get(Dataset, counted.id).frames == {"train": 80}


def test_a_new_workspace_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(Workspace, [tmp_path / str(attempt)] * 8))
        assert all(each.list(Video) == [] for each in opened)


def test_an_edit_that_fails_changes_nothing(workspace: Workspace) -> None:
    counted = workspace.add(dataset())
    with pytest.raises(ZeroDivisionError), workspace.edit(Dataset, counted.id) as stored:
        stored.frames["train"] = 1 // 0
    assert workspace.get(Dataset, counted.id).frames == {"train": 0}
    with pytest.raises(UserError, match="no dataset “dataset-0”"), workspace.edit(Dataset, "dataset-0"):
        pass


def test_records_are_found_by_id_and_name(workspace: Workspace) -> None:
    first, second = workspace.add(video()), workspace.add(video())
    assert (first.name, second.name) == ("yard", "yard (2)")
    assert workspace.get(Video, second.id) == second == workspace.get(Video, "yard (2)")
    assert [each.name for each in workspace.list(Video)] == ["yard (2)", "yard"]
    assert workspace.find(Video, "gate") is None
    with pytest.raises(UserError, match="no labels “yard”"):
        workspace.get(Labels, "yard")


@pytest.mark.parametrize("name", ["", " ", "../up", "a/b", ".hidden", "x" * 81, "line\nbreak", "ünicode"])
def test_odd_names_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a name"):
        workspace.add(video(name))
    assert workspace.list(Video) == []


def test_dependents_are_found_through_others(workspace: Workspace) -> None:
    yard, gate = workspace.add(video()), workspace.add(video("gate"))
    labels = workspace.add(
        Labels(name="l", video=yard.id, source="COCO", classes=[], labeled_frames=[], boxes=0, objects=0)
    )
    score = workspace.add(Score(name="s", run="run-0", labels=labels.id, metrics={}))
    workspace.add(Comparison(name="c", video=gate.id, rows=[]))
    assert list(workspace.dependents(yard)) == [labels, score]
    assert list(workspace.dependents(score)) == []


def test_a_removed_record_takes_its_files_along(workspace: Workspace) -> None:
    yard = workspace.add(video())
    (workspace.folder(yard) / "thumbnail.jpg").touch()
    workspace.remove(yard)
    assert workspace.list(Video) == [] and not list(workspace.root.rglob("thumbnail.jpg"))
    workspace.remove(yard)  # by another tab, meanwhile


def test_settings_are_kept(workspace: Workspace) -> None:
    assert workspace.setting("platform", "local") == "local"
    workspace.set("platform", "aws")
    workspace.set("platform", "else")
    assert Workspace(workspace.root).setting("platform") == "else"


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Choose another one"):
        Workspace(tmp_path / "file")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "studio.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="cannot be used"):
        Workspace(tmp_path / "odd")


def test_the_time_left_of_a_job_is_told_from_what_it_did_itself() -> None:
    job = Job(name="j", verb="train", params={}, status="running")
    assert job.seconds_left() is None
    job.first_reported, job.progress = time.time() - 100, 0.5
    assert job.seconds_left() == pytest.approx(100, rel=0.01)
    job.first_progress = 0.4  # resumed there: it made a tenth in these 100 seconds
    assert job.seconds_left() == pytest.approx(500, rel=0.01)
    job.progress = 0.405
    assert job.seconds_left() is None
