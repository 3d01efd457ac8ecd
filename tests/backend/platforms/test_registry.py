"""A new platform needs one folder and one entry in the registry: a toy platform is chosen, set up and built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend import jobs
from backend.errors import UserError
from backend.platforms import options, registry
from backend.platforms.descriptor import PlatformDescriptor
from backend.platforms.local.platform import LocalPlatform
from backend.platforms.options import option
from backend.workspace import Workspace
from backend.workspace.records import Endpoint


@dataclass(frozen=True)
class ToySettings:
    place: str = option("attic", "Place", "Where the toy is.")
    wheels: int = option(4, "Wheels", minimum=0, maximum=10)

    @classmethod
    def parse(cls, values: options.Options) -> ToySettings:
        return options.parse(cls, values)


class ToyPlatform(LocalPlatform):
    name = "toy"

    def __init__(self, folder: Path, settings: ToySettings, in_job: bool) -> None:
        super().__init__(folder)
        self.folder, self.settings, self.in_job = folder, settings, in_job


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> PlatformDescriptor:
    descriptor = PlatformDescriptor(
        key="toy",
        title="Toy",
        description="Only for tests.",
        build=ToyPlatform,
        settings=ToySettings,
        locating_settings=("place",),
    )
    monkeypatch.setitem(registry.PLATFORMS, "toy", descriptor)
    return descriptor


def toy_of(workspace: Workspace) -> ToyPlatform:
    platform = registry.platform_of(workspace)
    assert isinstance(platform, ToyPlatform)
    return platform


def test_a_new_platform_is_chosen_and_built_with_its_settings(workspace: Workspace) -> None:
    assert registry.chosen(workspace) == "local"
    registry.change_settings(workspace, "toy", {"wheels": 3})
    registry.choose(workspace, "toy")
    platform = toy_of(workspace)
    assert registry.chosen(workspace) == platform.name == "toy"
    assert platform.settings == ToySettings("attic", 3) and platform.folder == workspace.root / "toy"
    assert platform.endpoints.log({"folder": str(workspace.root)}) == ""  # type: ignore[typeddict-item]


def test_a_platform_is_built_again_when_its_settings_change_or_a_job_asks(workspace: Workspace) -> None:
    registry.choose(workspace, "toy")
    first = toy_of(workspace)
    assert toy_of(workspace) is first and not first.in_job
    registry.change_settings(workspace, "toy", {"wheels": 6})
    assert toy_of(workspace).settings.wheels == 6
    token = jobs.current_job_id.set("job-1")
    try:
        assert toy_of(workspace).in_job
    finally:
        jobs.current_job_id.reset(token)


def test_the_settings_of_a_platform_have_a_form_and_are_checked(workspace: Workspace) -> None:
    assert [entry.label for entry in registry.setting_options("toy")] == ["Place", "Wheels"]
    with pytest.raises(UserError, match="“Wheels” is 11, but must be 0 to 10"):
        registry.change_settings(workspace, "toy", {"wheels": 11})
    assert registry.settings_of(workspace, "toy") == {}


def test_settings_that_locate_endpoints_stay_while_there_are_any(workspace: Workspace) -> None:
    endpoint = workspace.add(Endpoint(name="car", model="m", mode="realtime", platform="toy"))
    workspace.add(Endpoint(name="files", model="m", mode="batch", platform="toy"))
    with pytest.raises(UserError, match="“car” runs on Toy and cannot be found again with another place"):
        registry.change_settings(workspace, "toy", {"place": "cellar"})
    registry.change_settings(workspace, "toy", {"wheels": 2})
    workspace.remove(endpoint)
    registry.change_settings(workspace, "toy", {"place": "cellar"})
    assert registry.settings_of(workspace, "toy") == {"wheels": 2, "place": "cellar"}


def test_unrecorded_servers_are_ended_by_the_platforms_that_can_leave_them_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Path, list[Mapping[str, Any]]]] = []

    ending = PlatformDescriptor(
        key="ending",
        title="Ending",
        description="",
        build=ToyPlatform,
        end_unrecorded_servers=lambda folder, recorded_refs: calls.append((folder, recorded_refs())),
    )
    monkeypatch.setitem(registry.PLATFORMS, "ending", ending)
    refs: dict[str, list[Mapping[str, Any]]] = {"local": [], "ending": [{"pid": 1}]}
    registry.end_unrecorded_servers(workspace, lambda key: refs[key])
    assert calls == [(workspace.root / "ending", [{"pid": 1}])]


def test_this_machine_has_no_settings(workspace: Workspace) -> None:
    assert registry.setting_options("local") == [] and registry.settings_of(workspace, "local") == {}
    with pytest.raises(UserError, match="Unknown option “region”. The options are: none"):
        registry.change_settings(workspace, "local", {"region": "eu-west-1"})


def test_an_unknown_platform_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="Unknown platform “moon”. Choose one of: local, aws, toy"):
        registry.choose(workspace, "moon")
    assert registry.chosen(workspace) == "local"
