"""Hyperparameter searches as jobs, with trainings of the smallest network."""

from __future__ import annotations

import pytest
from tiny_training import TINY, add_dataset

from backend import jobs
from backend.errors import UserError
from backend.progress import silent
from backend.steps import hyperparameter_search, training
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Job, Model
from bytetrack.training.hyperparameters import Hyperparameters

pytestmark = pytest.mark.slow

ONE_EPOCH = TINY | {"batch_size": "2", "max_epoch": "1", "eval_interval": "1"}
RATE = {"basic_lr_per_img": {"low": "1e-5", "high": "1e-3", "logarithmic": True}}


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return add_dataset(workspace)


def start(workspace: Workspace, dataset: Dataset, **changes) -> Job:
    arguments = {
        "name": "search",
        "dataset": dataset.id,
        "ranges": RATE,
        "hyperparameters": ONE_EPOCH,
        "trials": 2,
    } | changes
    return hyperparameter_search.start(workspace, **arguments)


def test_the_best_trial_becomes_a_model(workspace: Workspace, dataset: Dataset) -> None:
    job = jobs.wait(workspace, start(workspace, dataset, objective="total_loss").id, silent)
    trials = job.facts["trials"]
    assert [trial["status"] for trial in trials] == ["done", "done"]
    best = min(trials, key=lambda trial: trial["value"])
    model = workspace.get(Model, job.result["model"])
    rate = float(best["hyperparameters"]["basic_lr_per_img"])
    assert float(model.hyperparameters["basic_lr_per_img"]) == pytest.approx(rate)
    assert (model.job, model.dataset, model.labels) == (job.id, dataset.id, ["labels-0", "labels-1"])
    assert model.image.startswith("bytetrack-")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ranges": {}}, "at least one hyperparameter"),
        ({"ranges": {"basic_lr_per_img": {"low": 1e-3, "high": 1e-5}}}, "from a lower to a higher"),
        ({"ranges": {"basic_lr_per_img": {"low": 0, "high": 1e-5, "logarithmic": True}}}, "above 0 if logarithmic"),
        ({"ranges": {"basic_lr_per_img": {"low": "a little", "high": 1}}}, "a lowest and a highest value"),
        ({"ranges": {"mosaic_prob": {"low": 0, "high": 2}}}, "mosaic_prob is 2.0, but must be from 0 to 1"),
        ({"ranges": {"optimizer": {"choices": ["adamw", "magic"]}}}, "optimizer is “magic”"),
        ({"ranges": {"bachsize": {"low": 1, "high": 2}}}, "no hyperparameter “bachsize”. Did you mean"),
        ({"objective": "beauty"}, "no objective “beauty”"),
        ({"trials": 0}, "1 to 500 trials, not 0"),
    ],
)
def test_a_search_with_wrong_arguments_is_not_started(
    workspace: Workspace, dataset: Dataset, changes: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        start(workspace, dataset, **changes)
    assert workspace.list(Job) == []


def test_only_the_loss_can_be_optimized_without_a_validation_split(workspace: Workspace, dataset: Dataset) -> None:
    with workspace.edit(Dataset, dataset.id) as stored:
        stored.frames["val"] = 0
    with pytest.raises(UserError, match="no validation split"):
        start(workspace, dataset)


def test_suggested_ranges_are_valid(workspace: Workspace, dataset: Dataset) -> None:
    ranges = hyperparameter_search.suggest_ranges(Hyperparameters().to_strings())
    for name, limits in ranges.items():
        ends = limits.get("choices") or [str(limits["low"]), str(limits["high"])]
        for end in ends:
            training.check(workspace, dataset.id, ONE_EPOCH | {name: end}, None)
