from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.platforms.base import Hardware
from backend.steps.training_estimates import FIXED_SECONDS, Estimate, estimate_training, work_pixels
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Job, Model
from bytetrack.training.hyperparameters import Hyperparameters

# The two trainings on a real video in `docs/measurements.md`
FRAMES = {"train": 160, "val": 50, "test": 50}
FROM_SCRATCH = Hyperparameters(
    max_epoch=74, eval_interval=18, input_size_h=224, input_size_w=288, warmup_epochs=1, no_aug_epochs=10
)
PRETRAINED = replace(FROM_SCRATCH, max_epoch=10, eval_interval=1, no_aug_epochs=1)
CPU = Hardware(2, 0)


def dataset(**frames: int) -> Dataset:
    return Dataset(name="site", splits={}, classes=["person"], frames=FRAMES | frames, boxes={})


def estimate(workspace: Workspace, settings: Hyperparameters = PRETRAINED, **options) -> Estimate | None:
    options = {"size": "nano", "is_pretrained": True, "platform": "local", "options": {}, "hardware": CPU, **options}
    return estimate_training(workspace, options.pop("dataset", dataset()), settings.to_strings(), **options)


@pytest.mark.parametrize("settings, is_pretrained, seconds", [(FROM_SCRATCH, False, 557), (PRETRAINED, True, 173)])
def test_the_estimate_contains_what_was_measured(
    workspace: Workspace, settings: Hyperparameters, is_pretrained: bool, seconds: float
) -> None:
    expected = estimate(workspace, settings, is_pretrained=is_pretrained)
    assert expected.low < seconds < expected.high < 2.5 * expected.low
    assert expected.basis == "by the speed of 2 CPU cores that were measured"


@given(st.integers(1, 50), st.integers(8, 500), st.integers(0, 100))
def test_more_epochs_and_frames_are_more_work(epochs: int, train: int, val: int) -> None:
    settings = Hyperparameters(max_epoch=epochs, eval_interval=3, warmup_epochs=0, no_aug_epochs=0)
    longer = replace(settings, max_epoch=epochs + 1)
    frames = {"train": train, "val": val}
    work = work_pixels(settings, frames, False)
    assert work_pixels(longer, frames, False) > work > 0
    assert work_pixels(settings, {**frames, "train": train + 8}, False) > work
    assert work_pixels(settings, frames, True) >= work


def test_what_was_never_measured_has_no_estimate(workspace: Workspace) -> None:
    assert estimate(workspace, size="x") is None and estimate(workspace, size="custom") is None
    assert estimate(workspace, hardware=None) is None
    assert estimate(workspace, size="x", hardware=Hardware(8, 1, "A10G")) is None


def test_more_cores_may_help_and_fewer_are_slower(workspace: Workspace) -> None:
    two, eight, one = (estimate(workspace, hardware=Hardware(cores, 0)) for cores in (2, 8, 1))
    assert eight.low < two.low < one.low and eight.high == two.high < one.high


def test_a_gpu_that_was_not_measured_has_no_upper_end(workspace: Workspace) -> None:
    measured = estimate(workspace, hardware=Hardware(16, 1, "H100"))
    other = estimate(workspace, hardware=Hardware(8, 1, "A10G"))
    assert measured.high and other.high is None and other.low == measured.low
    assert "others are slower" in other.basis


def add_training(workspace: Workspace, seconds: float, **options) -> Job:
    data = workspace.add(dataset())
    model = workspace.add(Model(name="m", size="nano", classes=["person"], input_size=[64, 64], source="trained"))
    params = {
        "name": "site nano 1",
        "dataset": data.id,
        "hyperparameters": PRETRAINED.to_strings(),
        "base": "model-0",
        "platform": "local",
        "options": {},
        **options,
    }
    return workspace.add(
        Job(
            name="t",
            verb="train",
            params=params,
            status="done",
            started=1000.0,
            ended=1000.0 + seconds,
            result={"model": model.id},
        )
    )


def test_the_last_training_of_the_size_on_the_same_hardware_replaces_the_measurement(workspace: Workspace) -> None:
    add_training(workspace, 600.0)
    add_training(workspace, 60.0, options={"instance_type": "ml.g5.xlarge"})
    add_training(workspace, 60.0, platform="aws")
    add_training(workspace, FIXED_SECONDS / 2)  # too short to say anything
    own = estimate(workspace)
    assert own.low < 600 < own.high and own.basis == "by the speed of “site nano 1”, which ran on the same hardware"
    twice = estimate(workspace, replace(PRETRAINED, max_epoch=20))
    assert twice.low < 1120 < twice.high < 1600
    assert "were measured" in estimate(workspace, size="s").basis


def test_all_attempts_of_a_resumed_training_count(workspace: Workspace) -> None:
    job = add_training(workspace, 300.0)
    with workspace.edit(Job, job.id) as stored:
        stored.attempts = [{"status": "stopped", "started": 0.0, "ended": 300.0, "cost": 0.0}]
    own = estimate(workspace)
    assert own.low < 600 < own.high
