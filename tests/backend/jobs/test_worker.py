from __future__ import annotations

import errno
import importlib
import inspect
import re
import sqlite3
from typing import Any, get_args

import pytest

from backend.errors import UserError
from backend.jobs import worker
from backend.jobs.processes import Stopped
from backend.progress import Progress
from backend.workspace import Workspace
from backend.workspace.records import Job, Verb


def full_database() -> sqlite3.OperationalError:
    """Return the error that SQLite raises when it cannot grow."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("CREATE TABLE large AS SELECT zeroblob(100000)")
    return raised.value


def work(workspace: Workspace, progress: Progress, *, how: str) -> dict[str, str]:
    """The function of the verb “work”, which only these tests have."""
    progress(0.5, "half way")
    endings: dict[str, BaseException] = {
        "refuse": UserError("There is no such clip. Choose another."),
        "break": KeyError("boxes"),
        "fill the disk": OSError(errno.ENOSPC, "No space left on device"),
        "fill the database": full_database(),
        "stop": Stopped(),
    }
    if how in endings:
        raise endings[how]
    (running,) = workspace.list(Job)
    assert (running.status, running.step, running.progress) == ("running", "half way", 0.5)
    return {"made": how}


@pytest.fixture(autouse=True)
def work_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(worker.VERBS, "work", f"{__name__}:work")


def run(workspace: Workspace, **params: Any) -> Job:
    job = workspace.add(Job(name="Work", verb="work", params=params))
    done = worker.run(workspace, job.id)
    ended = workspace.get(Job, job.id)
    assert done == (ended.status == "done")
    assert not ended.active and ended.started and ended.ended and ended.step == ""
    return ended


def test_a_job_is_done(workspace: Workspace) -> None:
    job = run(workspace, how="well")
    assert (job.status, job.progress, job.reason, job.result) == ("done", 1.0, "", {"made": "well"})


def test_a_user_error_is_the_reason_without_a_traceback(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    job = run(workspace, how="refuse")
    assert (job.status, job.reason, job.progress) == ("failed", "There is no such clip. Choose another.", 0.5)
    printed = capfd.readouterr()
    assert printed.out.strip() == job.reason and printed.err == ""


def test_an_unexpected_error_is_summarized_and_its_traceback_logged(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    job = run(workspace, how="break")
    assert job.status == "failed" and "KeyError: 'boxes'" in job.reason and "Traceback" not in job.reason
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("how", ["fill the disk", "fill the database"])
def test_a_full_disk_is_the_reason(workspace: Workspace, how: str) -> None:
    job = run(workspace, how=how)
    assert job.status == "failed" and job.reason.startswith("The disk is full. Free some space")


def test_a_stopped_job_has_not_failed(workspace: Workspace) -> None:
    job = run(workspace, how="stop")
    assert (job.status, job.reason) == ("stopped", "")


def test_wrong_parameters_are_named(workspace: Workspace) -> None:
    assert re.search("missing a required .*argument: 'how'", run(workspace).reason)
    assert "unexpected keyword argument 'speed'" in run(workspace, how="well", speed=3).reason


def test_a_job_stopped_while_queued_does_not_run(workspace: Workspace) -> None:
    job = workspace.add(Job(name="Work", verb="work", params={"how": "well"}, status="stopping"))
    assert not worker.run(workspace, job.id)
    assert workspace.get(Job, job.id) == job


def test_every_verb_has_a_function() -> None:
    assert set(worker.VERBS) == {*get_args(Verb), "work"}


@pytest.mark.parametrize("verb", get_args(Verb))
def test_every_function_of_a_verb_takes_a_workspace_and_a_progress(verb: Verb) -> None:
    module, function = worker.VERBS[verb].split(":")
    parameters = list(inspect.signature(getattr(importlib.import_module(module), function)).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["workspace", "progress"]
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters[2:])
