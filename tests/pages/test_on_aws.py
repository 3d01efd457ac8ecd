"""The pages with AWS chosen: the same ones, with what AWS lets one choose."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from moving_squares import save_model
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest
from waiting import until

from backend import jobs, progress
from backend.platforms import registry
from backend.platforms.base import EndpointState
from backend.steps import datasets, deployments
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Endpoint, Job, Model

MAIN = Path(__file__).parents[2] / "app" / "main.py"


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def field(page, label: str):
    every = [*page.main.text_input, *page.main.number_input, *page.main.selectbox, *page.main.toggle]
    return next(field for field in every if field.label == label)


def texts(page) -> str:
    return "\n".join(text.value for text in [*page.main.markdown, *page.main.caption])


@pytest.fixture
def on_aws(workspace: Workspace, aws_account: dict) -> dict:
    registry.change_settings(workspace, "aws", aws_account)
    registry.choose(workspace, "aws")
    return aws_account


@pytest.fixture
def model(workspace: Workspace) -> Model:
    model = workspace.add(Model(name="squares", size="nano", classes=["blue"], input_size=[64, 96], source="trained"))
    save_file({"head": np.zeros(3, np.float32)}, save_model(workspace.folder(model)) / "model.safetensors")
    return model


def use_aws_dialog() -> None:
    """The content of the dialog alone: `AppTest` closes a dialog whenever it runs the page again."""
    from app.widgets import guard
    from pages.parts.platform_choice import _confirm_use

    with guard():
        _confirm_use("aws")


def test_aws_is_checked_confirmed_told_what_it_lacks_and_left_again(open_page, workspace, aws_account) -> None:
    registry.change_settings(workspace, "aws", {name: aws_account[name] for name in ("region", "stack")})
    page = open_page("account")
    button(page, "Use AWS").click().run()
    shown = "\n".join(text.value for text in page.markdown)
    assert "What changes" in shown and "AWS charges for machines while they run" in shown
    assert "123456789012" in shown and registry.chosen(workspace) == "local" and not page.exception
    dialog = AppTest.from_function(use_aws_dialog, default_timeout=60).run()
    dialog.button(key="use-confirm").click().run()
    assert registry.chosen(workspace) == "aws" and not dialog.error
    page = open_page("account")
    assert "What AWS needs" in texts(page) and "123456789012" in texts(page)
    assert button(page, "Create")
    field(page, "Bucket").input("No Bucket")
    button(page, "Save").click().run()
    assert "cannot be the bucket" in page.error[0].value
    page = open_page("account")
    field(page, "Bucket").input(aws_account["bucket"])
    button(page, "Save").click().run()
    assert registry.settings_of(workspace, "aws")["bucket"] == aws_account["bucket"]
    button(page, "Use this machine").click().run()
    assert registry.chosen(workspace) == "local" and "What AWS needs" not in texts(page)


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody has configured AWS."""
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    registry._build.cache_clear()  # which holds a session with the credentials of other tests
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    "region, sentence",
    [
        ("", "AWS needs to know where to run: choose a region, and a profile with credentials"),
        ("eu-west-1", "No AWS credentials were found. Run `aws configure`"),
    ],
)
def test_aws_without_region_or_credentials_is_one_sentence_and_two_fields(
    open_page, workspace: Workspace, no_credentials: None, region: str, sentence: str
) -> None:
    open_page("account")
    page = AppTest.from_function(use_aws_dialog, default_timeout=60).run()
    regions = page.selectbox(key="access-aws-region")
    assert "eu-west-1: Europe (Ireland)" in regions.options and page.selectbox(key="access-aws-profile")
    if region:
        regions.set_value(region).run()
    (error,) = page.error
    assert error.value.startswith(sentence) and not page.exception
    assert not any(button.key == "use-confirm" for button in page.button)
    assert registry.chosen(workspace) == "local" and registry.settings_of(workspace, "aws") == {}


