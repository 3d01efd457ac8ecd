"""The stand-in through plain boto3: it refuses what AWS refuses, and runs what it accepts."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import cv2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from coco import save_channel
from moving_squares import render_frame, save_model, save_video
from waiting import until

from bytetrack.tracks import Tracks
from bytetrack.training.metric_definitions import METRIC_DEFINITIONS

TINY = {
    "width": "0.125",
    "input_size_h": "64",
    "input_size_w": "64",
    "test_size_h": "64",
    "test_size_w": "64",
    "batch_size": "3",
    "max_epoch": "1",
    "mosaic_prob": "0",
    "num_workers": "0",
}
TAGS = [{"Key": "team", "Value": "vision"}]
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def sm(standin) -> Any:
    return boto3.client("sagemaker", config=ONCE)


@pytest.fixture(scope="module")
def unchecked(standin) -> Any:
    """A client that also sends requests which boto3 itself would refuse."""
    return boto3.client("sagemaker", config=Config(parameter_validation=False))


@pytest.fixture(scope="module")
def s3(standin) -> Any:
    return boto3.client("s3", config=ONCE)


@pytest.fixture(scope="module")
def account(module_account: dict) -> dict[str, str]:
    return module_account


@pytest.fixture(scope="module")
def channels(s3, account: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        name: upload(s3, save_channel(tmp_path_factory.mktemp("channel") / name), f"s3://{account['bucket']}/{name}")
        for name in ("train", "val")
    }


@pytest.fixture(scope="module")
def archive(s3, account: dict, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model that detects colored squares, as an archive in S3."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in save_model(tmp_path_factory.mktemp("model")).iterdir():
            tar.add(path, path.name)
    s3.put_object(Bucket=account["bucket"], Key="squares/model.tar.gz", Body=packed.getvalue())
    return f"s3://{account['bucket']}/squares/model.tar.gz"


@pytest.fixture(scope="module")
def realtime(sm, account: dict, archive: str) -> str:
    return make_endpoint(sm, account, archive, "realtime")


def upload(s3, folder: Path, uri: str) -> str:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for path in folder.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder)}")
    return f"{uri}/"


def read(s3, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def training_job(account: dict, channels: dict[str, str], name: str, **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": account["image"],
            "TrainingInputMode": "File",
            "MetricDefinitions": METRIC_DEFINITIONS,
        },
        "RoleArn": account["role"],
        "HyperParameters": TINY,
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for channel, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{account['bucket']}/training"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def ended(sm, name: str) -> dict[str, Any]:
    def ended_job() -> dict[str, Any] | None:
        job = sm.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return until(ended_job)


def make_model(sm, account: dict, archive: str, name: str, **more: Any) -> None:
    container = {"Image": account["image"], "ModelDataUrl": archive}
    sm.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=account["role"], **more)


def make_config(sm, name: str, model: str, variant: dict[str, Any] | None = None, **more: Any) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large"} | (variant or {})
    sm.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}], **more
    )


def make_endpoint(sm, account: dict, archive: str, name: str, **config: Any) -> str:
    make_model(sm, account, archive, name)
    make_config(sm, name, name, **config)
    sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    in_service(sm, name)
    return name


def in_service(sm, name: str) -> None:
    assert until(lambda: settled(sm, name)) == "InService"


def settled(sm, name: str) -> str:
    status = sm.describe_endpoint(EndpointName=name)["EndpointStatus"]
    return status if status in ("InService", "Failed") else ""


def image(frame: int = 0) -> bytes:
    return cv2.imencode(".png", render_frame(frame))[1].tobytes()


# --- Refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TrainingJobName": "under_score"}, "at 'TrainingJobName' .* regular expression pattern"),
        ({"TrainingJobName": "a" * 64}, "failed to satisfy constraint"),
        ({"RoleArn": None}, "RoleArn"),
        ({"HyperParameters": {"depth": 0.33}}, "depth"),
        ({"HyperParameters": {"depth": "3" * 3000}}, "length less than or equal to 2500"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
        ({"ResourceConfig": {"InstanceType": "ml.huge", "InstanceCount": 1}}, "enum value set"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 30 * 86400}}, "at most 2419200"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket-here/x"}}, "no-such-bucket-here"),
        ({"Tags": [*TAGS, *TAGS]}, "unique"),
    ],
)
def test_a_request_that_aws_refuses_is_refused(
    unchecked, account: dict, channels: dict, changes: dict, message: str
) -> None:
    request = {
        key: value for key, value in training_job(account, channels, "t", **changes).items() if value is not None
    }
    with pytest.raises(ClientError, match=f"(?s)ValidationException.*{message}"):
        unchecked.create_training_job(**request)


def test_what_a_job_needs_must_be_there(sm, account: dict, channels: dict) -> None:
    nowhere = {"train": f"s3://{account['bucket']}/nothing/"}
    with pytest.raises(ClientError, match="No S3 objects found"):
        sm.create_training_job(**training_job(account, nowhere, "t"))
    for image_uri in ("docker.io/library/python:3", account["image"].replace("eu-west-1", "us-east-1")):
        with pytest.raises(ClientError, match="Invalid image URI"):
            sm.create_training_job(**training_job(account | {"image": image_uri}, channels, "t"))
    with pytest.raises(ClientError, match="not found"):
        sm.create_training_job(**training_job(account | {"image": f"{account['image'][:-7]}s:1"}, channels, "t"))


def test_a_role_must_trust_sagemaker(sm, account: dict, channels: dict) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName="for-ec2", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    with pytest.raises(ClientError, match="Could not assume role"):
        sm.create_training_job(**training_job(account | {"role": role}, channels, "t"))


def test_volumes_of_instances_with_a_disk_take_no_key(sm, account: dict, channels: dict, archive: str) -> None:
    volume = {"InstanceCount": 1, "VolumeSizeInGB": 30, "VolumeKmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}
    request = training_job(account, channels, "t", ResourceConfig={"InstanceType": "ml.g5.xlarge", **volume})
    with pytest.raises(ClientError, match="local storage"):
        sm.create_training_job(**request)


@pytest.mark.parametrize(
    ("operation", "names", "code", "message"),
    [
        ("describe_training_job", ["TrainingJobName"], "ValidationException", "Requested resource not found"),
        ("stop_training_job", ["TrainingJobName"], "ValidationException", "Requested resource not found"),
        ("describe_processing_job", ["ProcessingJobName"], "ValidationException", "Could not find requested job"),
        (
            "describe_hyper_parameter_tuning_job",
            ["HyperParameterTuningJobName"],
            "ResourceNotFound",
            "can't find a tuning job",
        ),
        ("describe_model", ["ModelName"], "ValidationException", 'Could not find model "arn:'),
        ("describe_endpoint", ["EndpointName"], "ValidationException", 'Could not find endpoint "arn:'),
        ("delete_endpoint_config", ["EndpointConfigName"], "ValidationException", "Could not find endpoint conf"),
        ("create_endpoint", ["EndpointName", "EndpointConfigName"], "ValidationException", "endpoint configuration"),
        ("describe_model_package_group", ["ModelPackageGroupName"], "ValidationException", "does not exist"),
        ("describe_labeling_job", ["LabelingJobName"], "ResourceNotFound", "nobody"),
        ("describe_workteam", ["WorkteamName"], "ValidationException", "The work team"),
    ],
)
def test_what_is_not_there_is_told_in_sagemakers_words(
    sm, operation: str, names: list[str], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        getattr(sm, operation)(**dict.fromkeys(names, "nobody"))
    assert refused.value.response["Error"]["Code"] == code


def test_names_are_unique_within_a_region(sm, account: dict, archive: str) -> None:
    make_model(sm, account, archive, "twice")
    with pytest.raises(ClientError, match="ValidationException.*Cannot create already existing model"):
        make_model(sm, account, archive, "twice")
    elsewhere = boto3.client("sagemaker", region_name="us-west-2")
    assert elsewhere.list_models()["Models"] == []
    with pytest.raises(ClientError, match="Could not find model"):
        elsewhere.describe_model(ModelName="twice")
    sm.delete_model(ModelName="twice")


# --- Lists and tags -----------------------------------------------------------------------------------------------


def test_lists_come_in_pages_and_can_be_narrowed(sm, account: dict, archive: str) -> None:
    names = [f"page-{number:02d}" for number in range(12)]
    for name in names:
        make_model(sm, account, archive, name, Tags=TAGS)
    first = sm.list_models(NameContains="page-")
    assert len(first["Models"]) == 10 and first["NextToken"]
    pages = sm.get_paginator("list_models").paginate(
        NameContains="page-", MaxResults=5, SortBy="Name", SortOrder="Ascending"
    )
    assert [model["ModelName"] for page in pages for model in page["Models"]] == names
    tagged = boto3.client("resourcegroupstaggingapi").get_paginator("get_resources")
    wanted = {"TagFilters": [{"Key": "team", "Values": ["vision"]}], "ResourceTypeFilters": ["sagemaker:model"]}
    arns = [
        mapping["ResourceARN"]
        for page in tagged.paginate(**wanted, ResourcesPerPage=5)
        for mapping in page["ResourceTagMappingList"]
    ]
    assert {arn.rpartition("/")[2] for arn in arns} == set(names)
    arn = arns[0]
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "sound"}, {"Key": "more", "Value": "1"}])
    sm.delete_tags(ResourceArn=arn, TagKeys=["more"])
    assert sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "sound"}]
    for name in names:
        sm.delete_model(ModelName=name)


# --- Jobs ---------------------------------------------------------------------------------------------------------


def test_a_training_runs_and_leaves_its_model_metrics_log_and_warm_pool(sm, s3, account: dict, channels: dict) -> None:
    warm = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30, "KeepAlivePeriodInSeconds": 600}
    checkpoints = f"s3://{account['bucket']}/checkpoints"
    request = training_job(account, channels, "real", CheckpointConfig={"S3Uri": checkpoints}, ResourceConfig=warm)
    sm.create_training_job(**request, Tags=TAGS)
    with pytest.raises(ClientError, match="ResourceInUse.*already exists"):
        sm.create_training_job(**request)
    with pytest.raises(ClientError, match="ResourceInUse"):
        sm.delete_training_job(TrainingJobName="real")
    job = ended(sm, "real")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    steps = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["BillableTimeInSeconds"] > 0 and "AP" in {data["MetricName"] for data in job["FinalMetricDataList"]}
    with tarfile.open(fileobj=io.BytesIO(read(s3, job["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        assert {"model.json", "model.safetensors"} <= set(tar.getnames())
    assert s3.list_objects_v2(Bucket=account["bucket"], Prefix="checkpoints/")["KeyCount"] > 0
    logs = boto3.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="real/")[
        "logStreams"
    ]
    assert stream["logStreamName"].startswith("real/algo-1-")
    lines = logs.get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    assert any("total_loss" in line["message"] for line in lines)
    assert job["WarmPoolStatus"]["Status"] == "Available"
    with pytest.raises(ClientError, match="warm pool"):
        sm.delete_training_job(TrainingJobName="real")
    sm.update_training_job(TrainingJobName="real", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    assert sm.describe_training_job(TrainingJobName="real")["WarmPoolStatus"]["Status"] == "Terminated"
    with pytest.raises(ClientError, match="in status Completed"):
        sm.stop_training_job(TrainingJobName="real")
    sm.delete_training_job(TrainingJobName="real")


def test_a_training_that_fails_tells_the_containers_reason(sm, account: dict, channels: dict) -> None:
    sm.create_training_job(**training_job(account, channels, "wrong", HyperParameters=TINY | {"max_epoch": "0"}))
    job = ended(sm, "wrong")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: max_epoch is 0, but must be")
    assert job["FailureReason"].endswith(", exit code: 1")


@pytest.mark.parametrize("how", ["asked", "time limit"])
def test_a_training_is_stopped_and_keeps_what_it_has(standin, sm, s3, account: dict, channels: dict, how: str) -> None:
    name = f"long-{how.replace(' ', '-')}"
    job = training_job(
        account,
        channels,
        name,
        HyperParameters=TINY | {"max_epoch": "500"},
        CheckpointConfig={"S3Uri": f"s3://{account['bucket']}/{name}"},
    )
    sm.create_training_job(**job)

    def checkpoints() -> dict[str, datetime]:
        files = s3.list_objects_v2(Bucket=account["bucket"], Prefix=f"{name}/").get("Contents", [])
        return {file["Key"]: file["LastModified"] for file in files}

    until(checkpoints)
    if how == "asked":
        sm.stop_training_job(TrainingJobName=name)
        assert sm.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    else:
        standin.run_out(name)
    job = ended(sm, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] == ("Stopped" if how == "asked" else "MaxRuntimeExceeded")
    assert f"{name}/last.pt" in checkpoints()


def test_a_training_ends_with_its_time_limit(sm, account: dict, channels: dict) -> None:
    sm.create_training_job(
        **training_job(
            account,
            channels,
            "short",
            HyperParameters=TINY | {"max_epoch": "500"},
            StoppingCondition={"MaxRuntimeInSeconds": 1},
        )
    )
    assert ended(sm, "short")["SecondaryStatus"] == "MaxRuntimeExceeded"


def processing_job(account: dict, archive: str, name: str, videos: str, hosts: int = 1, **changes: Any) -> dict:
    def source(input_name: str, uri: str, distribution: str) -> dict:
        place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{input_name}", "S3DataType": "S3Prefix"}
        return {
            "InputName": input_name,
            "S3Input": place | {"S3InputMode": "File", "S3DataDistributionType": distribution},
        }

    output = {"S3Uri": f"s3://{account['bucket']}/{name}", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 30}
    return {
        "ProcessingJobName": name,
        "AppSpecification": {"ImageUri": account["image"], "ContainerEntrypoint": ["process"]},
        "RoleArn": account["role"],
        "ProcessingInputs": [
            source("videos", videos, "ShardedByS3Key"),
            source("model", archive, "FullyReplicated"),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "tracks", "S3Output": output | {"S3UploadMode": "EndOfJob"}}]
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        **changes,
    }


def processed(sm, name: str) -> dict[str, Any]:
    def ended_job() -> dict[str, Any] | None:
        job = sm.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return until(ended_job)


def test_the_hosts_of_a_batch_share_its_videos(sm, s3, account: dict, archive: str, tmp_path: Path) -> None:
    for number in range(3):
        save_video(tmp_path / f"{number}.mp4")
    videos = upload(s3, tmp_path, f"s3://{account['bucket']}/videos")
    sm.create_processing_job(**processing_job(account, archive, "batch", videos, hosts=2))
    job = processed(sm, "batch")
    assert job["ProcessingJobStatus"] == "Completed", job
    files = s3.list_objects_v2(Bucket=account["bucket"], Prefix="batch/")["Contents"]
    names = {file["Key"].removeprefix("batch/") for file in files}
    assert {"0.json", "1.json", "2.json", "summary-algo-1.json", "summary-algo-2.json"} <= names
    done = [
        {video["name"] for video in json.loads(read(s3, f"s3://{account['bucket']}/batch/{name}"))["videos"]}
        for name in ("summary-algo-1.json", "summary-algo-2.json")
    ]
    assert done == [{"0.mp4", "2.mp4"}, {"1.mp4"}]
    assert (
        len(boto3.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")["logStreams"]) == 2
    )
    sm.delete_processing_job(ProcessingJobName="batch")


def test_a_batch_is_refused_stopped_and_says_why_it_failed(sm, s3, account: dict, archive: str, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    videos = upload(s3, tmp_path, f"s3://{account['bucket']}/broken")
    request = processing_job(account, archive, "elsewhere", videos)
    request["ProcessingInputs"][0]["S3Input"]["LocalPath"] = "/opt/ml/input/videos"
    with pytest.raises(ClientError, match="must begin with /opt/ml/processing/"):
        sm.create_processing_job(**request)
    sm.create_processing_job(**processing_job(account, archive, "stopped", videos))
    sm.stop_processing_job(ProcessingJobName="stopped")
    sm.create_processing_job(**processing_job(account, archive, "failed", videos))
    assert processed(sm, "stopped")["ProcessingJobStatus"] == "Stopped"
    job = processed(sm, "failed")
    assert job["ProcessingJobStatus"] == "Failed" and "broken.mp4" in job["ExitMessage"]
    assert "exit code: 1" in job["FailureReason"]


def test_a_search_runs_its_trials_and_names_the_best(sm, account: dict, channels: dict) -> None:
    definition = training_job(account, {"train": channels["train"]}, "x", StaticHyperParameters=TINY)
    del definition["TrainingJobName"], definition["HyperParameters"]
    config = {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "total_loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": "basic_lr_per_img", "MinValue": "1e-5", "MaxValue": "1e-3", "ScalingType": "Logarithmic"}
            ],
            "CategoricalParameterRanges": [{"Name": "test_conf", "Values": ["0.01", "0.1"]}],
        },
    }
    request = {"HyperParameterTuningJobName": "search", "TrainingJobDefinition": definition, "Tags": TAGS}
    for path, value, message in (
        (("HyperParameterTuningJobObjective", "MetricName"), "fun", "A metric is required"),
        (("ResourceLimits", "MaxParallelTrainingJobs"), 3, "must not be more"),
    ):
        wrong = {**config, path[0]: {**config[path[0]], path[1]: value}}
        with pytest.raises(ClientError, match=message):
            sm.create_hyper_parameter_tuning_job(**request, HyperParameterTuningJobConfig=wrong)
    sm.create_hyper_parameter_tuning_job(**request, HyperParameterTuningJobConfig=config)

    def finished() -> dict[str, Any] | None:
        job = sm.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
        return job if job["HyperParameterTuningJobStatus"] != "InProgress" else None

    job = until(finished)
    trials = sm.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
    assert job["HyperParameterTuningJobStatus"] == "Completed", trials
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    values = {
        job["TrainingJobName"]: job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for job in trials["TrainingJobSummaries"]
    }
    assert job["BestTrainingJob"]["TrainingJobName"] == min(values, key=lambda name: values[name])
    trial = sm.describe_training_job(TrainingJobName=job["BestTrainingJob"]["TrainingJobName"])
    assert trial["HyperParameters"]["_tuning_objective_metric"] == "total_loss"
    assert 1e-5 <= float(trial["HyperParameters"]["basic_lr_per_img"]) <= 1e-3
    assert sm.list_tags(ResourceArn=trial["TrainingJobArn"])["Tags"] == TAGS


# --- Endpoints ----------------------------------------------------------------------------------------------------


def test_an_endpoint_answers_and_cloudwatch_counts(sm, realtime: str) -> None:
    runtime = boto3.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=realtime, Body=image(), ContentType="image/png")
    assert len(json.loads(answer["Body"].read())["detections"]) == 2
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    with pytest.raises(ClientError) as refused:
        runtime.invoke_endpoint(EndpointName=realtime, Body=b"no image", ContentType="image/png")
    response: Any = refused.value.response
    assert response["Error"]["Code"] == "ModelError" and response["OriginalStatusCode"] == 400
    assert "error" in json.loads(response["OriginalMessage"])
    dimensions = [{"Name": "EndpointName", "Value": realtime}, {"Name": "VariantName", "Value": "AllTraffic"}]

    def figures(name: str) -> list[dict]:
        moment = datetime.now(UTC)
        return boto3.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=moment - timedelta(minutes=5),
            EndTime=moment + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum", "Maximum"],
        )["Datapoints"]

    assert sum(entry["Sum"] for entry in until(lambda: figures("Invocations"))) == 2
    assert all(1e2 < figure["Maximum"] < 6e7 for figure in figures("ModelLatency"))
    logged = boto3.client("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{realtime}")
    assert logged["logStreams"][0]["logStreamName"].startswith("AllTraffic/i-")


def test_a_session_tracks_and_is_closed(realtime: str) -> None:
    runtime = boto3.client("sagemaker-runtime")

    def ask(session: str, body: bytes, kind: str) -> dict:
        return runtime.invoke_endpoint(EndpointName=realtime, Body=body, ContentType=kind, SessionId=session)

    opened = ask("NEW_SESSION", b"{}", "application/json")["NewSessionId"]
    session, _, expires = opened.partition("; Expires=")
    assert datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ")
    tracked = json.loads(ask(session, image(1), "image/png")["Body"].read())
    assert tracked["tracks"]
    assert ask(session, b'{"close": true}', "application/json")["ClosedSessionId"] == session
    with pytest.raises(ClientError, match="ModelError"):
        ask(session, image(2), "image/png")
    with pytest.raises(ClientError, match="ValidationError"):
        ask("no session!", image(2), "image/png")


def test_what_no_container_sees_is_refused_before(realtime: str) -> None:
    runtime = boto3.client("sagemaker-runtime", config=ONCE)
    with pytest.raises(ClientError, match="ValidationError.*nobody of account 123456789012 not found"):
        runtime.invoke_endpoint(EndpointName="nobody", Body=b"{}")
    with pytest.raises(ClientError, match="exceeded"):
        runtime.invoke_endpoint(EndpointName=realtime, Body=bytes(26_300_000), ContentType="video/mp4")
    with pytest.raises(ClientError, match="real-time endpoint"):
        runtime.invoke_endpoint_async(EndpointName=realtime, InputLocation="s3://b/k")


def test_an_endpoint_on_its_way_cannot_be_deleted_and_an_update_leaves_no_gap(sm, account: dict, archive: str) -> None:
    runtime = boto3.client("sagemaker-runtime")
    make_model(sm, account, archive, "changing")
    for name in ("changing-1", "changing-2"):
        make_config(sm, name, "changing")
    sm.create_endpoint(EndpointName="changing", EndpointConfigName="changing-1")
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        sm.delete_endpoint(EndpointName="changing")
    in_service(sm, "changing")
    sm.update_endpoint(EndpointName="changing", EndpointConfigName="changing-2")
    endpoint = sm.describe_endpoint(EndpointName="changing")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("Updating", "changing-1")
    assert endpoint["PendingDeploymentSummary"]["EndpointConfigName"] == "changing-2"
    while not settled(sm, "changing"):
        runtime.invoke_endpoint(EndpointName="changing", Body=image(), ContentType="image/png")
    assert sm.describe_endpoint(EndpointName="changing")["EndpointConfigName"] == "changing-2"
    sm.delete_endpoint(EndpointName="changing")
    sm.delete_endpoint_config(EndpointConfigName="changing-2")

    def gone() -> bool:
        try:
            return sm.describe_endpoint(EndpointName="changing")["EndpointStatus"] != "Deleting"
        except ClientError as error:
            return "Could not find endpoint" in str(error)

    assert until(gone)
    with pytest.raises(ClientError, match="not found"):
        runtime.invoke_endpoint(EndpointName="changing", Body=image(), ContentType="image/png")


def test_an_endpoint_whose_container_does_not_start_fails(sm, s3, account: dict) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz"):
        pass
    s3.put_object(Bucket=account["bucket"], Key="empty/model.tar.gz", Body=packed.getvalue())
    make_model(sm, account, f"s3://{account['bucket']}/empty/model.tar.gz", "empty")
    make_config(sm, "empty", "empty")
    sm.create_endpoint(EndpointName="empty", EndpointConfigName="empty")
    assert until(lambda: settled(sm, "empty")) == "Failed"
    assert "did not pass the ping health check" in sm.describe_endpoint(EndpointName="empty")["FailureReason"]
    sm.delete_endpoint(EndpointName="empty")


@pytest.mark.parametrize(
    ("instance_type", "ami"),
    [
        ("ml.g5.xlarge", None),
        ("ml.p5.48xlarge", None),
        ("ml.g4dn.xlarge", "al2-ami-sagemaker-inference-gpu-3-1"),
        ("ml.g6.xlarge", "al2023-ami-sagemaker-inference-gpu-4-1"),
    ],
)
def test_a_gpu_variant_starts_only_with_a_driver_for_the_images_cuda(
    sm, account: dict, archive: str, instance_type: str, ami: str | None
) -> None:
    name = instance_type.replace(".", "-")
    make_model(sm, account, archive, name)
    version = {"InferenceAmiVersion": ami} if ami else {}
    make_config(sm, name, name, {"InstanceType": instance_type, **version})
    sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    status = until(lambda: settled(sm, name))
    if ami and "al2023" in ami:
        assert status == "InService"
    else:
        assert status == "Failed"
        assert "CannotStartContainerError" in sm.describe_endpoint(EndpointName=name)["FailureReason"]
    sm.delete_endpoint(EndpointName=name)


def test_a_queue_answers_into_s3_tells_its_topics_and_waits_without_an_instance(
    sm, s3, account: dict, archive: str, tmp_path: Path
) -> None:
    sns, sqs, bucket = boto3.client("sns"), boto3.client("sqs"), account["bucket"]
    topic = sns.create_topic(Name="answers")["TopicArn"]
    inbox = sqs.create_queue(QueueName="answers")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:answers")
    output = {"S3OutputPath": f"s3://{bucket}/answers", "S3FailurePath": f"s3://{bucket}/failures"}
    output["NotificationConfig"] = {"SuccessTopic": topic, "ErrorTopic": topic}
    name = make_endpoint(sm, account, archive, "queue", AsyncInferenceConfig={"OutputConfig": output})
    s3.upload_file(str(save_video(tmp_path / "v.mp4")), bucket, "asked/v.mp4")
    runtime = boto3.client("sagemaker-runtime")

    def ask(key: str) -> dict:
        place = f"s3://{bucket}/{key}"
        return runtime.invoke_endpoint_async(EndpointName=name, InputLocation=place, ContentType="video/mp4")

    def capacity(count: int) -> None:
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        sm.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)

    def there(uri: str) -> bytes | None:
        try:
            return read(s3, uri)
        except ClientError:
            return None

    capacity(0)
    good, bad = ask("asked/v.mp4"), ask("asked/nothing.mp4")
    assert there(good["OutputLocation"]) is None
    capacity(1)
    assert json.loads(until(lambda: there(good["OutputLocation"])))["frames"] == 30
    assert b"Failed to process" in until(lambda: there(bad["FailureLocation"]))
    notifications = []
    while len(notifications) < 2:
        for message in sqs.receive_message(QueueUrl=inbox, WaitTimeSeconds=1, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            notifications.append(json.loads(json.loads(message["Body"])["Message"]))
    states = {notification["inferenceId"]: notification["invocationStatus"] for notification in notifications}
    assert states == {good["InferenceId"]: "Completed", bad["InferenceId"]: "Failed"}
    with pytest.raises(ClientError, match="asynchronous endpoint"):
        runtime.invoke_endpoint(EndpointName=name, Body=b"{}")


# --- Labeling ----------------------------------------------------------------------------------------------------


@pytest.fixture
def labeling_job(s3, account: dict) -> dict[str, Any]:
    """A request for one sequence of three frames."""
    bucket, folder = account["bucket"], "labeling"
    frames = [{"frame-no": number, "frame": f"{number}.jpg"} for number in range(3)]
    prefix = f"s3://{bucket}/{folder}/frames/"
    categories = {
        "documentVersion": "2020-03-01",
        "labels": [{"label": "person"}, {"label": "car"}],
        "annotationType": "BoundingBox",
        "instructions": {"shortInstruction": "Draw.", "fullInstruction": "Draw well."},
    }
    contents: dict[str, bytes] = {f"frames/{entry['frame']}": b"jpeg" for entry in frames}
    contents["sequence.json"] = json.dumps(
        {"seq-no": 1, "prefix": prefix, "number-of-frames": 3, "frames": frames}
    ).encode()
    contents["input.manifest"] = json.dumps({"source-ref": f"s3://{bucket}/{folder}/sequence.json"}).encode()
    contents["categories.json"] = json.dumps(categories).encode()
    for key, content in contents.items():
        s3.put_object(Bucket=bucket, Key=f"{folder}/{key}", Body=content)
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    function = "arn:aws:lambda:eu-west-1:568282634449:function"
    manifest = {"ManifestS3Uri": f"s3://{bucket}/{folder}/input.manifest"}
    return {
        "LabelingJobName": "people",
        "LabelAttributeName": "people-ref",
        "InputConfig": {"DataSource": {"S3DataSource": manifest}},
        "OutputConfig": {"S3OutputPath": f"s3://{bucket}/labeled"},
        "RoleArn": account["role"],
        "LabelCategoryConfigS3Uri": f"s3://{bucket}/{folder}/categories.json",
        "HumanTaskConfig": {
            "WorkteamArn": account["workteam"],
            "UiConfig": {
                "HumanTaskUiArn": "arn:aws:sagemaker:eu-west-1:394669845002:human-task-ui/VideoObjectTracking"
            },
            "PreHumanTaskLambdaArn": f"{function}:PRE-VideoObjectTracking",
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{function}:ACS-VideoObjectTracking"
            },
            "TaskTitle": "People",
            "TaskDescription": "Draw the people.",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 3600,
        },
    }


@pytest.mark.parametrize(
    ("changes", "task", "message"),
    [
        ({"LabelAttributeName": "people"}, {}, "must end with -ref"),
        ({"LabelCategoryConfigS3Uri": "s3://{bucket}/nothing.json"}, {}, "nothing.json cannot be read"),
        ({}, {"NumberOfHumanWorkersPerDataObject": 3}, "must be 1"),
        ({}, {"TaskTimeLimitInSeconds": 8 * 86400}, "at most 604800"),
        ({}, {"UiConfig": {"UiTemplateS3Uri": "s3://bucket/page.html"}}, "HumanTaskUiArn of the region"),
        (
            {},
            {"PreHumanTaskLambdaArn": "arn:aws:lambda:eu-west-1:568282634449:function:PRE-VideoObjectDetection"},
            "is not PRE-VideoObjectTracking of eu-west-1",
        ),
        (
            {},
            {"WorkteamArn": "arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/nobody"},
            "nobody does not exist",
        ),
    ],
)
def test_a_labeling_job_that_ground_truth_refuses_is_refused(
    sm, account: dict, labeling_job: dict, changes: dict, task: dict, message: str
) -> None:
    changes = {key: value.format(bucket=account["bucket"]) for key, value in changes.items()}
    request = labeling_job | changes | {"HumanTaskConfig": labeling_job["HumanTaskConfig"] | task}
    with pytest.raises(ClientError, match=message):
        sm.create_labeling_job(**request)


def test_a_labeling_job_ends_with_what_the_workers_drew_as_ground_truth_writes_it(
    standin, sm, s3, labeling_job: dict, shared_data: Path
) -> None:
    sm.create_labeling_job(**labeling_job)
    job = sm.describe_labeling_job(LabelingJobName="people")
    assert (job["LabelingJobStatus"], job["LabelCounters"]["Unlabeled"]) == ("InProgress", 1)
    drawn = Tracks([0, 2], [7, 7], [[1, 2, 11, 22], [3, 2, 13, 22]], [1, 1], [1, 1], ("person", "car"))
    standin.label("people", {0: drawn})
    job = sm.describe_labeling_job(LabelingJobName="people")
    assert (job["LabelingJobStatus"], job["LabelCounters"]["TotalLabeled"]) == ("Completed", 1)
    (line,) = read(s3, job["LabelingJobOutput"]["OutputDatasetS3Uri"]).splitlines()
    entry = json.loads(line)
    labels = json.loads(read(s3, entry["people-ref"]))["tracking-annotations"]
    assert [len(label["annotations"]) for label in labels] == [1, 0, 1]
    box = labels[2]["annotations"][0]
    assert (box["left"], box["top"], box["width"], box["height"]) == (3, 2, 10, 20)
    assert entry["people-ref-metadata"]["class-map"][box["class-id"]] == "car"
    real = shared_data / "pets" / "labeling-job-output" / "pets-people"
    example = json.loads((real / "manifests/output/output.manifest").read_text().splitlines()[0])
    assert entry.keys() == {key.replace("pets-people", "people") for key in example}
    assert entry["people-ref-metadata"].keys() == example["pets-people-ref-metadata"].keys()
    theirs = json.loads((real / "annotations/consolidated-annotation/output/0/SeqLabel.json").read_text())
    frame = theirs["tracking-annotations"][0]
    assert labels[0].keys() == frame.keys() and box.keys() == frame["annotations"][0].keys()
    with pytest.raises(ClientError, match="in status Completed"):
        sm.stop_labeling_job(LabelingJobName="people")


# --- The registry -------------------------------------------------------------------------------------------------


def test_models_are_registered_as_versions_of_a_group(sm, account: dict, archive: str) -> None:
    sm.create_model_package_group(ModelPackageGroupName="squares")
    containers = [{"Image": account["image"], "ModelDataUrl": archive}]
    specification = {"Containers": containers, "SupportedContentTypes": ["image/png"]}
    arns = [
        sm.create_model_package(
            ModelPackageGroupName="squares",
            InferenceSpecification=specification | {"SupportedResponseMIMETypes": ["application/json"]},
            ModelPackageDescription="Squares, blue and red (quite good)",
            CustomerMetadataProperties={"AP": "0.5"},
        )["ModelPackageArn"]
        for _ in range(2)
    ]
    packages = sm.list_model_packages(ModelPackageGroupName="squares")["ModelPackageSummaryList"]
    assert [package["ModelPackageVersion"] for package in packages] == [2, 1]
    assert sm.describe_model_package(ModelPackageName=arns[0])["CustomerMetadataProperties"] == {"AP": "0.5"}
    with pytest.raises(ClientError, match="ConflictException"):
        sm.delete_model_package_group(ModelPackageGroupName="squares")
    for arn in arns:
        sm.delete_model_package(ModelPackageName=arn)
    sm.delete_model_package_group(ModelPackageGroupName="squares")


# --- Faults -------------------------------------------------------------------------------------------------------


def test_faults_come_when_they_are_asked_for_and_end(standin, sm, s3, account: dict) -> None:
    standin.fail_next("sagemaker", "ListModels", "ThrottlingException", times=2, message="Rate exceeded")
    for _ in range(2):
        with pytest.raises(ClientError, match="ThrottlingException.*Rate exceeded"):
            sm.list_models()
    sm.list_models()
    standin.fail_after(1, "s3", "UploadPart", "ExpiredToken", message="The token has expired.")
    part = {"Bucket": account["bucket"], "Key": "large"}
    part["UploadId"] = s3.create_multipart_upload(**part)["UploadId"]
    s3.upload_part(**part, PartNumber=1, Body=b"1")
    with pytest.raises(ClientError, match="ExpiredToken"):
        s3.upload_part(**part, PartNumber=2, Body=b"2")
    assert standin.count("s3", "UploadPart") == 2
    standin.cut_off(seconds=60)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        sm.list_models()
    standin.heal()
    sm.list_models()
