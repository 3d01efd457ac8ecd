from __future__ import annotations

import os

import pytest

from backend.errors import UserError
from backend.jobs import processes
from backend.steps import organizing
from backend.workspace import Workspace
from backend.workspace.records import Job, Model


@pytest.fixture
def models(workspace: Workspace) -> list[Model]:
    return [
        workspace.add(Model(name=name, size="nano", classes=["person"], input_size=[64, 64], source="file", tags=tags))
        for name, tags in (("day", ["Street"]), ("night", []))
    ]


def test_tags_are_added_and_removed_in_any_case(workspace: Workspace, models: list[Model]) -> None:
    organizing.tag(workspace, models, add=[" street ", "best"])
    assert [workspace.get(Model, model.id).tags for model in models] == [["best", "Street"], ["best", "street"]]
    organizing.tag(workspace, models, remove=["STREET"])
    assert [workspace.get(Model, model.id).tags for model in models] == [["best"], ["best"]]


@pytest.mark.parametrize("tag", ["", " ", "a,b", "x" * 41, "line\nbreak"])
def test_invalid_tags_change_nothing(workspace: Workspace, models: list[Model], tag: str) -> None:
    with pytest.raises(UserError, match="cannot be a tag"):
        organizing.tag(workspace, models, add=["best", tag])
    assert workspace.tags(Model) == ["Street"]


def test_notes_are_replaced_and_limited(workspace: Workspace, models: list[Model]) -> None:
    organizing.describe(workspace, models[0], " Trained in fog. \n")
    assert workspace.get(Model, "day").description == "Trained in fog."
    with pytest.raises(UserError, match="these have 2,001"):
        organizing.describe(workspace, models[0], "x" * 2001)
    assert workspace.get(Model, "day").description == "Trained in fog."


def test_a_record_that_a_job_refers_to_by_name_keeps_it(workspace: Workspace, models: list[Model]) -> None:
    job = workspace.add(
        Job(
            name="deploy it",
            verb="deploy",
            params={"model": "day", "name": "night"},
            status="running",
            pid=os.getpid(),
            pid_started=processes.start_time(os.getpid()),
        )
    )
    with pytest.raises(UserError, match="The job “deploy it” refers to “day”"):
        organizing.rename(workspace, models[0], "noon")
    assert organizing.rename(workspace, models[1], "dusk").name == "dusk"
    with workspace.edit(Job, job.id) as stored:
        stored.status = "done"
    assert organizing.rename(workspace, models[0], "noon").name == "noon"
