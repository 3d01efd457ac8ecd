"""Trainings of the smallest network on 64x64 pixels, by the real program."""

from __future__ import annotations

import psutil
import pytest
from deployment_helpers import all_ended
from tiny_training import TINY, add_dataset
from waiting import until

from backend import jobs
from backend.errors import UserError
from backend.progress import silent
from backend.steps import training
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Job, Labels, Model, Video
from bytetrack.training.hyperparameters import epoch_schedule

pytestmark = pytest.mark.slow


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return add_dataset(workspace)


def until_epoch(workspace: Workspace, job: Job, epoch: int) -> None:
    def is_reached() -> bool:
        assert jobs.active(workspace), jobs.log(workspace, job)
        return any(step["epoch"] >= epoch for step in training.curves(workspace, job)["steps"])

    until(is_reached)


def test_a_killed_training_is_resumed_from_its_checkpoint(workspace: Workspace, dataset: Dataset) -> None:
    first = training.start(workspace, name="tiny", dataset=dataset.id, hyperparameters=TINY)
    until_epoch(workspace, first, 2)  # the checkpoint contains the first epoch then
    with pytest.raises(UserError, match="“Training tiny” is still running"):
        training.resume(workspace, first.id)
    (program,) = psutil.Process(first.pid).children()
    program.kill()
    with pytest.raises(UserError, match="The train program ended: killed by SIGKILL; the machine may have run out"):
        jobs.wait(workspace, first.id, silent)
    assert training.can_resume(workspace, workspace.get(Job, first.id)) and workspace.list(Model) == []

    second = training.resume(workspace, first.id)
    with pytest.raises(UserError, match="still running"):  # as if from another tab
        training.resume(workspace, first.id)
    job = jobs.wait(workspace, second.id, silent)
    curves = training.curves(workspace, job)
    assert curves["steps"][0]["epoch"] > 1 and curves["steps"][-1]["epoch"] == 4
    assert set(training.LOSSES) | {"lr", "images_per_second"} <= curves["steps"][0].keys()
    assert [epoch["epoch"] for epoch in curves["epochs"]] == [4] and "AP50" in curves["epochs"][0]
    model = workspace.get(Model, job.result["model"])
    assert (model.name, model.source, model.dataset) == ("tiny", "trained", dataset.id)
    assert model.classes == ["square", "disc"] and model.input_size == [64, 64] and "AP50" in model.metrics
    with pytest.raises(UserError, match="left no checkpoint to resume from"):
        training.resume(workspace, job.id)
    assert all_ended(workspace.root) and not jobs.temporary_folder(workspace, job).exists()


def test_a_training_is_stopped(workspace: Workspace, dataset: Dataset) -> None:
    job = training.start(workspace, name="tiny", dataset=dataset.id, hyperparameters=TINY | {"max_epoch": "500"})
    until_epoch(workspace, job, 1)
    jobs.stop(workspace, job.id)
    with pytest.raises(UserError, match="Training tiny stopped"):
        jobs.wait(workspace, job.id, silent)
    assert all_ended(workspace.root) and not jobs.temporary_folder(workspace, job).exists()
    assert training.can_resume(workspace, workspace.get(Job, job.id))


def test_wrong_arguments_are_refused_before_a_job_starts(workspace: Workspace, dataset: Dataset) -> None:
    with pytest.raises(UserError, match="max_epoch is 0, but must be"):
        training.start(workspace, name="t", dataset=dataset.id, hyperparameters={"max_epoch": "0"})
    with pytest.raises(UserError, match="Did you mean batch_size"):
        training.start(workspace, name="t", dataset=dataset.id, hyperparameters={"batchsize": "4"})
    with pytest.raises(UserError, match="Model not found: “model-0”"):
        training.start(workspace, name="t", dataset=dataset.id, hyperparameters={}, base="model-0")
    with pytest.raises(UserError, match="Dataset not found: “set”"):
        training.start(workspace, name="t", dataset="set", hyperparameters={})
    with workspace.edit(Dataset, dataset.id) as stored:
        stored.frames["train"] = 0
    with pytest.raises(UserError, match="“squares” has no frames to train on"):
        training.start(workspace, name="t", dataset=dataset.id, hyperparameters={})
    assert workspace.list(Job) == []


@pytest.mark.parametrize("pretrained", [False, True])
@pytest.mark.parametrize("epochs", [None, 1, 20, 100])
def test_suggestions_follow_the_training_programs_rule_for_epochs(
    workspace: Workspace, dataset: Dataset, epochs: int | None, pretrained: bool
) -> None:
    video = Video(name="v", path="v.mp4", width=64, height=64, fps=10, frames=6, seconds=0.6, codec="h264", size=1)
    labels = Labels(name="l", video=video.id, source="test", classes=["disc"], labeled_frames=[0], boxes=1, objects=1)
    workspace.add(video)
    workspace.add(labels)
    with workspace.edit(Dataset, dataset.id) as stored:
        stored.splits["train"] = [labels.id]
    suggested = training.suggest(workspace, dataset.id, epochs=epochs, pretrained=pretrained)
    schedule = epoch_schedule(epochs or int(suggested["max_epoch"]), pretrained)
    assert {name: suggested[name] for name in schedule} == {name: str(value) for name, value in schedule.items()}
