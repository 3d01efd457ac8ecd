"""A stand-in that stops leaves no processes, files or state behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from aws_fixtures import set_up
from coco import save_channel
from standin.server import Standin
from waiting import until

pytestmark = pytest.mark.slow


def about(folder: Path) -> list[psutil.Process]:
    processes = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.environ().get("SAGEMAKER_BASE_DIR", ""):
                processes.append(process)
        except psutil.Error:
            continue
    return processes


def start_endless_job(server: Standin, tmp_path: Path) -> None:
    account, s3 = set_up(server), server.client("s3")
    for path in save_channel(tmp_path / "train").rglob("*.*"):
        s3.upload_file(str(path), account["bucket"], f"train/{path.relative_to(tmp_path / 'train')}")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{account['bucket']}/train/"}
    server.client("sagemaker").create_training_job(
        TrainingJobName="endless",
        AlgorithmSpecification={"TrainingImage": account["image"], "TrainingInputMode": "File"},
        RoleArn=account["role"],
        HyperParameters={"max_epoch": "500"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{account['bucket']}/training"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    until(lambda: about(server.folder))


def test_jobs_end_with_it(tmp_path: Path) -> None:
    server = Standin()
    server.start()
    start_endless_job(server, tmp_path)
    server.stop()
    assert about(server.folder) == [] and not server.folder.exists()
    following = Standin()
    following.start()
    assert following.client("s3").list_buckets()["Buckets"] == []
    assert following.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
    following.stop()


def test_jobs_end_where_their_test_is_killed(tmp_path: Path) -> None:
    """As continuous integration kills a test that takes too long."""
    code = f"""
import sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from standin.server import Standin
from test_ending import start_endless_job
server = Standin()
server.start()
start_endless_job(server, Path({str(tmp_path)!r}))
print(server.folder, flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    assert about(folder)
    process.kill()
    process.communicate()
    until(lambda: not about(folder) and not folder.exists())
