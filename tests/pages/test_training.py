from __future__ import annotations

import pytest

from backend import jobs, progress
from backend.steps import datasets
from backend.workspace.records import Dataset, Job, Model


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
        ("Learning rate", "basic_lr_per_img", "nan"),
        ("test_conf", "test_conf", "2"),  # under Advanced, by the name of the hyperparameter
    ],
)
def test_an_invalid_hyperparameter_is_named_before_the_start(open_page, dataset, label, name, value):
    page = open_page("training")
    field(page, label).input(value).run()
    assert any(name in error.value for error in page.error)
    assert not any(button.label == "Start training" for button in page.main.button)


def test_a_training_stopped_before_its_first_checkpoint_is_started_again(open_page, workspace, dataset, finish):
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
    assert any("ended before the first checkpoint" in caption.value for caption in page.caption)
    button(page, "Start again").click().run()
    (again,) = workspace.list(Job)
    assert again.id == job.id and again.active and not page.exception
    jobs.stop(workspace, job.id)
    assert finish().status == "stopped"
    page.run()
    assert any("resumed once" in text.value for text in page.markdown)


PARAMS = {"name": "site nano 1", "platform": "local", "checkpoints": "abc", "options": {}, "base": None}


def add_run(workspace, dataset: Dataset, status: str, epochs: list[float], **fields) -> Job:
    """Add a training whose log has a line for each of these epochs."""
    params = PARAMS | {"dataset": dataset.id, "hyperparameters": {}} | fields.pop("params", {})
    job = workspace.add(Job(name="Training site nano 1", verb="train", params=params, status=status, **fields))
    lines = [
        f"epoch: {int(epoch) + 1}/9, iter: {epoch % 1 * 10:.0f}/10, total_loss: {epoch:.2f}, images_per_second: 20"
        for epoch in epochs
    ]
    jobs.log_path(workspace, job).write_text("\n".join([*lines, "epoch: 1/9, AP: 0.3, AP50: 0.625"]))
    return job


def metric(page, label: str) -> str:
    return next(element for element in page.metric if element.label == label).value


def test_a_training_that_version_1_0_resumed_as_two_jobs_is_one(open_page, workspace, dataset):
    add_run(workspace, dataset, "failed", [0.5, 1.0, 1.5], created=1.0)
    add_run(workspace, dataset, "stopped", [1.2, 2.5], created=2.0)
    page = open_page("training")
    assert not any(box.label == "Training run" for box in page.selectbox)
    assert metric(page, "Epoch") == "3 of 9" and metric(page, "Loss") == "2.50" and metric(page, "Best AP50") == "0.625"


def test_a_running_training_without_losses_shows_none_of_an_older_one(open_page, workspace, dataset, monkeypatch):
    older = add_run(workspace, dataset, "done", [0.5, 1.0], created=1.0, ended=2.0)
    page = open_page("training")
    assert metric(page, "Loss") == "1.00"
    monkeypatch.setattr(jobs, "refresh", lambda workspace: workspace.list(Job))  # the new one has no process
    add_run(workspace, dataset, "running", [], params={"checkpoints": "new", "name": "second"}, started=3.0)
    page.run()
    assert next(box for box in page.selectbox if box.label == "Training run").value != older.id
    assert not page.metric and any("Loss appears" in caption.value for caption in page.caption)


def test_without_a_validation_split_it_says_so(open_page, workspace, dataset):
    with workspace.edit(Dataset, dataset.id) as stored:
        stored.frames = stored.frames | {"val": 0}
    job = add_run(workspace, dataset, "done", [0.5, 1.0])
    path = jobs.log_path(workspace, job)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "AP" not in line))
    page = open_page("training")
    assert any("No validation split" in info.value for info in page.info)
    assert len(page.get("plotly_chart")) == 1 and not any(tile.label == "Best AP50" for tile in page.metric)


def test_presets_say_their_time_before_the_start(open_page, dataset):
    page = open_page("training")
    (presets,) = page.radio
    assert presets.options == ["Quick", "Balanced", "Best"] and presets.value == "balanced"
    epochs = {}
    for preset in ("quick", "balanced", "best"):
        presets = page.radio[0].set_value(preset).run().radio[0]
        epochs[preset] = int(field(page, "Epochs").value)
    assert epochs["quick"] < epochs["balanced"] <= epochs["best"]
    assert any("this machine" in text.value and "that were measured" in text.value for text in page.markdown)


def test_the_best_fitting_model_is_the_start_or_its_download_is_offered(open_page, workspace, dataset):
    page = open_page("training")
    start = next(box for box in page.selectbox if box.label == "Start from")
    assert start.value == "from scratch"
    assert any("**YOLOX-nano** fits best" in text.value for text in page.markdown) and button(page, "Download")
    model = workspace.add(
        Model(name="coco", size="nano", classes=["person", "car"], input_size=[416, 416], source="YOLOX COCO")
    )
    page = open_page("training")
    start = next(box for box in page.selectbox if box.label == "Start from")
    assert start.value == model.id and start.options[0] == "coco (nano) · fits best"
    assert any("“coco” fits best: it knows person" in caption.value for caption in page.caption)
    assert not any(button.label == "Download" for button in page.main.button)
    assert field(page, "Epochs").value == "10"


def test_a_search_says_the_time_of_all_trials(open_page, workspace, dataset):
    page = open_page("training")
    page.button_group[0].set_value("Hyperparameter search").run()
    assert button(page, "Start search") and not page.exception
    assert any("that were measured" in text.value for text in page.markdown)