def test_a_workspace_on_aws_that_lost_its_credentials_says_so_once(
    open_page, workspace: Workspace, no_credentials: None
) -> None:
    workspace.set("platform", "aws")
    page = AppTest.from_file(str(MAIN), default_timeout=60).run()
    page.switch_page("../pages/account.py").run()
    (error,) = page.error
    assert error.value.startswith("AWS needs to know where to run") and not page.exception
    assert field(page, "Region") and field(page, "Profile") and button(page, "Use this machine")
    field(page, "Region").set_value("eu-west-1")
    button(page, "Save and check again").click().run()
    (error,) = page.error
    assert error.value.startswith("No AWS credentials were found")
    assert registry.settings_of(workspace, "aws")["region"] == "eu-west-1"


@pytest.mark.parametrize("key", ["home", "videos", "labels", "datasets", "training", "models", "deploy", "compare"])
def test_no_page_shows_how_streamlit_passes_errors_on(
    open_page, workspace: Workspace, no_credentials: None, key: str
) -> None:
    workspace.set("platform", "aws")
    page = AppTest.from_file(str(MAIN), default_timeout=60).run()
    page.switch_page(f"../pages/{key}.py").run()
    assert not page.exception and not [element.value for element in page.error if "Exception" in element.value]


def test_what_is_on_aws_is_deleted_after_asking(open_page, workspace, on_aws, model, standin) -> None:
    aws = registry.platform_of(workspace)
    aws.endpoints.start("forgotten", workspace.folder(model), "realtime", {})  # by a console that was lost since
    page = open_page("account")
    frame = next(
        element.value for element in page.main.dataframe if "Type" in element.value and "Size" in element.value
    )
    assert set(frame["Type"]) >= {"endpoint", "files"}
    assert button(page, "Delete").disabled
    for resource in aws.inventory.resources():
        aws.inventory.delete(resource.id)


def test_an_instance_is_chosen_for_a_training_and_priced(open_page, workspace, on_aws, labels) -> None:
    parts = datasets.split_in_time(workspace, progress.silent, labels=labels.id, pieces=4)["labels"]
    built = datasets.build(workspace, progress.silent, name="site", train=parts[:2], val=parts[2:3], test=parts[3:])
    assert workspace.get(Dataset, built["dataset"])
    page = open_page("training")
    instance = field(page, "Instance type")
    assert instance.value == "ml.g5.xlarge" and "GiB" in instance.options[0] and "per hour" in instance.options[0]
    assert "$1.41 per hour" in texts(page) and "at least" in texts(page)
    field(page, "Spot").set_value(True)
    field(page, "Warm pool (minutes)").set_value(5).run()
    assert [error.value for error in page.error] == ["Spot capacity has no warm pool. Turn one of the two off."]
    assert not workspace.list(Job)
    field(page, "Warm pool (minutes)").set_value(0).run()
    button(page, "Start training").click().run()
    (job,) = workspace.list(Job)
    assert job.params["options"]["spot"] is True and job.params["platform"] == "aws"
    jobs.stop(workspace, job.id)
    until(lambda: not jobs.active(workspace))


def test_a_deployment_has_its_options_and_its_cost(open_page, workspace, on_aws, model, finish) -> None:
    page = open_page("deploy")
    assert "per hour** while it is up" in texts(page) and "per hour** while a job runs" in texts(page)
    assert field(page, "Scale to zero").value is True
    page.selectbox(key="deploy-async-instance_type").set_value("ml.m5.large").run()
    button(page, "Deploy asynchronous").click().run()
    assert finish().status == "done"
    (endpoint,) = workspace.list(Endpoint)
    assert endpoint.options["instance_type"] == "ml.m5.large" and endpoint.platform == "aws"
    page = open_page("deploy")
    assert "1 x ml.m5.large" in texts(page)
    state: EndpointState = deployments.deployment_of(workspace, endpoint).state()
    assert state.cost_per_hour == pytest.approx(0.115)
    deployments.deployment_of(workspace, endpoint).delete()


def test_a_model_is_registered(open_page, workspace, on_aws, model, finish, standin) -> None:
    page = open_page("models")
    button(page, "Register").click().run()
    assert finish().status == "done"
    registered = workspace.get(Model, model.id).registered
    assert ":model-package/" in registered
    page = open_page("models")
    assert registered in texts(page) and not any(element.label == "Register" for element in page.main.button)
    (package,) = standin.sagemaker.registry.packages.values()
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
