from __future__ import annotations

from pathlib import Path

import pytest

from backend.platforms.aws.regions import access_choices, regions


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path / "config"


def test_regions_have_their_names_and_the_partition_of_the_default_comes_first() -> None:
    labels = regions()
    assert labels["eu-west-1"] == "eu-west-1: Europe (Ireland)" and len(labels) > 25
    codes = list(labels)
    assert codes.index("us-east-1") < codes.index("cn-north-1")
    in_china = list(regions("cn-north-1"))
    assert in_china[:2] == ["cn-north-1", "cn-northwest-1"] and sorted(in_china) == sorted(codes)


def test_profiles_and_the_default_region_are_those_of_the_machine(config: Path) -> None:
    config.write_text("[default]\nregion = eu-central-1\n[profile work]\nregion = us-east-1\n")
    choices = access_choices()
    assert list(choices["profile"]) == ["", "default", "work"]
    assert choices["region"][""] == "The profile's region (eu-central-1)"


@pytest.mark.parametrize("content", ["", "[profile work\n"])
def test_without_a_readable_configuration_there_are_still_all_regions(config: Path, content: str) -> None:
    config.write_text(content)
    choices = access_choices()
    assert list(choices["profile"]) == [""] and "eu-west-1" in choices["region"]
