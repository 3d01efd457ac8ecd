from __future__ import annotations

from pathlib import Path

import pytest

from backend.platforms.aws import choices, instances, prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.options import form
from tests.backend.platforms.aws.make_instances import make


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    """An account whose prices come from the table."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(prices, "_start_refresh", lambda account, usage: None)
    return Account(AwsSettings(region="us-east-1"))


def test_a_label_has_gpus_memory_and_price(account: Account) -> None:
    read = instances.choices(account, "training")
    assert read["ml.g5.xlarge"].startswith("ml.g5.xlarge: 1 x A10G 22 GiB, 4 vCPU, 16 GiB, $1.41 per hour")
    assert read["ml.g5.12xlarge"].startswith("ml.g5.12xlarge: 4 x A10G 22 GiB, 48 vCPU, 192 GiB, $7.09")
    assert read["ml.c7i.4xlarge"] == "ml.c7i.4xlarge: 16 vCPU, 32 GiB"  # its price is unknown


def test_types_with_gpus_come_first_and_then_cheaper_ones() -> None:
    known = {"ml.g5.xlarge": prices.Price(1.4, ""), "ml.g4dn.xlarge": prices.Price(0.7, "")}
    names = [entry.name for entry in instances.offered("training", known)]
    assert names[:2] == ["ml.g4dn.xlarge", "ml.g5.xlarge"]
    gpus = [instances.instance_table()[name].gpus > 0 for name in names]
    assert gpus == sorted(gpus, reverse=True) and not gpus[-1]


def test_types_that_the_image_cannot_run_on_are_not_offered(account: Account) -> None:
    for usage in instances.TYPE_LISTS:
        offered = instances.choices(account, usage)
        too_old = {"ml.p2.xlarge", "ml.p3.2xlarge", "ml.p3dn.24xlarge"}  # K80 and V100, which CUDA 13 does not support
        assert not too_old & set(offered)
        assert not {"ml.m6g.large", "ml.trn1.2xlarge", "ml.inf2.xlarge", "ml.dl1.24xlarge"} & set(offered)


def test_each_usage_has_its_own_types(account: Account) -> None:
    assert "ml.t3.medium" in instances.choices(account, "processing")
    assert "ml.t3.medium" not in instances.choices(account, "hosting")
    assert "ml.p4d.24xlarge" not in instances.choices(account, "processing")


def test_default_types_are_offered(account: Account) -> None:
    for cls, usage in (
        (choices.TrainingChoices, "training"),
        (choices.BatchChoices, "processing"),
        (choices.EndpointChoices, "hosting"),
        (choices.AsyncChoices, "hosting"),
    ):
        (chosen,) = (entry for entry in form(cls) if entry.name == "instance_type")
        assert chosen.default in instances.choices(account, usage)


def test_types_with_a_local_disk_are_known() -> None:
    assert instances.has_own_disk("ml.g5.xlarge") and not instances.has_own_disk("ml.c5.xlarge")


def test_the_table_equals_ec2s_data() -> None:
    current = make()["types"]
    assert {name: current[name] for name in instances.instance_table()} == {
        entry.name: [entry.cpus, entry.memory, entry.gpu, entry.gpus, entry.gpu_memory, entry.disk]
        for entry in instances.instance_table().values()
    }
