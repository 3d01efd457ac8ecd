from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Comparison, Dataset, Job, LabelingJob, Labels, Score, Video

INCREMENT = """
import sys
from backend.workspace.records import Dataset
from backend.workspace import Workspace
workspace = Workspace(sys.argv[1])
for _ in range(20):
    with workspace.edit(Dataset, sys.argv[2]) as dataset:
        dataset.frames["train"] += 1
    workspace.add(Dataset(name="made", splits={}, classes=[], frames={}, boxes={}))
"""


def new_dataset() -> Dataset:
    return Dataset(name="set", splits={}, classes=[], frames={"train": 0}, boxes={})


def new_video(name: str = "yard") -> Video:
    return Video(name=name, path="yard.mp4", width=8, height=8, fps=1, frames=1, seconds=1, codec="h264", size=1)


def test_no_edit_of_several_processes_is_lost(workspace: Workspace) -> None:
    dataset = workspace.add(new_dataset())
    command = [sys.executable, "-c", INCREMENT, str(workspace.root), dataset.id]
    processes = [subprocess.Popen(command, cwd=PROJECT) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert workspace.get(Dataset, dataset.id).frames == {"train": 60}
    names = [record.name for record in workspace.list(Dataset)]
    assert len(names) == 61 and len(set(names)) == 61


def test_no_edit_of_several_threads_is_lost(workspace: Workspace) -> None:
    dataset = workspace.add(new_dataset())

    def increment(_: int) -> None:
        with workspace.edit(Dataset, dataset.id) as stored:
            stored.frames["train"] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(80)))
    assert workspace.get(Dataset, dataset.id).frames == {"train": 80}


def test_several_threads_may_create_a_workspace_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        with ThreadPoolExecutor(8) as pool:
            workspaces = list(pool.map(Workspace, [tmp_path / str(attempt)] * 8))
        assert all(workspace.list(Video) == [] for workspace in workspaces)


def test_an_edit_that_fails_changes_nothing(workspace: Workspace) -> None:
    dataset = workspace.add(new_dataset())
    with pytest.raises(ZeroDivisionError), workspace.edit(Dataset, dataset.id) as stored:
        stored.frames["train"] = 1 // 0
    assert workspace.get(Dataset, dataset.id).frames == {"train": 0}
    with pytest.raises(UserError, match="Dataset not found: “dataset-0”"), workspace.edit(Dataset, "dataset-0"):
        pass


def test_records_are_found_by_id_and_name(workspace: Workspace) -> None:
    first, second = workspace.add(new_video()), workspace.add(new_video())
    assert (first.name, second.name) == ("yard", "yard (2)")
    assert workspace.get(Video, second.id) == second == workspace.get(Video, "yard (2)")
    assert [record.name for record in workspace.list(Video)] == ["yard (2)", "yard"]
    assert workspace.find(Video, "gate") is None
    with pytest.raises(UserError, match="Labels not found: “yard”. .*`bytetrack-studio list labels`"):
        workspace.get(Labels, "yard")
    with pytest.raises(UserError, match="Labeling job not found: .*`bytetrack-studio list labeling-job`"):
        workspace.get(LabelingJob, "yard")


@pytest.mark.parametrize("name", ["", " ", "../up", "a/b", ".hidden", "x" * 81, "line\nbreak", "ünicode"])
def test_invalid_names_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a name"):
        workspace.add(new_video(name))
    assert workspace.list(Video) == []


def test_dependents_include_indirect_ones(workspace: Workspace) -> None:
    yard, gate = workspace.add(new_video()), workspace.add(new_video("gate"))
    labels = workspace.add(
        Labels(name="l", video=yard.id, source="COCO", classes=[], labeled_frames=[], boxes=0, objects=0)
    )
    score = workspace.add(Score(name="s", run="run-0", labels=labels.id, metrics={}))
    workspace.add(Comparison(name="c", video=gate.id, rows=[]))
    assert list(workspace.dependents(yard)) == [labels, score]
    assert list(workspace.dependents(score)) == []


def test_removing_a_record_deletes_its_files(workspace: Workspace) -> None:
    yard = workspace.add(new_video())
    (workspace.folder(yard) / "thumbnail.jpg").touch()
    workspace.remove(yard)
    assert workspace.list(Video) == [] and not list(workspace.root.rglob("thumbnail.jpg"))
    workspace.remove(yard)  # as if another tab had removed it first


def test_settings_are_stored(workspace: Workspace) -> None:
    assert workspace.setting("platform", "local") == "local"
    workspace.set("platform", "aws")
    workspace.set("platform", "else")
    assert Workspace(workspace.root).setting("platform") == "else"


def test_a_folder_that_cannot_hold_a_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Choose another one"):
        Workspace(tmp_path / "file")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "studio.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="cannot be used"):
        Workspace(tmp_path / "odd")


def test_the_time_left_is_estimated_from_progress_since_the_first_report() -> None:
    job = Job(name="j", verb="train", params={}, status="running")
    assert job.seconds_left() is None
    job.first_reported, job.progress = time.time() - 100, 0.5
    assert job.seconds_left() == pytest.approx(100, rel=0.01)
    job.first_progress = 0.4  # it was resumed there, so it gained a tenth in these 100 seconds
    assert job.seconds_left() == pytest.approx(500, rel=0.01)
    job.progress = 0.405
    assert job.seconds_left() is None
