from __future__ import annotations

import pytest

from backend import jobs, progress
from backend.steps import datasets
from backend.workspace.records import Dataset, Job


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def field(page, label: str):
    return next(field for field in page.main.text_input if field.label == label)


@pytest.fixture
def dataset(workspace, labels) -> Dataset:
    parts = datasets.split_in_time(workspace, progress.silent, labels=labels.id, pieces=4)["labels"]
    built = datasets.build(workspace, progress.silent, name="site", train=parts[:2], val=parts[2:3], test=parts[3:])
    return workspace.get(Dataset, built["dataset"])


def test_without_a_dataset_it_leads_to_them(open_page):
    assert button(open_page("training"), "Go to Datasets")


def test_what_is_suggested_fits_the_dataset(open_page, dataset):
    page = open_page("training")
    assert field(page, "Name").value == "site nano 1"
    assert int(field(page, "Image width").value) % 32 == 0


@pytest.mark.parametrize(
    ("label", "name", "value"),
    [
        ("Epochs", "max_epoch", "0"),
        ("Batch size", "batch_size", "many"),
        ("Image height", "test_size_h", "100"),
        ("Learning rate per image", "basic_lr_per_img", "nan"),
        ("test_conf", "test_conf", "2"),  # under Advanced, by the name of the hyperparameter
    ],
)
def test_an_invalid_hyperparameter_is_named_before_the_start(open_page, dataset, label, name, value):
    page = open_page("training")
    field(page, label).input(value).run()
    assert any(name in error.value for error in page.error)
    assert not any(button.label == "Start training" for button in page.main.button)


def test_a_training_is_started_stopped_and_offered_again(open_page, workspace, dataset, finish):
    page = open_page("training")
    for name in ("Image height", "Image width"):
        field(page, name).input("64").run()
    button(page, "Start training").click().run()
    (job,) = workspace.list(Job)
    assert job.params["hyperparameters"]["test_size_w"] == "64"
    jobs.stop(workspace, job.id)
    assert finish().status == "stopped"
    page.run()
    assert not page.exception
    assert any("stopped" in text.value for text in page.markdown)
