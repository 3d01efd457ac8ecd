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
    assert training.has_checkpoint(workspace, workspace.get(Job, first.id)) and workspace.list(Model) == []

    second = training.resume(workspace, first.id)
    assert second.id == first.id and len(workspace.list(Job)) == 1
    with pytest.raises(UserError, match="still running"):  # as if from another tab
        training.resume(workspace, first.id)
    job = jobs.wait(workspace, second.id, silent)
    curves = training.curves(workspace, job)
    epochs = [step["epoch"] for step in curves["steps"]]
    assert epochs == sorted(set(epochs)) and epochs[0] <= 1 and epochs[-1] == 4
    assert training.log(workspace, job).count("started again, attempt 2\n") == 1
    assert "resuming at epoch" in training.log(workspace, job)
    assert [attempt["status"] for attempt in job.attempts] == ["failed"]
    assert job.seconds_worked() > job.ended - job.started > 0
    assert set(training.LOSSES) | {"lr", "images_per_second"} <= curves["steps"][0].keys()
    assert [epoch["epoch"] for epoch in curves["epochs"]] == [4] and "AP50" in curves["epochs"][0]
    model = workspace.get(Model, job.result["model"])
    assert (model.name, model.source, model.dataset) == ("tiny", "trained", dataset.id)
    assert model.classes == ["square", "disc"] and model.input_size == [64, 64] and "AP50" in model.metrics
    with pytest.raises(UserError, match="is done. Start a new training"):
        training.resume(workspace, job.id)
    assert all_ended(workspace.root) and not jobs.temporary_folder(workspace, job).exists()


def test_a_training_is_stopped(workspace: Workspace, dataset: Dataset) -> None:
    job = training.start(workspace, name="tiny", dataset=dataset.id, hyperparameters=TINY | {"max_epoch": "500"})
    until_epoch(workspace, job, 1)
    jobs.stop(workspace, job.id)
    with pytest.raises(UserError, match="Training tiny stopped"):
        jobs.wait(workspace, job.id, silent)
    assert all_ended(workspace.root) and not jobs.temporary_folder(workspace, job).exists()
    assert training.has_checkpoint(workspace, workspace.get(Job, job.id))


def test_a_training_without_a_checkpoint_starts_from_the_beginning(workspace: Workspace, dataset: Dataset) -> None:
    job = training.start(workspace, name="tiny", dataset=dataset.id, hyperparameters=TINY | {"max_epoch": "1"})
    jobs.stop(workspace, job.id)  # long before the first step
    until(lambda: not jobs.active(workspace))
    stopped = workspace.get(Job, job.id)
    assert stopped.status == "stopped" and not training.has_checkpoint(workspace, stopped)
    ended = jobs.wait(workspace, training.resume(workspace, job.id).id, silent)
    assert ended.id == job.id and training.curves(workspace, ended)["steps"][-1]["epoch"] == 1
    assert workspace.get(Model, ended.result["model"]).name == "tiny"


def write_log(workspace: Workspace, job: Job, epochs: list[float]) -> None:
    lines = [f"epoch: {int(epoch) + 1}/9, iter: {epoch % 1 * 10:.0f}/10, total_loss: {epoch}" for epoch in epochs]
    lines += [f"epoch: {int(epoch)}/9, AP: 0.{int(epoch)}, AP50: 0.5" for epoch in epochs if int(epoch) == epoch > 0]
    jobs.log_path(workspace, job).write_text("\n".join(lines))


def test_attempts_that_were_jobs_of_their_own_are_one_training(workspace: Workspace) -> None:
    params = {"checkpoints": "abc", "name": "t"}
    attempts = [
        workspace.add(Job(name="t", verb="train", params=params, status=status, created=created))
        for created, status in enumerate(("failed", "stopped", "done"))
    ]
    workspace.add(Job(name="t", verb="train", params={"checkpoints": "other"}, created=1))
    for attempt, epochs in zip(attempts, ([0.1, 0.5, 1.0, 1.5], [1.1, 1.6, 2.0], [2.1, 3.0])):
        write_log(workspace, attempt, epochs)
    assert training.superseded_by(workspace, attempts[2]) == attempts[:2]
    curves = training.curves(workspace, attempts[2])
    assert [step["total_loss"] for step in curves["steps"]] == [0.1, 0.5, 1.0, 1.1, 1.6, 2.0, 2.1, 3.0]
    assert [epoch["AP"] for epoch in curves["epochs"]] == [0.1, 0.2, 0.3]
    assert training.log(workspace, attempts[2]).count("AP50") == 3
    assert training.curves(workspace, attempts[0])["steps"][-1]["epoch"] == 1.5


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
