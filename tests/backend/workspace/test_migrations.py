"""Opening a workspace that version 1.0 made keeps everything in it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from backend.workspace import Workspace
from backend.workspace.migrations import VERSION
from backend.workspace.records import Job, LabelingJob, Labels, TrackerSearch

LABELS = {"video": "v", "source": "COCO", "classes": [], "labelled_frames": [2], "boxes": 1, "objects": 1}
LABELING = {"clips": {}, "every": 1, "classes": [], "platform": "local", "ref": {"job": "j"}, "frames": 3}
SEARCH = {"run": "r", "labels": "l", "settings": {}, "before": {}, "metrics": {}, "importances": {}, "trials": []}
RECORDS = [  # kind, id and fields as version 1.0 wrote them
    ("labels", "labels-1", LABELS),
    ("labelling", "labelling-1", LABELING),
    ("search", "search-1", SEARCH),
    ("job", "job-1", {"verb": "tune", "params": {"name": "wide"}, "status": "done"}),
    ("job", "job-2", {"verb": "train", "params": {}, "status": "done"}),
]


@pytest.fixture
def old_root(tmp_path: Path) -> Path:
    """The folder of a workspace of version 1.0."""
    connection = sqlite3.connect(tmp_path / "studio.db", isolation_level=None)
    connection.execute("CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, name TEXT, created REAL, data TEXT)")
    for kind, record_id, fields in RECORDS:
        data = json.dumps({"name": record_id, "id": record_id, "created": 1.0, **fields})
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (record_id, kind, record_id, 1.0, data))
    connection.close()
    for folder in ("labellings/labelling-1", "searches/search-1", "local/labelling/j"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kept.txt").write_text("kept")
    return tmp_path


def test_records_fields_folders_and_verbs_are_renamed(old_root: Path) -> None:
    workspace = Workspace(old_root)
    labels, job = workspace.get(Labels, "labels-1"), workspace.get(LabelingJob, "labelling-1")
    assert labels.labeled_frames == [2] and (workspace.folder(job) / "kept.txt").read_text() == "kept"
    assert (workspace.folder(workspace.get(TrackerSearch, "search-1")) / "kept.txt").exists()
    assert (old_root / "local/labeling/j/kept.txt").exists()
    assert [workspace.get(Job, name).verb for name in ("job-1", "job-2")] == ["search hyperparameters", "train"]


def test_a_migrated_workspace_is_not_migrated_again(old_root: Path) -> None:
    Workspace(old_root)
    with sqlite3.connect(old_root / "studio.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        connection.execute("UPDATE records SET kind = 'search' WHERE id = 'search-1'")
    assert Workspace(old_root).list(TrackerSearch) == []


def test_a_failed_migration_is_repeated(old_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", lambda self, target: (_ for _ in ()).throw(PermissionError("read-only")))
    with pytest.raises(Exception, match="read-only"):
        Workspace(old_root)
    monkeypatch.undo()
    assert Workspace(old_root).get(Labels, "labels-1").labeled_frames == [2]


def test_labels_that_were_drawn_in_the_console_get_their_source(old_root: Path) -> None:
    drawn = json.dumps({"name": "drawn", "id": "labels-2", "created": 1.0, **LABELS, "source": "Ground Truth"})
    job = json.dumps({"name": "job", "id": "labelling-2", "created": 1.0, **LABELING, "labels": ["labels-2", "gone"]})
    with sqlite3.connect(old_root / "studio.db") as connection:
        connection.execute("INSERT INTO records VALUES ('labels-2', 'labels', 'drawn', 1.0, ?)", (drawn,))
        connection.execute("INSERT INTO records VALUES ('labelling-2', 'labelling', 'job', 1.0, ?)", (job,))
    workspace = Workspace(old_root)
    assert workspace.get(Labels, "labels-2").source == "Drawn here"
    assert workspace.get(Labels, "labels-1").source == "COCO"
