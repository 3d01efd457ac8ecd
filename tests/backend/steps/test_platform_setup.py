"""The settings and checks of a platform."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.platforms import registry
from backend.platforms.base import BATCH, REALTIME, TRAINING, Check
from backend.steps import platform_setup
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job


def test_settings_that_locate_endpoints_stay_while_there_are_any(workspace: Workspace) -> None:
    registry.change_settings(workspace, "aws", {"region": "eu-west-1"})
    endpoint = workspace.add(Endpoint(name="yard", model="m", mode="realtime", platform="aws", ref={}))
    for key, value in {"region": "us-east-1", "profile": "other", "stack": "another"}.items():
        with pytest.raises(UserError, match=f"“yard” runs on AWS.*another {key}.*Delete it on Deploy"):
            registry.change_settings(workspace, "aws", {key: value})
    registry.change_settings(
        workspace, "aws", {"region": "eu-west-1", "stack": "bytetrack-studio", "tags": "team=vision"}
    )
    workspace.remove(endpoint)
    registry.change_settings(workspace, "aws", {"region": "us-east-1"})
    assert registry.settings_of(workspace, "aws")["region"] == "us-east-1"


def test_an_invalid_setting_changes_nothing(workspace: Workspace) -> None:
    registry.change_settings(workspace, "aws", {"region": "eu-west-1"})
    with pytest.raises(UserError, match="cannot be the region"):
        registry.change_settings(workspace, "aws", {"region": "nowhere", "tags": "team=vision"})
    assert registry.settings_of(workspace, "aws") == {"region": "eu-west-1"}


def test_checks_get_the_options_of_trainings_and_endpoints(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest training and all endpoints on the platform count, and none on another platform."""
    registry.choose(workspace, "aws")
    for number, where in enumerate(("aws", "aws", "local")):
        params = {"platform": where, "options": {"instance_type": f"ml.g{number}.xlarge"}}
        workspace.add(Job(name="training", verb="train", params=params, created=float(number)))
    for mode in ("batch", "realtime"):
        workspace.add(Endpoint(name=mode, model="m", mode=mode, platform="aws", options={"count": 2}))
    workspace.add(Endpoint(name="here", model="m", mode="async", platform="local"))
    checked: list = []
    monkeypatch.setattr(
        "backend.platforms.aws.checks.AwsSetup.checks",
        lambda self, chosen: checked.extend(chosen) or [Check("key", "Title", "ok", "")],
    )
    assert [check.key for check in platform_setup.checks(workspace)] == ["key"]
    assert sorted(checked, key=lambda entry: entry[0]) == [
        (BATCH, {"count": 2}),
        (REALTIME, {"count": 2}),
        (TRAINING, {"instance_type": "ml.g1.xlarge"}),
    ]


def test_a_platform_that_cannot_be_reached_is_not_used(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match="choose a region, and a profile with credentials"):
        platform_setup.use(workspace, "aws", {})
    with pytest.raises(UserError, match="No AWS credentials were found"):
        platform_setup.use(workspace, "aws", {"region": "eu-west-1"})
    with pytest.raises(UserError, match="cannot be the region"):
        platform_setup.use(workspace, "aws", {"region": "nowhere"})
    assert registry.chosen(workspace) == "local" and registry.settings_of(workspace, "aws") == {}
    platform_setup.use(workspace, "local", {})
    assert registry.chosen(workspace) == "local"
