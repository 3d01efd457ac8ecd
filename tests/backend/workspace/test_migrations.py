"""A workspace that an earlier version made opens with all that is in it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from backend.workspace import Workspace
from backend.workspace.migrations import VERSION
from backend.workspace.records import Job, LabelingJob, Labels, TrackerSearch

RECORDS = [  # kind, ID and fields as version 1.0 wrote them
    ("labels", "labels-1", {"video": "v", "source": "COCO", "classes": [], "labelled_frames": [2], "boxes": 1,
                            "objects": 1}),
    ("labelling", "labelling-1", {"clips": {}, "every": 1, "classes": [], "platform": "local", "ref": {"job": "j"},
                                  "frames": 3}),
    ("search", "search-1", {"run": "r", "labels": "l", "settings": {}, "before": {}, "metrics": {}, "importances": {},
                            "trials": []}),
    ("job", "job-1", {"verb": "tune", "params": {"name": "wide"}, "status": "done"}),
    ("job", "job-2", {"verb": "train", "params": {}, "status": "done"}),
]  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder of a workspace of version 1.0."""
    connection = sqlite3.connect(tmp_path / "studio.db", isolation_level=None)
    connection.execute("CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, name TEXT, created REAL, data TEXT)")
    for kind, id, fields in RECORDS:
        data = json.dumps({"name": id, "id": id, "created": 1.0, **fields})
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (id, kind, id, 1.0, data))
    connection.close()
    for folder in ("labellings/labelling-1", "searches/search-1", "local/labelling/j"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kept.txt").write_text("kept")
    return tmp_path


def test_records_files_and_verbs_get_their_present_names(old: Path) -> None:
    workspace = Workspace(old)
    labels, job = workspace.get(Labels, "labels-1"), workspace.get(LabelingJob, "labelling-1")
    assert labels.labeled_frames == [2] and (workspace.folder(job) / "kept.txt").read_text() == "kept"
    assert (workspace.folder(workspace.get(TrackerSearch, "search-1")) / "kept.txt").exists()
    assert (old / "local/labeling/j/kept.txt").exists()
    assert [workspace.get(Job, id).verb for id in ("job-1", "job-2")] == ["search hyperparameters", "train"]


def test_it_is_done_once(old: Path) -> None:
    Workspace(old)
    with sqlite3.connect(old / "studio.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        connection.execute("UPDATE records SET kind = 'search' WHERE id = 'search-1'")
    assert Workspace(old).list(TrackerSearch) == []


def test_a_failure_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", lambda self, target: (_ for _ in ()).throw(PermissionError("read-only")))
    with pytest.raises(Exception, match="read-only"):
        Workspace(old)
    monkeypatch.undo()
    assert Workspace(old).get(Labels, "labels-1").labeled_frames == [2]
