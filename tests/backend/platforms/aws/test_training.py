"""Training jobs: their options reach SageMaker, and several instances train one model."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from coco import save_channel

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws.platform import AwsPlatform
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import HyperparameterSearchSpec, JobState, Range, TrainingSpec, Watch
from bytetrack.training.metric_definitions import parse

QUIET = Watch(lambda line: None)
SMALL = {
    "width": "0.125",
    "input_size_h": "64",
    "input_size_w": "64",
    "test_size_h": "64",
    "test_size_w": "64",
    "batch_size": "4",
    "max_epoch": "1",
    "mosaic_prob": "0",
}


def spec(folder: Path, token: str, **options: Any) -> TrainingSpec:
    channels = {"train": save_channel(folder / "train"), "val": save_channel(folder / "val")}
    return TrainingSpec("small", channels, SMALL, token, folder / "output", options)


def job(platform: AwsPlatform, token: str) -> dict[str, Any]:
    (summary,) = platform.account.pages("sagemaker", "list_training_jobs", "TrainingJobSummaries", NameContains=token)
    return platform.account.call("sagemaker", "describe_training_job", TrainingJobName=summary["TrainingJobName"])


def test_two_instances_train_one_model_and_one_reports_metrics(aws_account: dict, tmp_path: Path) -> None:
    platform, lines = AwsPlatform(AwsSettings.parse(aws_account)), list[str]()
    platform.training.run(spec(tmp_path, "twotwotwo", count=2), Watch(lines.append))
    assert json.loads((tmp_path / "output" / "model.json").read_bytes())["classes"] == ["square", "disc"]
    assert any("2 x CPU" in line for line in lines)
    assert any("total_loss" in parse(line) and "epoch" in parse(line) for line in lines)
    assert job(platform, "twotwotwo")["ResourceConfig"]["InstanceCount"] == 2


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        (
            {"subnets": "subnet-1, subnet-2", "security_groups": "sg-1", "network_isolation": True},
            {"spot": True, "max_hours": 2.0},
            {
                "EnableManagedSpotTraining": True,
                "EnableNetworkIsolation": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 14400},
                "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
            },
        ),
        (
            {"kms_key": "1234abcd-12ab-34cd-56ef-1234567890ab", "tags": "team=vision"},
            {"instance_type": "ml.p3.2xlarge", "volume_gb": 99, "keep_alive_minutes": 10},
            {
                "ResourceConfig": {
                    "InstanceType": "ml.p3.2xlarge",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 99,
                    "VolumeKmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
                    "KeepAlivePeriodInSeconds": 600,
                }
            },
        ),
    ],
)
def test_options_and_settings_reach_sagemaker(
    aws_account: dict, tmp_path: Path, settings: dict, options: dict, expected: dict
) -> None:
    platform = AwsPlatform(AwsSettings.parse({**aws_account, **settings}))
    token = secrets.token_hex(8)

    def stop(state: JobState) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        platform.training.run(spec(tmp_path, token, **options), Watch(lambda line: None, stop))
    summary = job(platform, token)
    assert {key: summary.get(key) for key in expected} == expected
    assert summary["CheckpointConfig"]["S3Uri"].endswith(f"/checkpoints/{token}")
    tags = platform.account.call("sagemaker", "list_tags", ResourceArn=summary["TrainingJobArn"])["Tags"]
    assert tags == platform.account.settings.tag_list


def test_a_search_is_followed_after_its_console_was_lost(standin, aws_account: dict, tmp_path: Path) -> None:
    platform = AwsPlatform(AwsSettings.parse(aws_account))
    ranges = {"basic_lr_per_img": Range(1e-4, 1e-2, logarithmic=True)}
    search = HyperparameterSearchSpec(spec(tmp_path, "searchsearch"), ranges, "total_loss", False, 1, {"parallel": 1})
    describe = "DescribeHyperParameterTuningJob"
    standin.fail_after(2, "sagemaker", describe, "AccessDeniedException", times=1, message="not now")
    with pytest.raises(UserError, match="not now"):
        platform.hyperparameter_search.run(search, QUIET, lambda trials: None)
    assert platform.training.can_resume("searchsearch")
    assert platform.hyperparameter_search.run(search, QUIET, lambda trials: None).status == "done"
    assert (tmp_path / "output" / "model.json").exists()
    assert standin.count("sagemaker", "CreateHyperParameterTuningJob") == 1
