"""Training jobs, which run one `train` program per host."""

from __future__ import annotations

import re
import threading
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standin import files
from standin.model import Refused, invalid
from standin.programs import Log, Program, failure, free_port, write_json
from standin.resources import JOB_TAKEN, Resources, now
from standin.rules import check_own_disk

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

ENDED = ("Completed", "Failed", "Stopped")
LONGEST = 28 * 86400  # seconds
ROOT = "/opt/ml/"


class TrainingJobs:
    """Training jobs. If a job has several hosts, their names are addresses of this machine, which need no DNS."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        self.jobs = Resources("training-job", ("ValidationException", "Requested resource not found."), JOB_TAKEN)
        self.kinds = [self.jobs]
        self._programs: dict[str, list[Program]] = {}  # by the job's ARN
        self._threads: list[threading.Thread] = []

    def create_training_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        self.check(region, request)
        return {"TrainingJobArn": self.begin(region, request)["Arn"]}

    def describe_training_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.jobs.get(request["TrainingJobName"], region))

    def list_training_jobs(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.jobs.page(request, region, "TrainingJobName", "TrainingJobStatus")
        return {"TrainingJobSummaries": [self._described(entry) for entry in page.pop("entries")], **page}

    def stop_training_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["TrainingJobName"], region)
        if job["TrainingJobStatus"] in ENDED:
            raise invalid(f"The request was rejected because the training job is in status {job['TrainingJobStatus']}.")
        self.stop(job)

    def delete_training_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["TrainingJobName"], region)
        if job["TrainingJobStatus"] not in ENDED or warm_pool(job).get("Status") == "Available":
            raise Refused("ResourceInUse", "A training job that runs, or has a warm pool, cannot be deleted.")
        self.jobs.remove(request["TrainingJobName"], region)

    def update_training_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        """Change the lifetime of the warm pool."""
        job = self.jobs.get(request["TrainingJobName"], region)
        if "ResourceConfig" not in request or warm_pool(job).get("Status") != "Available":
            raise invalid("Only the warm pool of a training job can be changed, and only while it is available.")
        job["ResourceConfig"] = job["ResourceConfig"] | request["ResourceConfig"]
        return {"TrainingJobArn": job["Arn"]}

    def run_out(self, name: str, region: str) -> None:
        """Let the job reach its time limit now."""
        job = self.jobs.get(name, region)
        self._run_out(job, self._programs[job["Arn"]])

    def end_everything(self) -> None:
        for job in self.jobs.values():
            job["Asked"] = True
        for program in [program for programs in list(self._programs.values()) for program in programs]:
            program.kill()
        for thread in self._threads:
            thread.join(10)

    def check(self, region: str, request: dict[str, Any]) -> None:
        """Check AWS's rules beyond the service model."""
        s3 = self._sagemaker.standin.client("s3", region)
        self._sagemaker.check_role(request["RoleArn"])
        self._sagemaker.check_image(region, request["AlgorithmSpecification"]["TrainingImage"])
        channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
        if len(set(channels)) < len(channels):
            raise invalid("Channel names must be unique.")
        for channel in request.get("InputDataConfig", []):
            files.must_exist(s3, channel["DataSource"]["S3DataSource"]["S3Uri"])
        files.keys(s3, request["OutputDataConfig"]["S3OutputPath"])
        for definition in request["AlgorithmSpecification"].get("MetricDefinitions", []):
            if re.compile(definition["Regex"]).groups < 1:
                raise invalid(f"The expression of the metric {definition['Name']} has no group.")
        stopping, spot = request["StoppingCondition"], request.get("EnableManagedSpotTraining", False)
        seconds, resources = stopping["MaxRuntimeInSeconds"], request["ResourceConfig"]
        if seconds > LONGEST:
            raise invalid(f"MaxRuntimeInSeconds must be at most {LONGEST}.")
        if spot and stopping.get("MaxWaitTimeInSeconds", 0) < seconds:
            raise invalid("MaxWaitTimeInSeconds must be present and at least MaxRuntimeInSeconds with spot training.")
        if not spot and "MaxWaitTimeInSeconds" in stopping:
            raise invalid("MaxWaitTimeInSeconds is only for managed spot training.")
        if spot and resources.get("KeepAlivePeriodInSeconds"):
            raise invalid("Warm pools are not supported with managed spot training.")
        check_own_disk(resources["InstanceType"], VolumeKmsKeyId=resources.get("VolumeKmsKeyId"))

    def begin(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        """Start a job whose request has been checked."""
        name = request["TrainingJobName"]
        model = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output/model.tar.gz"
        state = {
            "TrainingJobStatus": "InProgress",
            "SecondaryStatusTransitions": [],
            "ModelArtifacts": {"S3ModelArtifacts": model},
            "Asked": False,
        }
        tags = request.pop("Tags", None)
        job = self.jobs.add(region, name, request | state, tags)
        self._take_warm_pool(job)
        self._enter(job, "Starting")
        thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return job

    def stop(self, job: dict[str, Any]) -> None:
        if job["Asked"]:
            return
        job["Asked"] = True
        job["TrainingJobStatus"] = "Stopping"
        self._enter(job, "Stopping")
        self._stop(self._programs.get(job["Arn"], []))

    def _described(self, job: dict[str, Any]) -> dict[str, Any]:
        warm = warm_pool(job)
        return job | {"TrainingJobArn": job["Arn"]} | ({"WarmPoolStatus": warm} if warm else {})

    def _take_warm_pool(self, job: dict[str, Any]) -> None:
        """Reuse a warm pool with the same instances and role."""
        resources = job["ResourceConfig"]
        for other in self.jobs.values(job["Region"]):
            same = all(other["ResourceConfig"][key] == resources[key] for key in ("InstanceType", "InstanceCount"))
            available = warm_pool(other).get("Status") == "Available"
            if available and same and other["RoleArn"] == job["RoleArn"] and "KeepAlivePeriodInSeconds" in resources:
                other["ReusedBy"] = job["TrainingJobName"]
                return

    def _enter(self, job: dict[str, Any], status: str) -> None:
        job["SecondaryStatus"], job["LastModifiedTime"] = status, now()
        if job["SecondaryStatusTransitions"]:
            job["SecondaryStatusTransitions"][-1]["EndTime"] = now()
        job["SecondaryStatusTransitions"].append({"Status": status, "StartTime": now()})

    def _run(self, job: dict[str, Any]) -> None:
        base = self._sagemaker.standin.folder / f"{job['Region']}-{job['TrainingJobName']}"
        try:
            code, log = self._train(job, base)
            self._end(job, base, code, log)
        except Exception as error:  # a fault of the stand-in itself must be visible to the test
            job["FailureReason"] = f"InternalServerError: {error!r}"[:1024]
            self._enter(job, "Failed")
            job["TrainingJobStatus"] = "Failed"
        finally:
            self._programs.pop(job["Arn"], None)
            files.remove(base)

    def _train(self, job: dict[str, Any], base: Path) -> tuple[int, Log]:
        standin, name = self._sagemaker.standin, job["TrainingJobName"]
        s3 = standin.client("s3", job["Region"])
        if not job["Asked"]:
            self._enter(job, "Downloading")
        hosts = host_names(job["ResourceConfig"]["InstanceCount"])
        bases = [base, *(base / "others" / host for host in hosts[1:])]  # only the first host writes the model
        kept = job.get("CheckpointConfig", {})
        checkpoints = base / kept.get("LocalPath", f"{ROOT}checkpoints").removeprefix(ROOT)
        for host, base in zip(hosts, bases):
            self._prepare(job, base, host, hosts, s3)
        if kept:
            files.download(s3, kept["S3Uri"].rstrip("/") + "/", checkpoints)
        job["TrainingStartTime"] = now()
        if not job["Asked"]:
            self._enter(job, "Training")
        variables = {key: str(value) for key, value in job.get("Environment", {}).items()}
        if len(hosts) > 1:
            variables["MASTER_PORT"] = str(free_port())  # on AWS each host has the default port to itself
        client, began = standin.client("logs", job["Region"]), int(time.time())
        logs = [
            Log(client, "/aws/sagemaker/TrainingJobs", f"{name}/algo-{number}-{began}")
            for number in range(1, len(hosts) + 1)
        ]
        programs = self._programs[job["Arn"]] = [
            Program("train", [], base, log, TRAINING_JOB_NAME=name, **variables) for base, log in zip(bases, logs)
        ]
        if job["Asked"]:
            self._stop(programs)
        limit = threading.Timer(job["StoppingCondition"]["MaxRuntimeInSeconds"], self._run_out, [job, programs])
        limit.daemon = True
        limit.start()
        with files.synced(s3, checkpoints, kept["S3Uri"]) if kept else nullcontext():
            codes = [program.wait() for program in programs]
        limit.cancel()
        return next((code for code in codes if code), 0), logs[0]

    def _prepare(self, job: dict[str, Any], base: Path, host: str, hosts: list[str], s3: Any) -> None:
        """Create the folders of one host."""
        config = base / "input" / "config"
        write_json(config / "hyperparameters.json", job.get("HyperParameters", {}))
        network = {"network_interface_name": "lo"} if len(hosts) > 1 else {}
        write_json(config / "resourceconfig.json", {"current_host": host, "hosts": hosts, **network})
        channels = {entry["ChannelName"]: entry for entry in job.get("InputDataConfig", [])}
        write_json(config / "inputdataconfig.json", {channel: {"TrainingInputMode": "File"} for channel in channels})
        for channel, about in channels.items():
            files.download(s3, about["DataSource"]["S3DataSource"]["S3Uri"], base / "input" / "data" / channel)
        for folder in ("model", "output", "checkpoints"):
            (base / folder).mkdir(parents=True, exist_ok=True)

    def _stop(self, programs: list[Program]) -> None:
        for program in programs:
            threading.Thread(target=program.stop, daemon=True).start()

    def _run_out(self, job: dict[str, Any], programs: list[Program]) -> None:
        job["RunOut"] = True
        self._stop(programs)

    def _end(self, job: dict[str, Any], base: Path, code: int, log: Log) -> None:
        s3 = self._sagemaker.standin.client("s3", job["Region"])
        job["TrainingEndTime"] = now()
        seconds = max(1, round((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds()))
        job["TrainingTimeInSeconds"] = job["BillableTimeInSeconds"] = seconds
        job["FinalMetricDataList"] = metrics(job["AlgorithmSpecification"].get("MetricDefinitions", []), log.lines)
        stopped = job["Asked"] or job.get("RunOut")
        if code != 0 and not stopped:
            job["FailureReason"] = f"AlgorithmError: {failure(base)}, exit code: {code}"[:1024]
            self._enter(job, "Failed")
            job["TrainingJobStatus"] = "Failed"
            return
        self._enter(job, "Uploading")
        if any((base / "model").iterdir()):
            files.upload_packed(s3, base / "model", job["ModelArtifacts"]["S3ModelArtifacts"])
        status = "Stopped" if stopped else "Completed"
        self._enter(job, "MaxRuntimeExceeded" if job.get("RunOut") else status)
        job["TrainingJobStatus"] = status


def host_names(count: int) -> list[str]:
    return ["algo-1"] if count == 1 else [f"127.0.0.{number}" for number in range(1, count + 1)]


def warm_pool(job: dict[str, Any]) -> dict[str, Any]:
    """Return the `WarmPoolStatus` of a job; empty if it requested no warm pool."""
    seconds = job["ResourceConfig"].get("KeepAlivePeriodInSeconds")
    if seconds is None:
        return {}
    if job["TrainingJobStatus"] not in ENDED:
        return {"Status": "InUse"}
    if "TrainingEndTime" not in job:  # the job never ran
        return {"Status": "Terminated"}
    if "ReusedBy" in job:
        return {"Status": "Reused", "ReusedByJob": job["ReusedBy"]}
    kept = min(now() - job["TrainingEndTime"], timedelta(seconds=seconds))
    status = "Available" if kept < timedelta(seconds=seconds) else "Terminated"
    return {"Status": status, "ResourceRetainedBillableTimeInSeconds": int(kept.total_seconds())}


def metrics(definitions: list[dict[str, str]], lines: list[str]) -> list[dict[str, Any]]:
    """Return the last value of each metric in the lines."""
    last_values: dict[str, float] = {}
    for line in lines:
        for definition in definitions:
            if match := re.search(definition["Regex"], line):
                last_values[definition["Name"]] = float(match[1])
    return [{"MetricName": name, "Value": value, "Timestamp": now()} for name, value in last_values.items()]
