"""What a platform is told and asked when it is set up."""

from __future__ import annotations

import pytest

from backend import platform, setup
from backend.errors import UserError
from backend.platform.base import BATCH, REALTIME, TRAINING, Check
from backend.records import Endpoint, Job
from backend.workspace import Workspace


def test_settings_by_which_things_are_found_stay_while_something_is_deployed(workspace: Workspace) -> None:
    platform.set_up(workspace, "aws", {"region": "eu-west-1"})
    endpoint = workspace.add(Endpoint(name="yard", model="m", mode="realtime", platform="aws", ref={}))
    for key, value in {"region": "us-east-1", "profile": "other", "stack": "another"}.items():
        with pytest.raises(UserError, match=f"“yard” runs on AWS.*another {key}.*Delete it on Deploy"):
            platform.set_up(workspace, "aws", {key: value})
    platform.set_up(workspace, "aws", {"region": "eu-west-1", "stack": "bytetrack-studio", "tags": "team=vision"})
    workspace.remove(endpoint)
    platform.set_up(workspace, "aws", {"region": "us-east-1"})
    assert platform.settings_of(workspace, "aws")["region"] == "us-east-1"


def test_a_setting_that_makes_no_sense_changes_nothing(workspace: Workspace) -> None:
    platform.set_up(workspace, "aws", {"region": "eu-west-1"})
    with pytest.raises(UserError, match="cannot be the region"):
        platform.set_up(workspace, "aws", {"region": "nowhere", "tags": "team=vision"})
    assert platform.settings_of(workspace, "aws") == {"region": "eu-west-1"}


def test_checks_know_what_was_started_there(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest training counts, and all that is deployed; what is on another platform does not."""
    platform.choose(workspace, "aws")
    for number, where in enumerate(("aws", "aws", "local")):
        params = {"platform": where, "options": {"instance_type": f"ml.g{number}.xlarge"}}
        workspace.add(Job(name="training", verb="train", params=params, created=float(number)))
    for mode in ("batch", "realtime"):
        workspace.add(Endpoint(name=mode, model="m", mode=mode, platform="aws", options={"count": 2}))
    workspace.add(Endpoint(name="here", model="m", mode="async", platform="local"))
    asked: list = []
    monkeypatch.setattr(
        "backend.platform.aws.platform.AwsPlatform.checks",
        lambda self, chosen: asked.extend(chosen) or [Check("key", "Title", "ok", "")],
    )
    assert [each.key for each in setup.checks(workspace)] == ["key"]
    assert sorted(asked, key=lambda each: each[0]) == [
        (BATCH, {"count": 2}),
        (REALTIME, {"count": 2}),
        (TRAINING, {"instance_type": "ml.g1.xlarge"}),
    ]
